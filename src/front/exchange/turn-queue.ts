/**
 * Slots that wait for their turn. A turn of the event loop serves them for so long, and the next turn the next of them: others'
 * requests and answers come in between, whatever thousands of watchers are to be told (native-bench, "hostile" and
 * "fan-out-5000": they waited for seconds). By the clock and not by a number of slots or bytes: a send takes five
 * microseconds or thirty, and to be dropped takes a stream longer than to be written to.
 */
import { performance } from 'node:perf_hooks';

/** For so long a turn serves. The clock is looked at after so many slots. */
const TURN_MS_MAX = 0.25;
const SLOTS_PER_LOOK = 4;

/** How much is to be served: what a turn has time for, or all. */
export type TurnShare = 'turn' | 'all';

export class TurnQueue {
  readonly #nowMs: () => number;
  /** Those before `#first` had their turn. */
  #slots: number[] = [];
  #first = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get isEmpty(): boolean {
    return this.#first === this.#slots.length;
  }

  add(slot: number): void {
    this.#slots.push(slot);
  }

  /** Takes slots in the order in which they came. */
  serve(share: TurnShare, give: (slot: number) => void): void {
    const untilMs = share === 'turn' ? this.#nowMs() + TURN_MS_MAX : Number.POSITIVE_INFINITY;
    for (let served = 0; !this.isEmpty; served++) {
      if (served > 0 && served % SLOTS_PER_LOOK === 0 && this.#nowMs() >= untilMs) break;
      give(this.#slots[this.#first++] as number);
    }
    // Not each turn: where they are many that would take longer than the turn.
    if (this.#first * 2 < this.#slots.length) return;
    this.#slots = this.#slots.slice(this.#first);
    this.#first = 0;
  }
}
