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
 * come in. It believes a server more than a browser would: header names are recognised by length and first letters.
 */
import type { AnswerReader, AnswerSink } from './answer.ts';

const LF = 10;
const COLON = 58;

const State = { head: 0, sized: 1, chunkSize: 2, chunkBytes: 3, chunkEnd: 4, trailer: 5 } as const;
type State = (typeof State)[keyof typeof State];

export class HttpReader implements AnswerReader {
  readonly #sink: AnswerSink;
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
    let contentLength = 0;
    let etcdIndex = 0;
    let isChunked = false;
    let line = start;
    for (let at = start; at < length; at++) {
      if (bytes[at] !== LF) continue;
      if (at - line <= 1) {
        this.#sink.onHead(decimalAt(bytes, start + 9), etcdIndex);
        this.#beginBody(isChunked, contentLength);
        return at + 1;
      }
      const initial = (bytes[line] ?? 0) | 0x20;
      if (initial === 0x63 && bytes[line + 14] === COLON) contentLength = decimalAt(bytes, line + 16);
      else if (initial === 0x74 && bytes[line + 17] === COLON) isChunked = true;
      else if (initial === 0x78 && bytes[line + 12] === COLON && ((bytes[line + 2] ?? 0) | 0x20) === 0x65)
        etcdIndex = decimalAt(bytes, line + 14); // The other name of twelve letters is X-Raft-Index.
      line = at + 1;
    }
    this.#carry = Buffer.from(bytes.subarray(start, length));
    return length;
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
