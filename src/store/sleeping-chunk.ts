/**
 * Keys as bytes: the records of a chunk of a snapshot, or of what was set since (sleepers.ts).
 *
 *   bytes     records of nodes (node-record.ts)
 *   survey    six words an entry: hash of the path | hash of the node | where its record begins, inverted for one that has a node from
 *             the beginning | its place among the children of its directory | the number of that directory | its position in the
 *             TTL queue, until it has one DUE if it expires
 *
 * The bytes never change, so who holds the chunk may read an entry long after it has woken or gone: so a listing shows what
 * was, and an event what was replaced.
 */
import { assert } from '../base/assert.ts';
import type { ByteString } from '../base/byte-string.ts';
import { isSameBytes, isSameText } from '../base/bytes.ts';
import { Node } from './node.ts';
import {
  NODE_HEAD_SIZE_BYTES,
  NODE_RECORD_AT,
  NodeBit,
  pathSizeOf,
  pathTextOf,
  valueSizeOf,
  valueTextOf,
} from './node-record.ts';

/** The lower bits of a sleeper say which entry of its chunk it is. */
export const ENTRY_BITS = 15;
export const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
export const SURVEY_WORDS = 6;
/** In the survey. */
export const ENTRY_SIZE_BYTES = 4 * SURVEY_WORDS;
export const SURVEY_AT = { pathHash: 0, hash: 1, record: 2, place: 3, directory: 4, timer: 5 } as const;
/** The place of an entry that does not sleep any more, and the position of what has no timer. */
export const NOWHERE = -1;
/** Of one that expires, and does not stand in the queue yet. */
export const DUE = -2;

export class SleepingChunk {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly #survey: Int32Array;
  /** How many still sleep; one more while the chunk is being written. */
  left = 0;
  /** What those take who still sleep; of a chunk of a snapshot with what lies between them. */
  leftBytes = 0;
  /** Whether those who sleep here are to be copied elsewhere. */
  isGivenUp = false;
  /** Whether there may be more entries. */
  isOpen = false;
  readonly sizeBytes: number;

  constructor(bytes: Buffer, survey: Int32Array) {
    assert(survey.length <= (ENTRY_MASK + 1) * SURVEY_WORDS, 'a chunk has no more entries than can be numbered');
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#survey = survey;
    this.sizeBytes = bytes.length + survey.byteLength;
  }

  /** Whether less than 1 / `part` of it still sleeps: by size, since a few large ones take most. */
  isSparserThan(part: number): boolean {
    return !this.isOpen && this.leftBytes * part < this.sizeBytes;
  }

  /** What an entry takes: its record and its words. */
  entrySizeBytes(sleeper: number): number {
    const at = this.recordAt(sleeper);
    return recordSizeAt(this.bytes, at < 0 ? ~at : at) + ENTRY_SIZE_BYTES;
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

  /** Says where it stands: its directory's number, and its place among the children there. */
  put(sleeper: number, directory: number, place: number): void {
    const entry = (sleeper & ENTRY_MASK) * SURVEY_WORDS;
    this.#survey[entry + SURVEY_AT.place] = place;
    this.#survey[entry + SURVEY_AT.directory] = directory;
  }

  setPlace(sleeper: number, place: number): void {
    this.#survey[(sleeper & ENTRY_MASK) * SURVEY_WORDS + SURVEY_AT.place] = place;
  }

  /** Whether it sleeps, and not only once did. */
  isSleeping(sleeper: number): boolean {
    return this.recordAt(sleeper) >= 0 && this.place(sleeper) !== NOWHERE;
  }

  createdIndex(sleeper: number): number {
    return this.createdIndexAt(this.recordAt(sleeper));
  }

  modifiedIndex(sleeper: number): number {
    return this.modifiedIndexAt(this.recordAt(sleeper));
  }

  /** Its position in the TTL queue, NOWHERE, or DUE. */
  timer(sleeper: number): number {
    return this.#word(sleeper, SURVEY_AT.timer);
  }

  setTimer(sleeper: number, position: number): void {
    this.#survey[(sleeper & ENTRY_MASK) * SURVEY_WORDS + SURVEY_AT.timer] = position;
  }

  /** Of one that expires, epoch ms. */
  expirationMs(sleeper: number): number {
    return this.view.getFloat64(this.recordAt(sleeper) + NODE_RECORD_AT.expiration, true);
  }

  /** Of the record that begins at `at`. */
  createdIndexAt(at: number): number {
    return smallInteger(this.view.getFloat64(at + NODE_RECORD_AT.createdIndex, true));
  }

  modifiedIndexAt(at: number): number {
    return smallInteger(this.view.getFloat64(at + NODE_RECORD_AT.modifiedIndex, true));
  }

  /** The number of its directory (`Tree.directoryOf`). */
  directory(sleeper: number): number {
    return this.#word(sleeper, SURVEY_AT.directory);
  }

  /** Whether its path is the first `length` characters of `path`. */
  hasPath(sleeper: number, path: ByteString, length: number): boolean {
    const { bytes } = this;
    const record = this.recordAt(sleeper);
    return pathSizeOf(bytes, record) === length && isSameText(bytes, record + NODE_HEAD_SIZE_BYTES, path, length);
  }

  /** Whether its path is the `length` bytes from `from`. */
  hasPathBytes(sleeper: number, other: Buffer, from: number, length: number): boolean {
    const { bytes } = this;
    const record = this.recordAt(sleeper);
    return (
      pathSizeOf(bytes, record) === length && isSameBytes(bytes, record + NODE_HEAD_SIZE_BYTES, other, from, length)
    );
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
