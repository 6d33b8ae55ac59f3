/**
 * Finds out when a worker has nothing to do any more, and has it give back what it needed before. The worker never returns
 * to its event loop, so it has no timers: it sleeps no longer than until it is known whether these seconds were quiet, and
 * for as long as it likes after that.
 */
import { performance } from 'node:perf_hooks';
import { QUIET_MS, type SpareHeap } from '../base/spare-heap.ts';

/** Health checks and scrapes come as often, and some keys that expire. */
const PIECES_MAX = 20;

export interface Clock {
  nowMs(): number;
}

export class QuietDuty {
  readonly #heap: SpareHeap;
  readonly #population: () => number;
  readonly #clock: Clock;
  #isWatching = false;
  #sinceMs = 0;
  #pieces = 0;
  #populationMax = 0;

  /** @param population how many things live in the heap, which all take about as much. */
  constructor(heap: SpareHeap, population: () => number, clock: Clock = { nowMs: () => performance.now() }) {
    this.#heap = heap;
    this.#population = population;
    this.#clock = clock;
  }

  /**
   * To be asked each time before the worker sleeps.
   * @param pieces of work, done since it was asked last.
   * @returns how long the worker may sleep before it asks again, in ms; Infinity for as long as it likes.
   */
  sleepMsMax(pieces: number): number {
    if (pieces === 0 && !this.#isWatching) return Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.nowMs();
    const population = this.#population();
    this.#populationMax = Math.max(this.#populationMax, population);
    if (!this.#isWatching) this.#watch(nowMs);
    this.#pieces += pieces;
    if (nowMs - this.#sinceMs < QUIET_MS) return this.#sinceMs + QUIET_MS - nowMs;
    if (this.#pieces > PIECES_MAX) {
      this.#watch(nowMs);
      return QUIET_MS;
    }
    this.#isWatching = false;
    if (!this.#heap.isWorthwhile(this.#populationMax === 0 ? 1 : population / this.#populationMax)) {
      return Number.POSITIVE_INFINITY;
    }
    this.#populationMax = population;
    if (!this.#heap.giveBack()) return Number.POSITIVE_INFINITY;
    this.#watch(this.#clock.nowMs());
    return QUIET_MS;
  }

  #watch(nowMs: number): void {
    this.#isWatching = true;
    this.#sinceMs = nowMs;
    this.#pieces = 0;
  }
}
