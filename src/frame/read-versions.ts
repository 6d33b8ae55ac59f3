/**
 * By which front ends know whether an answer that they have kept still holds: one count for each *position*, and every
 * path has one, by its hash. The store worker moves the count of a path whose answer somebody may have kept, when that
 * path changes and before anybody is told of the change. Paths may share a position: then one forgets for the other.
 *
 *   reads, f64 each, 64 bytes apart: answers that front end n has given of its own       1 KiB
 *   versions, i32 each                                                                   64 KiB
 */
import { FRONT_ENDS_MAX } from './shared-words.ts';

/** Greater answers no front end keeps. */
export const KEPT_ANSWER_BYTES_MAX = 2 * 1024 * 1024;

const POSITION_BITS = 14;
export const POSITIONS_COUNT = 1 << POSITION_BITS;
/** In words of 8 bytes: each front end writes into a line of the cache of its own. */
const READS_STRIDE = 8;
const VERSIONS_AT_BYTES = FRONT_ENDS_MAX * READS_STRIDE * 8;

export class ReadVersions {
  readonly #reads: Float64Array;
  readonly #versions: Int32Array;

  static createMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(VERSIONS_AT_BYTES + POSITIONS_COUNT * 4);
  }

  constructor(memory: SharedArrayBuffer) {
    this.#reads = new Float64Array(memory, 0, FRONT_ENDS_MAX * READS_STRIDE);
    this.#versions = new Int32Array(memory, VERSIONS_AT_BYTES, POSITIONS_COUNT);
  }

  /** The position of a path. @param pathHash as `hashOfPath` gives it. */
  static positionOf(pathHash: number): number {
    return pathHash & (POSITIONS_COUNT - 1);
  }

  at(position: number): number {
    return Atomics.load(this.#versions, position);
  }

  /** What was read at this position holds no more. Only the store worker may call it. */
  move(position: number): void {
    Atomics.add(this.#versions, position, 1);
  }

  /** Front end `number` has answered a read of its own. */
  countRead(number: number): void {
    const at = number * READS_STRIDE;
    this.#reads[at] = (this.#reads[at] as number) + 1;
  }

  /** How many reads all front ends have answered of their own. */
  get readsCount(): number {
    let sum = 0;
    for (let at = 0; at < this.#reads.length; at += READS_STRIDE) sum += this.#reads[at] as number;
    return sum;
  }
}
