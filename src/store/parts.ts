/**
 * Bytes that are written one after the other and taken in parts of a bounded size: no buffer is ever copied to make room.
 *
 * A listing is written by this and not by concatenation: the pieces of 100 k children as strings are 60 MB of garbage,
 * and each of its collections holds everybody up (native-bench, "listing").
 */
import { digitCount, writeDigits } from '../base/digits.ts';
import '../base/latin1.ts';

const FIRST_PART_SIZE_BYTES = 16 * 1024;
const PART_SIZE_BYTES = 1024 * 1024;
/** Up to this length a loop is faster than a call into native code. */
const LOOP_LENGTH_MAX = 24;
/** The same for bytes. */
const COPIED_LENGTH_MAX = 64;
const DIGITS_MAX = 16;

export class Parts {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #part: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(FIRST_PART_SIZE_BYTES);
  #sizeBytes = 0;
  /** What the buffers take. */
  heldBytes = FIRST_PART_SIZE_BYTES;

  /** Appends a string of one byte a character. */
  text(text: string): void {
    const { length } = text;
    this.#makeRoom(length);
    const part = this.#part;
    let at = this.#sizeBytes;
    if (length > LOOP_LENGTH_MAX) part.latin1Write(text, at, length);
    else for (let position = 0; position < length; position++) part[at++] = text.charCodeAt(position);
    this.#sizeBytes += length;
  }

  /** Appends the bytes of `source` from `from` to `to`. */
  bytes(source: Buffer, from: number, to: number): void {
    const length = to - from;
    this.#makeRoom(length);
    const part = this.#part;
    const at = this.#sizeBytes;
    if (length > COPIED_LENGTH_MAX) source.copy(part, at, from, to);
    else for (let position = 0; position < length; position++) part[at + position] = source[from + position] as number;
    this.#sizeBytes += length;
  }

  /** Appends what `write` writes from the place that it is given. @param length of that. */
  written(length: number, write: (target: Buffer, at: number) => void): void {
    this.#makeRoom(length);
    write(this.#part, this.#sizeBytes);
    this.#sizeBytes += length;
  }

  /** Appends a non-negative integer in decimal digits. */
  digits(value: number): void {
    this.#makeRoom(DIGITS_MAX);
    const length = digitCount(value);
    writeDigits(this.#part, this.#sizeBytes + length, value);
    this.#sizeBytes += length;
  }

  /** All bytes, in order; they are the caller's from now on. */
  take(): Uint8Array<ArrayBuffer>[] {
    this.#parts.push(this.#part.subarray(0, this.#sizeBytes));
    return this.#parts;
  }

  #makeRoom(neededBytes: number): void {
    if (this.#sizeBytes + neededBytes <= this.#part.length) return;
    this.#parts.push(this.#part.subarray(0, this.#sizeBytes));
    this.#part = Buffer.allocUnsafeSlow(Math.max(neededBytes, PART_SIZE_BYTES));
    this.heldBytes += this.#part.length;
    this.#sizeBytes = 0;
  }
}
