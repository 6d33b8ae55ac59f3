/**
 * The body of the commonest writes: `value=` and a value, with `ttl=` and a number before or behind it, or without. It is read as bytes, and
 * becomes no string: native-bench, "set-64" for a value that needs no decoding, "set-json" for one that is a JSON document,
 * every third byte of it escaped.
 */
import { PLAIN_IN_JSON } from './json.ts';
import { HEX_VALUES } from './percent.ts';

const VALUE = Buffer.from('value=');
const TTL = Buffer.from('ttl=');
/** Of more seconds than these the nanoseconds wrap around: left to others. */
const TTL_DIGITS_MAX = 9;
const NOT_READ = -1;
const ZERO = 0x30;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;
/** The bytes that stand for themselves both in a form and in a JSON string. */
const STANDS_FOR_ITSELF = Uint8Array.from(PLAIN_IN_JSON);
for (const special of '%+&;') STANDS_FOR_ITSELF[special.charCodeAt(0)] = 0;
/** Those that do not, but for control characters and what is beyond ASCII; the likeliest first. */
const SPECIALS = [...'%+&;"\\<>\x7f'].map((special) => special.charCodeAt(0));
/** From so many bytes on native code finds the specials sooner than a loop (native-bench/micro, "read the form of 10 KB"). */
const NATIVE_FROM_BYTES = 512;

/** A number that no form has. */
export const NO_TTL = -1;

export class ValueForm {
  /** Where the value lies, from `start` to `end`, until the next form is read, or the body is gone. */
  bytes: Uint8Array = VALUE;
  start = 0;
  end = 0;
  /** Whether it is in JSON what it is here. */
  isPlain = false;
  /** `NO_TTL` where there is none. */
  ttlSeconds = NO_TTL;
  readonly #decoded: Buffer;

  /** @param sizeBytesMax of a body that has to be decoded; greater ones are not read. */
  constructor(sizeBytesMax: number) {
    this.#decoded = Buffer.alloc(sizeBytesMax);
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
    const valueAt = at + VALUE.length;
    at = size - valueAt < NATIVE_FROM_BYTES ? valueAt : skipPlain(body, valueAt);
    while (at < size && STANDS_FOR_ITSELF[body[at] as number] === 1) at++;
    this.bytes = body;
    this.start = valueAt;
    this.end = at;
    this.isPlain = true;
    if (at < size && body[at] !== AMPERSAND) {
      if (size > this.#decoded.length) return false;
      at = this.#decode(body, valueAt, at);
    }
    return at === size || (at !== NOT_READ && this.ttlSeconds === NO_TTL && this.#readTtl(body, at + 1) === size);
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

  /** @param plainTo up to where nothing has to be decoded. @returns where the value ends: at the end, or where another field begins. */
  #decode(body: Uint8Array, valueAt: number, plainTo: number): number {
    const decoded = this.#decoded;
    const size = body.length;
    let at = valueAt;
    let to = 0;
    while (at < plainTo) decoded[to++] = body[at++] as number;
    let isPlain = 1;
    while (at < size) {
      let byte = body[at++] as number;
      // Most bytes, even of a document whose quotes are escaped.
      if (STANDS_FOR_ITSELF[byte] === 1) {
        decoded[to++] = byte;
        continue;
      }
      if (byte === PERCENT) {
        if (at + 2 > size) return NOT_READ;
        const high = HEX_VALUES[body[at++] as number] as number;
        const low = HEX_VALUES[body[at++] as number] as number;
        if ((high | low) < 0) return NOT_READ;
        byte = high * 16 + low;
      } else if (byte === PLUS) byte = SPACE;
      else if (byte === SEMICOLON) return NOT_READ;
      else if (byte === AMPERSAND) {
        at--;
        break;
      }
      decoded[to++] = byte;
      isPlain &= PLAIN_IN_JSON[byte] as number;
    }
    this.bytes = decoded;
    this.start = 0;
    this.end = to;
    this.isPlain = isPlain === 1;
    return at;
  }
}

/** @returns a place up to which all bytes from `from` on stand for themselves; the next word, or the rest, may go on so. */
function skipPlain({ buffer, byteOffset, length }: Uint8Array, from: number): number {
  const bytes = Buffer.from(buffer, byteOffset, length);
  let end = length;
  for (const special of SPECIALS) {
    const at = bytes.subarray(0, end).indexOf(special, from);
    if (at !== -1) end = at;
  }
  // Four bytes a step: a control character borrows from its highest bit, what is beyond ASCII has it.
  const view = new DataView(buffer, byteOffset, length);
  let at = from;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    if (((((word - 0x20202020) & ~word) | word) & 0x80808080) !== 0) break;
  }
  return at;
}

function isAt(body: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let position = 0; position < text.length; position++) {
    if (body[at + position] !== text[position]) return false;
  }
  return true;
}
