/**
 * Keys that have no node because nobody has asked for them since the start: each is a *number*, which stands for it among the
 * children of its directory and in the index. A million nodes, however bare, are a hundred megabytes that the collections of
 * young garbage carry about twice, and the old ones look through: most of a start (native-bench, "restart"). Most keys are
 * not asked for in a long time.
 *
 *   sleeper   ┌────────────┬─────────┐     a small integer: V8 keeps it in an array as it is
 *             │ chunk, 16  │ entry, 15│
 *             └────────────┴─────────┘
 *
 *   chunk     bytes    records of nodes (node-record.ts), as a snapshot has them, or as replay has written them
 *             survey   four words an entry: hash of the path | hash of the node | where its record begins | its place among
 *                      the children of its directory
 *
 * A key *wakes*, and becomes a node for good, when it is found, changed or removed (`Tree.find`). The bytes of a chunk never
 * change, so who holds the chunk may read an entry long after it has woken or gone: so a listing shows what was, and wakes
 * nobody. The chunk goes when none of its keys sleeps any more: at worst all of them stay, together the size of the snapshot,
 * beside the nodes of those that have woken. The memory guard counts them.
 *
 * Directories, and keys that expire, have nodes from the beginning.
 */
import { assert } from '../base/assert.ts';
import type { ByteString } from '../base/byte-string.ts';
import { type Child, Node } from './node.ts';
import {
  NODE_HEAD_SIZE_BYTES,
  NODE_RECORD_AT,
  NodeBit,
  pathSizeOf,
  pathTextOf,
  valueSizeOf,
  valueTextOf,
} from './node-record.ts';

const ENTRY_BITS = 15;
const ENTRIES_MAX = 1 << ENTRY_BITS;
const ENTRY_MASK = ENTRIES_MAX - 1;
const CHUNKS_MAX = 1 << 16;
/** Of a node in the heap. */
const NODE_SIZE_BYTES = 136;
const SPARSE_PART = 4;
const RECORDED_SIZE_BYTES = 1024 * 1024;
const RECORDED_ENTRIES_MAX = 16 * 1024;
/** A call into native code costs as much as copying this many bytes ourselves. */
const NATIVE_FROM_BYTES = 128;
export const SURVEY_WORDS = 4;
export const SURVEY_AT = { pathHash: 0, hash: 1, record: 2, place: 3 } as const;

export class SleepingChunk {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly #survey: Int32Array;
  /** How many still sleep; one more while the chunk is being written. */
  left = 0;
  /** How many entries there are; 0 while there may be more. */
  entries: number;

  constructor(bytes: Buffer, survey: Int32Array) {
    assert(survey.length <= ENTRIES_MAX * SURVEY_WORDS, 'a chunk has no more entries than can be numbered');
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#survey = survey;
    this.entries = survey.length / SURVEY_WORDS;
  }

  get sizeBytes(): number {
    return this.bytes.length + this.#survey.byteLength;
  }

  /** Whether so few still sleep that their bytes are better given up. */
  get isSparse(): boolean {
    return this.left * SPARSE_PART < this.entries;
  }

  pathHash(sleeper: number): number {
    return this.#word(sleeper, SURVEY_AT.pathHash);
  }

  hash(sleeper: number): number {
    return this.#word(sleeper, SURVEY_AT.hash);
  }

  recordAt(sleeper: number): number {
    return this.#word(sleeper, SURVEY_AT.record);
  }

  place(sleeper: number): number {
    return this.#word(sleeper, SURVEY_AT.place);
  }

  setPlace(sleeper: number, place: number): void {
    this.#survey[(sleeper & ENTRY_MASK) * SURVEY_WORDS + SURVEY_AT.place] = place;
  }

  /** Of the record that begins at `at`. */
  createdIndexAt(at: number): number {
    return smallInteger(this.view.getFloat64(at + NODE_RECORD_AT.createdIndex, true));
  }

  modifiedIndexAt(at: number): number {
    return smallInteger(this.view.getFloat64(at + NODE_RECORD_AT.modifiedIndex, true));
  }

  /** Whether its path is the first `length` characters of `path`. */
  hasPath(sleeper: number, path: ByteString, length: number): boolean {
    const { bytes } = this;
    const record = this.recordAt(sleeper);
    if (pathSizeOf(bytes, record) !== length) return false;
    const pathAt = record + NODE_HEAD_SIZE_BYTES;
    // From the end: paths of one directory differ there.
    for (let position = length - 1; position >= 0; position--) {
      if (bytes[pathAt + position] !== path.charCodeAt(position)) return false;
    }
    return true;
  }

  /** Whether its path is the `length` bytes from `from`. */
  hasPathBytes(sleeper: number, other: Buffer, from: number, length: number): boolean {
    const { bytes } = this;
    const record = this.recordAt(sleeper);
    if (pathSizeOf(bytes, record) !== length) return false;
    const pathAt = record + NODE_HEAD_SIZE_BYTES;
    for (let position = length - 1; position >= 0; position--) {
      if (bytes[pathAt + position] !== other[from + position]) return false;
    }
    return true;
  }

  /** A node for the sleeper, nowhere in a tree; as long as nobody asks for its texts it holds the bytes of the chunk. */
  nodeOf(sleeper: number): Node {
    const record = this.recordAt(sleeper);
    return this.#withHashes(sleeper, nodeAt(this.bytes, this.view, record, this.bytes, record));
  }

  /** The same, with its texts: it holds nothing else. @param path for who has it already. */
  nodeWithTextsOf(sleeper: number, path = pathTextOf(this.bytes, this.recordAt(sleeper))): Node {
    const record = this.recordAt(sleeper);
    return this.#withHashes(sleeper, nodeAt(this.bytes, this.view, record, path, valueTextOf(this.bytes, record)));
  }

  #withHashes(sleeper: number, node: Node): Node {
    node.pathHash = this.pathHash(sleeper);
    node.hash = this.hash(sleeper);
    return node;
  }

  #word(sleeper: number, word: number): number {
    return this.#survey[(sleeper & ENTRY_MASK) * SURVEY_WORDS + word] as number;
  }
}

/** Chunks by their numbers; none where nobody sleeps any more. */
export type SleepingChunks = readonly (SleepingChunk | undefined)[];

/** Where the entry of a sleeper is. */
export function chunkOf(chunks: SleepingChunks, sleeper: number): SleepingChunk {
  return chunks[sleeper >>> ENTRY_BITS] as SleepingChunk;
}

export class Sleepers {
  readonly #chunks: (SleepingChunk | undefined)[] = [];
  /** How many keys sleep. */
  count = 0;

  /** What the chunks take. */
  heldBytes = 0;

  /** What they would take if all of them woke, beside their texts. */
  get nodesBytes(): number {
    return this.count * NODE_SIZE_BYTES;
  }

  /** Takes in a chunk, none of whose keys sleeps yet. @returns the sleeper that its first entry would be. */
  add(chunk: SleepingChunk): number {
    assert(this.#chunks.length < CHUNKS_MAX, 'there are no more chunks than can be numbered');
    this.#chunks.push(chunk);
    this.heldBytes += chunk.sizeBytes;
    return (this.#chunks.length - 1) << ENTRY_BITS;
  }

  /** All of a chunk that sleeps has entered. @param first as `add` gave it. */
  entered(first: number): void {
    if (this.chunkOf(first).left === 0) this.#drop(first);
  }

  /** A key begins to sleep. */
  enter(chunk: SleepingChunk): void {
    chunk.left++;
    this.count++;
  }

  /** A key sleeps no more: it has a node, or is gone. */
  leave(sleeper: number): void {
    const chunk = this.chunkOf(sleeper);
    this.count--;
    if (--chunk.left === 0) this.#drop(sleeper);
  }

  /** The sleeper of the first entry of the same chunk. */
  static firstBeside(sleeper: number): number {
    return sleeper & ~ENTRY_MASK;
  }

  chunkOf(sleeper: number): SleepingChunk {
    return chunkOf(this.#chunks, sleeper);
  }

  #drop(sleeper: number): void {
    this.heldBytes -= this.chunkOf(sleeper).sizeBytes;
    this.#chunks[sleeper >>> ENTRY_BITS] = undefined;
  }

  /** For who wants to read sleepers later, whatever becomes of them. */
  hold(): SleepingChunks {
    return this.#chunks.slice();
  }

  pathOf(sleeper: number): ByteString {
    const chunk = this.chunkOf(sleeper);
    return pathTextOf(chunk.bytes, chunk.recordAt(sleeper));
  }
}

/** A chunk that is written entry by entry: what replay finds behind the snapshot. */
export class RecordedChunk {
  readonly chunk: SleepingChunk;
  readonly #sleepers: Sleepers;
  readonly #survey = new Int32Array(RECORDED_ENTRIES_MAX * SURVEY_WORDS);
  readonly #first: number;
  #entries = 0;
  #sizeBytes = 0;

  constructor(sleepers: Sleepers) {
    this.#sleepers = sleepers;
    this.chunk = new SleepingChunk(Buffer.allocUnsafeSlow(RECORDED_SIZE_BYTES), this.#survey);
    this.chunk.entries = 0;
    this.chunk.left = 1;
    this.#first = sleepers.add(this.chunk);
  }

  /** For a record of this size. */
  hasRoomFor(sizeBytes: number): boolean {
    return this.#entries < RECORDED_ENTRIES_MAX && this.#sizeBytes + sizeBytes <= RECORDED_SIZE_BYTES;
  }

  /**
   * Adds a key that was set at `index`; it does not sleep yet.
   * @param bits of `NodeBit`. @param pathAt where in `source` the path lies, with the value behind it.
   */
  add(
    bits: number,
    index: number,
    source: Buffer,
    pathAt: number,
    pathSizeBytes: number,
    valueSizeBytes: number,
    pathHash: number,
    hash: number,
  ): number {
    const { bytes, view } = this.chunk;
    const at = this.#sizeBytes;
    bytes[at] = bits;
    view.setUint32(at + NODE_RECORD_AT.pathSize, pathSizeBytes, true);
    view.setUint32(at + NODE_RECORD_AT.valueSize, valueSizeBytes, true);
    view.setFloat64(at + NODE_RECORD_AT.createdIndex, index, true);
    view.setFloat64(at + NODE_RECORD_AT.modifiedIndex, index, true);
    view.setFloat64(at + NODE_RECORD_AT.expiration, 0, true);
    const textAt = at + NODE_HEAD_SIZE_BYTES;
    const size = pathSizeBytes + valueSizeBytes;
    if (size > NATIVE_FROM_BYTES) source.copy(bytes, textAt, pathAt, pathAt + size);
    else
      for (let position = 0; position < size; position++)
        bytes[textAt + position] = source[pathAt + position] as number;
    this.#sizeBytes = textAt + size;
    const survey = this.#survey;
    const entry = this.#entries * SURVEY_WORDS;
    survey[entry + SURVEY_AT.pathHash] = pathHash;
    survey[entry + SURVEY_AT.hash] = hash;
    survey[entry + SURVEY_AT.record] = at;
    return this.#first + this.#entries++;
  }

  /** Nothing will be added any more. */
  close(): void {
    this.chunk.entries = this.#entries;
    this.chunk.left--;
    this.#sleepers.entered(this.#first);
  }
}

/** The node whose record begins at `at`; `path` and `value` are its texts, or where they sleep. */
export function nodeAt(
  bytes: Buffer,
  view: DataView,
  at: number,
  path: ByteString | Buffer,
  value: ByteString | number,
): Node {
  const bits = bytes[at] as number;
  return new Node(
    path,
    (bits & NodeBit.pathPlain) !== 0,
    value,
    (bits & NodeBit.valuePlain) !== 0,
    (bits & NodeBit.directory) !== 0 ? [] : undefined,
    smallInteger(view.getFloat64(at + NODE_RECORD_AT.createdIndex, true)),
    smallInteger(view.getFloat64(at + NODE_RECORD_AT.modifiedIndex, true)),
    (bits & NodeBit.expires) !== 0 ? view.getFloat64(at + NODE_RECORD_AT.expiration, true) : undefined,
  );
}

/** Of the whole record that begins at `at`. */
export function recordSizeAt(bytes: Buffer, at: number): number {
  return NODE_HEAD_SIZE_BYTES + pathSizeOf(bytes, at) + valueSizeOf(bytes, at);
}

/** A double read from memory, as the small integer that it is where it is one: V8 would box it for ever otherwise. */
export function smallInteger(value: number): number {
  return value <= 0x7fffffff ? value | 0 : value;
}

export function isAsleep(child: Child | undefined): child is number {
  return typeof child === 'number';
}
