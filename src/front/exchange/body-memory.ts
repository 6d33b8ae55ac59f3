/**
 * Where forms lie that come in pieces: in blocks of one buffer, which grows while they come and shrinks when they are gone.
 *
 *   0                                        in use up to here       sizeBytesMax
 *   │ block │ block │ free │ block │ … │ free │                           │
 *   └───────── of this process ───────────────┘ └──── addresses, no memory ┘
 *
 * A block is taken as low as possible, so that the end gets free. What is free there goes back to the kernel, a step at a
 * time, since that costs a millisecond for some megabytes.
 *
 * Rejected: a copy of each piece. The object for a piece of one byte takes two hundred, which no budget saw. And what the
 * allocator of C has lent in small pieces it seldom gives back: after a crowd of large forms the process kept all of it.
 */
import { assert } from '../../base/assert.ts';

/** A page of the kernel, and what the smallest form takes. */
export const BLOCK_SIZE_BYTES = 4096;

/** By which the buffer grows; 1 MiB. */
const GROWTH_BLOCKS = 256;
/** What goes back at a time, and how often: about a millisecond's work each. */
const SHRINK_BLOCKS = 1024;
const SHRINK_MS = 50;

/** Not declared before ES2024. */
type ResizableBuffer = ArrayBuffer & { resize(sizeBytes: number): void };
type ResizableBufferConstructor = new (sizeBytes: number, options: { maxByteLength: number }) => ResizableBuffer;

export class BodyMemory {
  readonly #buffer: ResizableBuffer;
  /** Follows the buffer's size. */
  readonly #bytes: Uint8Array;
  readonly #blocksMax: number;
  /** By block, 1 for taken. */
  readonly #isTaken: Uint8Array;
  /** No block below is free. */
  #lowestFree = 0;
  /** Blocks that the buffer has. */
  #grownTo = 0;
  #shrinking: NodeJS.Timeout | undefined;

  /** @param sizeBytesMax is rounded up to whole blocks. */
  constructor(sizeBytesMax: number) {
    this.#blocksMax = Math.ceil(sizeBytesMax / BLOCK_SIZE_BYTES);
    this.#isTaken = new Uint8Array(this.#blocksMax);
    const Resizable = ArrayBuffer as unknown as ResizableBufferConstructor;
    this.#buffer = new Resizable(0, { maxByteLength: this.#blocksMax * BLOCK_SIZE_BYTES });
    this.#bytes = new Uint8Array(this.#buffer);
  }

  /** What of it is this process's, free blocks too. */
  get sizeBytes(): number {
    return this.#grownTo * BLOCK_SIZE_BYTES;
  }

  /** @returns a block, -1 when there is none. */
  take(): number {
    let block = this.#lowestFree;
    while (block < this.#grownTo && this.#isTaken[block] === 1) block++;
    if (block === this.#grownTo && !this.#grow()) return -1;
    this.#isTaken[block] = 1;
    this.#lowestFree = block + 1;
    return block;
  }

  giveBack(blocks: readonly number[]): void {
    for (const block of blocks) {
      assert(this.#isTaken[block] === 1, 'a block is given back once');
      this.#isTaken[block] = 0;
      if (block < this.#lowestFree) this.#lowestFree = block;
    }
    // No timer that keeps the process, nor one while there is nothing to do.
    this.#shrinking ??= setTimeout(() => this.#shrink(), SHRINK_MS).unref();
  }

  write(block: number, offsetBytes: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, block * BLOCK_SIZE_BYTES + offsetBytes);
  }

  /** The bytes of a block, valid until it is given back. */
  read(block: number, sizeBytes: number): Uint8Array {
    const startBytes = block * BLOCK_SIZE_BYTES;
    return this.#bytes.subarray(startBytes, startBytes + sizeBytes);
  }

  #grow(): boolean {
    const blocks = Math.min(this.#grownTo + GROWTH_BLOCKS, this.#blocksMax);
    if (blocks === this.#grownTo) return false;
    try {
      this.#buffer.resize(blocks * BLOCK_SIZE_BYTES);
    } catch {
      return false; // The kernel has no memory: as when there is no room.
    }
    this.#grownTo = blocks;
    return true;
  }

  #shrink(): void {
    this.#shrinking = undefined;
    const lowest = Math.max(0, this.#grownTo - SHRINK_BLOCKS);
    let end = this.#grownTo;
    while (end > lowest && this.#isTaken[end - 1] === 0) end--;
    if (end === this.#grownTo) return;
    this.#buffer.resize(end * BLOCK_SIZE_BYTES);
    this.#grownTo = end;
    if (end === lowest && end > 0) this.#shrinking = setTimeout(() => this.#shrink(), SHRINK_MS).unref();
  }
}
