/** How long the store has taken for each request, by slot: counted when it is sent, and measured when its answer is here. */
import { performance } from 'node:perf_hooks';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import { Operation } from '../../metrics/operation.ts';

export interface SlowRequestOptions {
  /** An answer that takes so long is slow; Infinity for never. */
  readonly slowRequestMs: number;
  /** Called when one on the key space was. @param isGone whether its client has not waited for it. */
  readonly onSlow: (slot: number, status: number, tookMs: number, isGone: boolean) => void;
}

export class RequestDurations {
  readonly #metrics: FrontEndMetrics;
  readonly #options: SlowRequestOptions;
  /** By slot: what was asked, and when. */
  readonly #operations: Operation[] = [];
  readonly #receivedMs: number[] = [];
  #nowMs = 0;

  constructor(metrics: FrontEndMetrics, options: SlowRequestOptions) {
    this.#metrics = metrics;
    this.#options = options;
  }

  /** The replies that are handled next are there now. */
  lookAtClock(): void {
    this.#nowMs = performance.now();
  }

  /** A request is handed to the store. */
  begin(slot: number, operation: Operation, receivedMs: number): void {
    this.#operations[slot] = operation;
    this.#receivedMs[slot] = receivedMs;
    this.#metrics.received(operation);
  }

  /** Its answer is here. */
  finish(slot: number, status: number, isGone: boolean): void {
    const operation = this.#operations[slot] as Operation;
    const tookMs = this.#nowMs - (this.#receivedMs[slot] as number);
    if (!isGone) this.#metrics.answered(operation, status, tookMs);
    if (tookMs >= this.#options.slowRequestMs && operation !== Operation.other) {
      this.#metrics.count(Counter.slow);
      this.#options.onSlow(slot, status, tookMs, isGone);
    }
  }
}

/** Measures nothing, for the sake of a comparison: `UncountedMetrics`. */
export class UnmeasuredDurations extends RequestDurations {
  override lookAtClock(): void {}

  override begin(): void {}

  override finish(): void {}
}
