/** A chunk into which the records of keys are written, one after the other, by sets and creations or because another chunk is given up. */
import { copyBytes } from '../base/bytes.ts';
import { NODE_HEAD_SIZE_BYTES, NODE_RECORD_AT, NodeBit } from './node-record.ts';
import { DUE, ENTRY_SIZE_BYTES, NOWHERE, SleepingChunk, SURVEY_AT, SURVEY_WORDS } from './sleeping-chunk.ts';

/** Where the path of a key lies. */
export interface KeyBytes {
  readonly bytes: Buffer;
  readonly pathAt: number;
  readonly pathSizeBytes: number;
}

/** The same with its value, which lies behind the path. */
export interface RecordedKey extends KeyBytes {
  readonly valueSizeBytes: number;
}

export class RecordedChunk {
  readonly chunk: SleepingChunk;
  readonly #entriesMax: number;
  readonly #survey: Int32Array;
  /** The sleeper that is its first entry. */
  first = 0;
  entries = 0;
  #sizeBytes = 0;

  constructor(entriesMax: number, sizeBytes: number) {
    this.#entriesMax = entriesMax;
    this.#survey = new Int32Array(entriesMax * SURVEY_WORDS);
    this.chunk = new SleepingChunk(Buffer.allocUnsafeSlow(sizeBytes), this.#survey);
    // Neither sparse nor empty while it is being written.
    this.chunk.isOpen = true;
    this.chunk.left = 1;
  }

  /** For a record of this size. */
  hasRoomFor(sizeBytes: number): boolean {
    return this.entries < this.#entriesMax && this.#sizeBytes + sizeBytes <= this.chunk.bytes.length;
  }

  /** Writes the record of a key. @param bits of `NodeBit`. @returns what it is as a sleeper. */
  add(
    key: RecordedKey,
    bits: number,
    createdIndex: number,
    modifiedIndex: number,
    expirationMs: number | undefined,
    pathHash: number,
    hash: number,
  ): number {
    const { bytes, view } = this.chunk;
    const { bytes: source, pathAt, pathSizeBytes, valueSizeBytes } = key;
    const at = this.#sizeBytes;
    bytes[at] = expirationMs === undefined ? bits : bits | NodeBit.expires;
    view.setUint32(at + NODE_RECORD_AT.pathSize, pathSizeBytes, true);
    view.setUint32(at + NODE_RECORD_AT.valueSize, valueSizeBytes, true);
    view.setFloat64(at + NODE_RECORD_AT.createdIndex, createdIndex, true);
    view.setFloat64(at + NODE_RECORD_AT.modifiedIndex, modifiedIndex, true);
    view.setFloat64(at + NODE_RECORD_AT.expiration, expirationMs ?? 0, true);
    const end = copyBytes(source, pathAt, pathSizeBytes + valueSizeBytes, bytes, at + NODE_HEAD_SIZE_BYTES);
    return this.#entry(at, end, pathHash, hash, expirationMs === undefined ? NOWHERE : DUE);
  }

  /** Adds what lies in another chunk, and has no timer here. */
  copy(source: Buffer, from: number, sizeBytes: number, pathHash: number, hash: number): number {
    const at = this.#sizeBytes;
    source.copy(this.chunk.bytes, at, from, from + sizeBytes);
    return this.#entry(at, at + sizeBytes, pathHash, hash, NOWHERE);
  }

  #entry(at: number, end: number, pathHash: number, hash: number, timer: number): number {
    const survey = this.#survey;
    const entry = this.entries * SURVEY_WORDS;
    survey[entry + SURVEY_AT.pathHash] = pathHash;
    survey[entry + SURVEY_AT.hash] = hash;
    survey[entry + SURVEY_AT.record] = at;
    survey[entry + SURVEY_AT.place] = NOWHERE;
    survey[entry + SURVEY_AT.timer] = timer;
    this.#sizeBytes = end;
    this.chunk.leftBytes += end - at + ENTRY_SIZE_BYTES;
    return this.first + this.entries++;
  }

  /** Nothing will be added any more. */
  close(): void {
    this.chunk.isOpen = false;
    this.chunk.left--;
  }
}
