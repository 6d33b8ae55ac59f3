/**
 * Gathers the records of the group that the next write will take, in the layout of record.ts, so that appending is a
 * copy and committing is one write.
 */
import { assert } from '../base/assert.ts';
import { copyBytes } from '../base/bytes.ts';
import {
  createViewedBytes,
  GROUP_HEAD_SIZE_BYTES,
  RECORD_HEAD_SIZE_BYTES,
  type ViewedBytes,
  writeGroupHead,
  writeRecordHead,
} from './record.ts';

/** Room for an ordinary group and the zeros behind it. A larger one lasts until its group is written. */
const USUAL_SIZE_BYTES = 1024 * 1024;
/** A write call takes no more than 2 GiB; the largest record is far below. */
const SIZE_BYTES_MAX = 2 ** 30;

export class GroupBuffer {
  #memory = createViewedBytes(USUAL_SIZE_BYTES);
  #end = GROUP_HEAD_SIZE_BYTES;
  recordCount = 0;

  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  /** With the head, without the padding. */
  get sizeBytes(): number {
    return this.#end;
  }

  append(source: Buffer, offset: number, lengthBytes: number, timeMs: number): void {
    const at = this.#end;
    const end = at + RECORD_HEAD_SIZE_BYTES + lengthBytes;
    const { bytes, view } = this.#withRoomFor(end);
    writeRecordHead(view, at, lengthBytes, timeMs);
    copyBytes(source, offset, lengthBytes, bytes, at + RECORD_HEAD_SIZE_BYTES);
    this.#end = end;
    this.recordCount++;
  }

  /** Completes the group for this place in its file. @returns its size in bytes, padding included. */
  finish(seed: number, fileOffset: number, firstSequence: number): number {
    const memory = this.#withRoomFor(this.#end + GROUP_HEAD_SIZE_BYTES);
    return writeGroupHead(memory, this.#end, seed, fileOffset, firstSequence, this.recordCount);
  }

  /** Puts zeros behind the finished group, up to `sizeBytes`. */
  extendWithZeros(fromBytes: number, sizeBytes: number): void {
    this.#withRoomFor(sizeBytes).bytes.fill(0, fromBytes, sizeBytes);
  }

  clear(): void {
    this.#end = GROUP_HEAD_SIZE_BYTES;
    this.recordCount = 0;
    if (this.#memory.bytes.length > 4 * USUAL_SIZE_BYTES) this.#memory = createViewedBytes(USUAL_SIZE_BYTES);
  }

  #withRoomFor(sizeBytes: number): ViewedBytes {
    if (sizeBytes <= this.#memory.bytes.length) return this.#memory;
    assert(sizeBytes <= SIZE_BYTES_MAX, 'a group is committed before it reaches 1 GiB');
    const grown = createViewedBytes(Math.min(SIZE_BYTES_MAX, Math.max(sizeBytes, 2 * this.#memory.bytes.length)));
    this.#memory.bytes.copy(grown.bytes);
    this.#memory = grown;
    return grown;
  }
}
