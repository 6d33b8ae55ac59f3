/** Lets a task in the background rest for as long as it has worked, so that its haste falls on nobody. */
import { performance } from 'node:perf_hooks';

/** Longer it has not worked, but waited for a core: it would be the slower twice over, and the journal grow without end. */
const REST_MS_MAX = 10;

/**
 * A low priority is not enough: a thread that wants a core all the time is given its turns before one that has just woken
 * (native-bench, "snapshot"), and what it writes is in the disk's queue before the journal's next group.
 */
export class Pace {
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #workingSinceMs = performance.now();

  /** Sleeps for as long as it has been since the last rest. To be called every few milliseconds of work. */
  rest(): void {
    const sinceMs = performance.now() - this.#workingSinceMs;
    Atomics.wait(this.#sleeper, 0, 0, Math.min(sinceMs, REST_MS_MAX));
    this.#workingSinceMs = performance.now();
  }
}
