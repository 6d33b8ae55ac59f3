/**
 * A reader of HTTP/1.1 answers, as small as a load generator needs: one pass over the bytes, no strings, no objects.
 *
 *            ┌──────────────────────────────── content-length ───────────────────────────────┐
 *            │                                                                                ▼
 *   head ────┤                                                                               end ──▶ head …
 *            │                        ┌───────────────── size > 0 ──────────────┐             ▲
 *            └── chunked ──▶ chunk size ──▶ chunk bytes ──▶ CRLF after the chunk ┘            │
 *                                 └── size 0 ──▶ trailer up to an empty line ─────────────────┘
 *
 * Only a head may be cut by a read in a way that needs keeping (`#carry`); bodies are handed on in the pieces they
 * come in. It believes a server more than a browser would: header names are recognised by length and first letters, and a
 * head that begins and ends like the one before it is taken to have the same lines. To look at each byte of each head would
 * take a fifth of this thread's own time, and most of it for the servers that say most: so it would be in the ratios.
 */
import type { AnswerReader, AnswerSink } from './answer.ts';

const LF = 10;
const CR = 13;
const COLON = 58;
/** Of the status line, behind `HTTP/1.1 `. */
const STATUS_AT = 9;

const State = { head: 0, sized: 1, chunkSize: 2, chunkBytes: 3, chunkEnd: 4, trailer: 5 } as const;
type State = (typeof State)[keyof typeof State];

/** Where a head has its numbers, from its start; 0 for one that it does not have. */
class HeadShape {
  sizeBytes = 0;
  lengthAt = 0;
  lengthEnd = 0;
  indexAt = 0;
  indexEnd = 0;
  isChunked = false;

  /** Whether a head that begins at `start` has its numbers, each between a colon and the end of a line, and its end there. */
  fits(bytes: Buffer, start: number, length: number): boolean {
    const end = start + this.sizeBytes;
    if (this.sizeBytes === 0 || end > length) return false;
    if (bytes[end - 1] !== LF || bytes[end - 2] !== CR || bytes[end - 3] !== LF || bytes[end - 4] !== CR) return false;
    return (
      isNumberAt(bytes, start, this.lengthAt, this.lengthEnd) && isNumberAt(bytes, start, this.indexAt, this.indexEnd)
    );
  }
}

function isNumberAt(bytes: Buffer, start: number, from: number, to: number): boolean {
  return (
    from === 0 || (bytes[start + from - 2] === COLON && bytes[start + to] === CR && isDigit(bytes[start + to - 1]))
  );
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

export class HttpReader implements AnswerReader {
  readonly #sink: AnswerSink;
  /** Of the last head. */
  readonly #shape = new HeadShape();
  #state: State = State.head;
  /** The beginning of a head whose end has not come yet. */
  #carry: Buffer | undefined;
  /** Bytes of the body or of the chunk that are still to come. */
  #remaining = 0;
  /** Characters seen of the trailer line being read. */
  #trailerLine = 0;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  push(fresh: Buffer, freshLength: number): void {
    let bytes = fresh;
    let length = freshLength;
    if (this.#carry !== undefined) {
      bytes = Buffer.concat([this.#carry, fresh.subarray(0, freshLength)]);
      length = bytes.length;
      this.#carry = undefined;
    }
    for (let at = 0; at < length; ) at = this.#advance(bytes, at, length);
  }

  /** Consumes something from `at` on and returns where it stopped. */
  #advance(bytes: Buffer, at: number, length: number): number {
    switch (this.#state) {
      case State.head:
        return this.#readHead(bytes, at, length);
      case State.sized:
      case State.chunkBytes:
        return this.#readBody(bytes, at, length);
      case State.chunkSize:
        return this.#readChunkSize(bytes, at, length);
      case State.chunkEnd:
        if (bytes[at] === LF) this.#state = State.chunkSize;
        return at + 1;
      case State.trailer:
        return this.#readTrailer(bytes, at);
    }
  }

  #readHead(bytes: Buffer, start: number, length: number): number {
    const shape = this.#shape;
    if (!shape.fits(bytes, start, length) && !this.#learnShape(bytes, start, length)) {
      this.#carry = Buffer.from(bytes.subarray(start, length));
      return length;
    }
    const etcdIndex = shape.indexAt === 0 ? 0 : decimalAt(bytes, start + shape.indexAt);
    this.#sink.onHead(decimalAt(bytes, start + STATUS_AT), etcdIndex);
    this.#beginBody(shape.isChunked, shape.lengthAt === 0 ? 0 : decimalAt(bytes, start + shape.lengthAt));
    return start + shape.sizeBytes;
  }

  /** @returns false when the end of the head has not come yet. */
  #learnShape(bytes: Buffer, start: number, length: number): boolean {
    const shape = this.#shape;
    shape.sizeBytes = 0;
    shape.lengthAt = 0;
    shape.indexAt = 0;
    shape.isChunked = false;
    let line = start;
    for (let at = start; at < length; at++) {
      if (bytes[at] !== LF) continue;
      if (at - line <= 1) {
        shape.sizeBytes = at + 1 - start;
        return true;
      }
      const initial = (bytes[line] ?? 0) | 0x20;
      if (initial === 0x63 && bytes[line + 14] === COLON) {
        shape.lengthAt = line + 16 - start;
        shape.lengthEnd = at - 1 - start;
      } else if (initial === 0x74 && bytes[line + 17] === COLON) shape.isChunked = true;
      else if (initial === 0x78 && bytes[line + 12] === COLON && ((bytes[line + 2] ?? 0) | 0x20) === 0x65) {
        shape.indexAt = line + 14 - start; // The other name of twelve letters is X-Raft-Index.
        shape.indexEnd = at - 1 - start;
      }
      line = at + 1;
    }
    return false;
  }

  #beginBody(isChunked: boolean, contentLength: number): void {
    if (isChunked) {
      this.#state = State.chunkSize;
      this.#remaining = 0;
    } else if (contentLength > 0) {
      this.#state = State.sized;
      this.#remaining = contentLength;
    } else this.#sink.onEnd();
  }

  #readBody(bytes: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#remaining);
    this.#remaining -= end - at;
    const isSized = this.#state === State.sized;
    // The state changes before the sink is told: its onEnd may already send the next request.
    if (this.#remaining === 0) this.#state = isSized ? State.head : State.chunkEnd;
    this.#sink.onBody(bytes, at, end);
    if (isSized && this.#remaining === 0) this.#sink.onEnd();
    return end;
  }

  #readChunkSize(bytes: Buffer, start: number, length: number): number {
    for (let at = start; at < length; at++) {
      const byte = bytes[at] ?? 0;
      const digit = hexadecimalOf(byte);
      if (digit >= 0) this.#remaining = this.#remaining * 16 + digit;
      else if (byte === LF) {
        this.#state = this.#remaining === 0 ? State.trailer : State.chunkBytes;
        this.#trailerLine = 0;
        return at + 1;
      }
    }
    return length;
  }

  #readTrailer(bytes: Buffer, at: number): number {
    const byte = bytes[at];
    if (byte !== LF) {
      if (byte !== 13) this.#trailerLine++;
    } else if (this.#trailerLine > 0) this.#trailerLine = 0;
    else {
      this.#state = State.head;
      this.#sink.onEnd();
    }
    return at + 1;
  }
}

/** The decimal number that begins at `start`. */
function decimalAt(bytes: Buffer, start: number): number {
  let value = 0;
  for (let at = start; ; at++) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}

/** -1 for what is no hexadecimal digit. */
function hexadecimalOf(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
