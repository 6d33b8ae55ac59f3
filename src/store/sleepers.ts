/**
 * Keys that have no node: each is a *number*, which stands for it among the children of its directory and in the index, and a
 * record in a chunk. A node, however bare, and its strings live in the heap, where the collections of young garbage carry
 * them about twice and those of the old look through all of them: a pause that grows with the store. A record is written once, and
 * what is not changed is not touched (native-bench, "keys-1m", "set-100k-keys", "restart").
 *
 *   sleeper   ┌────────────┬─────────┐     a small integer: V8 keeps it in an array as it is
 *             │ chunk, 16  │ entry, 15│
 *             └────────────┴─────────┘
 *
 * A key sleeps when a snapshot brings it, and from each set, creation, update or swap on (`Store.writeBytes`). It *wakes*,
 * and has a node from then on, when it is changed or removed in any other way (`Tree.find`). Who only reads it gets a node
 * for the moment. Directories and large keys are always awake.
 *
 * A chunk goes when none of its keys sleeps any more. When little of it is left that is written anew elsewhere, a few keys with each that
 * ceases to sleep, so chunks take little more than four times what sleeps in them, and about twice where keys are set at random; where memory
 * is dear, twice, and about 1.4 times. The memory guard counts them.
 */
import { assert } from '../base/assert.ts';
import type { ByteString } from '../base/byte-string.ts';
import type { Child } from './node.ts';
import { NODE_HEAD_SIZE_BYTES, NodeBit, pathSizeOf, pathTextOf, valueSizeOf } from './node-record.ts';
import { RecordedChunk, type RecordedKey } from './recorded-chunk.ts';
import { ENTRY_BITS, ENTRY_MASK, NOWHERE, recordSizeAt, type SleepingChunk } from './sleeping-chunk.ts';

/** Those of a store of 16 GB: beyond that, keys have nodes. */
const CHUNKS_MAX = 1 << 16;
const CHUNKS_KEPT = 1 << 10;
/** A chunk is given up when less than one in so many of its bytes is left. */
const SPARSE_PART = 4;
const TIGHT_SPARSE_PART = 2;
/** Of a node in the heap. */
const NODE_SIZE_BYTES = 152;
/** Small, since the dead bytes of a chunk are held until the last of its keys has left it. */
const RECORDED_SIZE_BYTES = 256 * 1024;
const RECORDED_ENTRIES_MIN = 64;
const RECORDED_ENTRIES_MAX = 4 * 1024;

/** Path and value together: of larger ones few would fit a chunk. */
export const SLEEPING_TEXT_SIZE_BYTES_MAX = 16 * 1024;

/** Chunks by their numbers; none where nobody sleeps any more. */
export type SleepingChunks = readonly (SleepingChunk | undefined)[];

/** Where the entry of a sleeper is. */
export function chunkOf(chunks: SleepingChunks, sleeper: number): SleepingChunk {
  return chunks[sleeper >>> ENTRY_BITS] as SleepingChunk;
}

export class Sleepers {
  readonly #chunks: (SleepingChunk | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** One sleeper of each chunk that is given up and not copied from yet. */
  readonly #sparse: number[] = [];
  /** From which is copied now, and up to which of its entries that is done. */
  #copied: SleepingChunk | undefined;
  #copiedTo = 0;
  /** Into which records are written. */
  #recorded: RecordedChunk | undefined;
  /** How many keys sleep. */
  count = 0;

  /** What the chunks take. */
  heldBytes = 0;

  /** Whether memory is dear: then chunks are given up sooner, and more is copied. */
  isTight = false;

  /** What they would take if all of them woke, beside their texts. */
  get nodesBytes(): number {
    return this.count * NODE_SIZE_BYTES;
  }

  /** Whether there are numbers for more chunks; some are kept for copies. */
  get mayGrow(): boolean {
    return this.#chunks.length < CHUNKS_MAX - CHUNKS_KEPT || this.#freeNumbers.length > CHUNKS_KEPT;
  }

  /** Takes in a chunk, none of whose keys sleeps yet. @returns the sleeper that its first entry would be. */
  add(chunk: SleepingChunk): number {
    const number = this.#freeNumbers.pop() ?? this.#chunks.length;
    assert(number < CHUNKS_MAX, 'there are no more chunks than can be numbered');
    this.#chunks[number] = chunk;
    this.heldBytes += chunk.sizeBytes;
    return number << ENTRY_BITS;
  }

  /** All of a chunk that sleeps has entered. @param first as `add` gave it. */
  entered(first: number): void {
    if (this.chunkOf(first).left === 0) this.#drop(first);
  }

  /** @returns where the record of a key is to be written; it does not sleep then yet, but may `enter`. */
  chunkFor({ pathSizeBytes, valueSizeBytes }: RecordedKey): RecordedChunk {
    return this.#recordedWithRoomFor(NODE_HEAD_SIZE_BYTES + pathSizeBytes + valueSizeBytes);
  }

  /** What its record says of its texts: bits of `NodeBit`. */
  textBitsOf(sleeper: number): number {
    const chunk = this.chunkOf(sleeper);
    return (chunk.bytes[chunk.recordAt(sleeper)] as number) & (NodeBit.pathPlain | NodeBit.valuePlain);
  }

  /** The bytes of a sleeper, as those of a key that is to be recorded. */
  keyOf(sleeper: number): RecordedKey {
    const chunk = this.chunkOf(sleeper);
    const { bytes } = chunk;
    const at = chunk.recordAt(sleeper);
    const pathAt = at + NODE_HEAD_SIZE_BYTES;
    return { bytes, pathAt, pathSizeBytes: pathSizeOf(bytes, at), valueSizeBytes: valueSizeOf(bytes, at) };
  }

  /** Writes the record of a sleeper anew. @returns the sleeper in its place, which does not sleep yet. */
  copy(sleeper: number): number {
    const chunk = this.chunkOf(sleeper);
    const at = chunk.recordAt(sleeper);
    const sizeBytes = recordSizeAt(chunk.bytes, at);
    const recorded = this.#recordedWithRoomFor(sizeBytes);
    return recorded.copy(chunk.bytes, at, sizeBytes, chunk.pathHash(sleeper), chunk.hash(sleeper));
  }

  /** A key begins to sleep. @param directory its number. @returns its chunk. */
  enter(sleeper: number, directory: number, place: number): SleepingChunk {
    const chunk = this.chunkOf(sleeper);
    chunk.put(sleeper, directory, place);
    chunk.left++;
    this.count++;
    return chunk;
  }

  /**
   * A key sleeps no more: it has a node, or is gone. @returns what its entry has taken, in bytes: while so much is copied for each of
   * them that leaves, chunks that are given up go sooner than others become sparse.
   */
  leave(sleeper: number): number {
    const chunk = this.chunkOf(sleeper);
    const sizeBytes = chunk.entrySizeBytes(sleeper);
    chunk.setPlace(sleeper, NOWHERE);
    chunk.left--;
    chunk.leftBytes -= sizeBytes;
    this.count--;
    this.#settle(sleeper, chunk);
    return sizeBytes;
  }

  /** @returns a sleeper of a chunk in which so few sleep that they should be copied and leave; undefined when there is none. */
  nextToCopy(): number | undefined {
    while (this.#copied === undefined || this.#chunks[this.#copiedTo >>> ENTRY_BITS] !== this.#copied) {
      const sleeper = this.#sparse.pop();
      if (sleeper === undefined) {
        this.#copied = undefined;
        return undefined;
      }
      // The chunk may have gone meanwhile, and another have its number.
      const chunk = this.#chunks[sleeper >>> ENTRY_BITS];
      this.#copied = chunk?.isGivenUp === true ? chunk : undefined;
      this.#copiedTo = sleeper & ~ENTRY_MASK;
    }
    // There is one behind: the chunk has not gone, and nobody falls asleep in it any more.
    while (!this.#copied.isSleeping(this.#copiedTo)) this.#copiedTo++;
    return this.#copiedTo;
  }

  chunkOf(sleeper: number): SleepingChunk {
    return chunkOf(this.#chunks, sleeper);
  }

  #settle(sleeper: number, chunk: SleepingChunk): void {
    if (chunk.left === 0) this.#drop(sleeper);
    else if (!chunk.isGivenUp && chunk.isSparserThan(this.isTight ? TIGHT_SPARSE_PART : SPARSE_PART)) {
      chunk.isGivenUp = true;
      this.#sparse.push(sleeper);
    }
  }

  #drop(sleeper: number): void {
    const number = sleeper >>> ENTRY_BITS;
    this.heldBytes -= this.chunkOf(sleeper).sizeBytes;
    this.#chunks[number] = undefined;
    this.#freeNumbers.push(number);
  }

  /** For who wants to read sleepers later, whatever becomes of them. */
  hold(): SleepingChunks {
    return this.#chunks.slice();
  }

  pathOf(sleeper: number): ByteString {
    const chunk = this.chunkOf(sleeper);
    return pathTextOf(chunk.bytes, chunk.recordAt(sleeper));
  }

  #recordedWithRoomFor(sizeBytes: number): RecordedChunk {
    let recorded = this.#recorded;
    if (recorded?.hasRoomFor(sizeBytes) === true) return recorded;
    let entriesMax = RECORDED_ENTRIES_MAX;
    if (recorded !== undefined) {
      recorded.close();
      this.#settle(recorded.first, recorded.chunk);
      // Records of one time are much alike in size, and places for entries that do not come are memory, too.
      entriesMax = Math.min(entriesMax, Math.max(RECORDED_ENTRIES_MIN, 2 * recorded.entries));
    }
    // What is copied from a snapshot may be larger than a chunk.
    recorded = new RecordedChunk(entriesMax, Math.max(RECORDED_SIZE_BYTES, sizeBytes));
    recorded.first = this.add(recorded.chunk);
    this.#recorded = recorded;
    return recorded;
  }
}

export function isAsleep(child: Child | undefined): child is number {
  return typeof child === 'number';
}
