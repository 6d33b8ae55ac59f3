/** How many snapshots were made, in shared memory that only the main thread writes: it orders them. */
import { createCountedMemory } from './counted.ts';

const MADE_AT = 0;
const FAILED_AT = 1;
const LAST_TOOK_MS_AT = 2;
const WORDS = 3;

export class SnapshotMetrics {
  readonly #words: Float64Array;

  static createMemory(): SharedArrayBuffer {
    return createCountedMemory(WORDS);
  }

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Float64Array(memory);
  }

  made(tookMs: number): void {
    this.#words[MADE_AT] = this.madeCount + 1;
    this.#words[LAST_TOOK_MS_AT] = tookMs;
  }

  failed(): void {
    this.#words[FAILED_AT] = this.failedCount + 1;
  }

  get madeCount(): number {
    return this.#words[MADE_AT] as number;
  }

  get failedCount(): number {
    return this.#words[FAILED_AT] as number;
  }

  /** 0 before the first. */
  get lastTookMs(): number {
    return this.#words[LAST_TOOK_MS_AT] as number;
  }
}
