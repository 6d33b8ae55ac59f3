/**
 * A reader of Redis replies (RESP 2), told to the same sink as HTTP answers: a reply is a head with status 200 (500
 * for an error), a body with its payload and an end. Of an array (a pub/sub message) the last element is the payload.
 * A reply cut by a read is kept whole and read again from its beginning when more has come.
 */
import type { AnswerReader, AnswerSink } from './answer.ts';

const INCOMPLETE = -1;
const LF = 10;

export class RespReader implements AnswerReader {
  readonly #sink: AnswerSink;
  #carry: Buffer | undefined;
  #payloadStart = 0;
  #payloadEnd = 0;

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
    let at = 0;
    while (at < length) {
      const end = this.#readReply(bytes, at, length);
      if (end === INCOMPLETE) {
        this.#carry = Buffer.from(bytes.subarray(at, length));
        return;
      }
      this.#tell(bytes, bytes[at] === 0x2d ? 500 : 200);
      at = end;
    }
  }

  #tell(bytes: Buffer, status: number): void {
    this.#sink.onHead(status, 0);
    if (this.#payloadEnd > this.#payloadStart) this.#sink.onBody(bytes, this.#payloadStart, this.#payloadEnd);
    this.#sink.onEnd();
  }

  /** Finds the payload of the reply at `at`; returns where the reply ends. */
  #readReply(bytes: Buffer, at: number, length: number): number {
    const lineEnd = endOfLine(bytes, at, length);
    if (lineEnd === INCOMPLETE) return INCOMPLETE;
    const kind = bytes[at];
    if (kind === 0x24) return this.#readBulk(integerAt(bytes, at + 1), lineEnd, length);
    if (kind === 0x2a) return this.#readArray(bytes, integerAt(bytes, at + 1), lineEnd, length);
    this.#payloadStart = at + 1;
    this.#payloadEnd = lineEnd - 2;
    return lineEnd;
  }

  #readBulk(sizeBytes: number, start: number, length: number): number {
    const isNull = sizeBytes < 0;
    const end = isNull ? start : start + sizeBytes + 2;
    if (end > length) return INCOMPLETE;
    this.#payloadStart = start;
    this.#payloadEnd = isNull ? start : end - 2;
    return end;
  }

  #readArray(bytes: Buffer, elements: number, start: number, length: number): number {
    let at = start;
    for (let element = 0; element < elements; element++) {
      if (at >= length) return INCOMPLETE;
      at = this.#readReply(bytes, at, length);
      if (at === INCOMPLETE) return INCOMPLETE;
    }
    return at;
  }
}

function endOfLine(bytes: Buffer, start: number, length: number): number {
  for (let at = start; at < length; at++) if (bytes[at] === LF) return at + 1;
  return INCOMPLETE;
}

function integerAt(bytes: Buffer, start: number): number {
  const isNegative = bytes[start] === 0x2d;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; ; at++) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return isNegative ? -value : value;
    value = value * 10 + digit;
  }
}
