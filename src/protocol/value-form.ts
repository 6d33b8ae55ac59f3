/**
 * The body of the commonest writes: `value=` and a value, with `ttl=` and a number before or behind it, or without. It is read as bytes, and
 * becomes no string: native-bench, "set-64" for a value that needs no decoding, "set-json" for one that is a JSON document,
 * every third byte of it escaped.
 */
import { copyBytes } from '../base/bytes.ts';
import { PLAIN_IN_JSON } from './json.ts';
import { type Kernel, RESULT_AT, SLICE_SIZE_BYTES, SOURCE_AT } from './kernel.ts';

const VALUE = Buffer.from('value=');
const TTL = Buffer.from('ttl=');
/** Of more seconds than these the nanoseconds wrap around: left to others. */
const TTL_DIGITS_MAX = 9;
const NOT_READ = -1;
const ZERO = 0x30;
const AMPERSAND = 0x26;
/** The bytes that stand for themselves both in a form and in a JSON string. */
const STANDS_FOR_ITSELF = Uint8Array.from(PLAIN_IN_JSON);
for (const special of '%+&;') STANDS_FOR_ITSELF[special.charCodeAt(0)] = 0;
/** From so many bytes on the kernel takes less time than a loop here (native-bench/micro, "read the form of 10 KB"). */
const KERNEL_FROM_BYTES = 256;

/** A number that no form has. */
export const NO_TTL = -1;

/** A value, and perhaps a life, that are all of a form. */
export interface ValueBytes {
  /** Where the value lies, from `start` to `end`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Whether it is in JSON what it is here. */
  readonly isPlain: boolean;
  /** `NO_TTL` where there is none. */
  readonly ttlSeconds: number;
}

export class ValueForm implements ValueBytes {
  /** Where the value lies, until the next form is read, or the body is gone. */
  bytes: Uint8Array = VALUE;
  start = 0;
  end = 0;
  isPlain = false;
  ttlSeconds = NO_TTL;
  readonly #sizeBytesMax: number;
  readonly #kernel: Kernel;

  /** @param sizeBytesMax of a body that has to be decoded; greater ones are not read. At most `SLICE_SIZE_BYTES`. */
  constructor(sizeBytesMax: number, kernel: Kernel) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#kernel = kernel;
  }

  /** @returns false for a form that `parseForm` must read: it has other fields, or a fault. */
  read(body: Uint8Array): boolean {
    const size = body.length;
    let at = 0;
    this.ttlSeconds = NO_TTL;
    if (body[0] === TTL[0]) {
      at = this.#readTtl(body, 0);
      if (at === NOT_READ || body[at++] !== AMPERSAND) return false;
    }
    if (!isAt(body, at, VALUE)) return false;
    at = this.#readValue(body, at + VALUE.length);
    if (at === size) return true;
    return body[at] === AMPERSAND && this.ttlSeconds === NO_TTL && this.#readTtl(body, at + 1) === size;
  }

  /** @returns where the value ends that begins at `valueAt`, or cannot be read on. */
  #readValue(body: Uint8Array, valueAt: number): number {
    const size = body.length;
    this.start = valueAt;
    if (size > this.#sizeBytesMax) return this.#skipPlain(body, valueAt);
    if (size - valueAt < KERNEL_FROM_BYTES) {
      let at = valueAt;
      while (at < size && STANDS_FOR_ITSELF[body[at] as number] === 1) at++;
      if (at === size || body[at] === AMPERSAND) {
        this.bytes = body;
        this.end = at;
        this.isPlain = true;
        return at;
      }
    }
    const kernel = this.#kernel;
    const sourceEnd = copyBytes(body, valueAt, size - valueAt, kernel.memory, SOURCE_AT);
    this.bytes = kernel.memory;
    this.start = RESULT_AT;
    this.end = RESULT_AT + kernel.decode(sourceEnd);
    this.isPlain = kernel.isPlain;
    return valueAt + kernel.stoppedAt - SOURCE_AT;
  }

  /** A large value that needs no decoding stays where it is; another is not read. */
  #skipPlain(body: Uint8Array, valueAt: number): number {
    const kernel = this.#kernel;
    let at = valueAt;
    let isAtEnd = false;
    while (at < body.length && !isAtEnd) {
      const sourceSize = Math.min(SLICE_SIZE_BYTES, body.length - at);
      kernel.decode(copyBytes(body, at, sourceSize, kernel.memory, SOURCE_AT));
      if (!kernel.isSame || !kernel.isPlain) return NOT_READ;
      const readSize = kernel.stoppedAt - SOURCE_AT;
      isAtEnd = readSize < sourceSize;
      at += readSize;
    }
    this.bytes = body;
    this.end = at;
    this.isPlain = true;
    return at;
  }

  /** @returns where the field ends that begins at `at`. */
  #readTtl(body: Uint8Array, at: number): number {
    if (!isAt(body, at, TTL)) return NOT_READ;
    const digitsAt = at + TTL.length;
    let seconds = 0;
    let end = digitsAt;
    for (; end < body.length; end++) {
      const digit = (body[end] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      if (end === digitsAt + TTL_DIGITS_MAX) return NOT_READ;
      seconds = 10 * seconds + digit;
    }
    if (end === digitsAt) return NOT_READ;
    this.ttlSeconds = seconds;
    return end;
  }
}

function isAt(body: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let position = 0; position < text.length; position++) {
    if (body[at + position] !== text[position]) return false;
  }
  return true;
}
