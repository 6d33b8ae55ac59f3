/**
 * Finds out when a thread with an event loop has nothing to do any more, and has it give back what it needed before. Looks
 * only after it was told of some activity: nothing wakes a thread that sleeps for good.
 */
import { performance } from 'node:perf_hooks';
import { QUIET_MS, type SpareHeap } from '../base/spare-heap.ts';

/** What some health checks and scrapes take; a hundred requests in `QUIET_MS` take more. */
const ACTIVE_MS_MAX = 10;

export class QuietLoop {
  readonly #heap: SpareHeap;
  readonly #letGo: () => number;
  #since = performance.eventLoopUtilization();
  #timer: NodeJS.Timeout | undefined;

  /** @param letGo of what is kept to be used again. It says how much that was, about, in bytes. */
  constructor(heap: SpareHeap, letGo: () => number) {
    this.#heap = heap;
    this.#letGo = letGo;
  }

  /** The thread has had something to do. */
  noteActivity(): void {
    if (this.#timer !== undefined) return;
    this.#since = performance.eventLoopUtilization();
    this.#timer = setTimeout(() => this.#look(), QUIET_MS).unref();
  }

  /** Nothing is given back afterwards. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer = undefined;
    if (performance.eventLoopUtilization(this.#since).active > ACTIVE_MS_MAX) this.noteActivity();
    else if (this.#heap.isWorthwhile(1, this.#letGo()) && this.#heap.giveBack()) this.noteActivity();
  }
}
