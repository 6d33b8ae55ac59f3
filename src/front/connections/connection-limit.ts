/**
 * How many connections a server has open, all its front ends together, and whether there may be another.
 *
 * Each front end counts its own in its metrics, which it alone writes, and adds up all to decide. Two that accept in the
 * same moment may both take the last place, so there can be as many too many as there are other front ends.
 */
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';

export class ConnectionLimit {
  readonly max: number;
  readonly #own: FrontEndMetrics;
  readonly #all: readonly FrontEndMetrics[];

  /** @param own what this front end counts. @param all what each counts, this one too. */
  constructor(max: number, own: FrontEndMetrics, all: readonly FrontEndMetrics[]) {
    this.max = max;
    this.#own = own;
    this.#all = all;
  }

  /** A connection has been accepted. @returns whether there is a place for it; if not it must be closed. */
  opened(): boolean {
    this.#note(1);
    let open = 0;
    for (const frontEnd of this.#all) open += frontEnd.get(Counter.connections);
    if (open <= this.max) return true;
    this.#own.count(Counter.tooManyConnections);
    return false;
  }

  /** A connection is gone, whether it had a place or not. */
  closed(): void {
    this.#note(-1);
  }

  #note(change: number): void {
    this.#own.set(Counter.connections, this.#own.get(Counter.connections) + change);
  }
}
