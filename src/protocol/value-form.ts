/**
 * The body of the commonest write: `value=` and a value, and nothing else. It is read as bytes, and becomes no string: native-bench,
 * "set-64" for a value that needs no decoding, "set-json" for one that is a JSON document, every third byte of it escaped.
 */
import { PLAIN_IN_JSON } from './json.ts';
import { HEX_VALUES } from './percent.ts';

const NAME = Buffer.from('value=');
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;
/** The bytes that stand for themselves both in a form and in a JSON string. */
const STANDS_FOR_ITSELF = Uint8Array.from(PLAIN_IN_JSON);
for (const special of '%+&;') STANDS_FOR_ITSELF[special.charCodeAt(0)] = 0;

export class ValueForm {
  /** Where the value lies, from `start` to `end`, until the next form is read, or the body is gone. */
  bytes: Uint8Array = NAME;
  start = 0;
  end = 0;
  /** Whether it is in JSON what it is here. */
  isPlain = false;
  readonly #decoded: Buffer;

  /** @param sizeBytesMax of a body that has to be decoded; greater ones are not read. */
  constructor(sizeBytesMax: number) {
    this.#decoded = Buffer.alloc(sizeBytesMax);
  }

  /** @returns false for a form that `parseForm` must read: it has other fields, or a fault. */
  read(body: Uint8Array): boolean {
    const size = body.length;
    const { length } = NAME;
    if (size < length) return false;
    for (let at = 0; at < length; at++) if (body[at] !== NAME[at]) return false;
    let at = length;
    while (at < size && STANDS_FOR_ITSELF[body[at] as number] === 1) at++;
    if (at < size) return size <= this.#decoded.length && this.#decode(body, at);
    this.bytes = body;
    this.start = length;
    this.end = size;
    this.isPlain = true;
    return true;
  }

  /** @param plainTo up to where nothing has to be decoded. */
  #decode(body: Uint8Array, plainTo: number): boolean {
    const decoded = this.#decoded;
    const size = body.length;
    let at = NAME.length;
    let to = 0;
    while (at < plainTo) decoded[to++] = body[at++] as number;
    let plainCount = to;
    while (at < size) {
      let byte = body[at++] as number;
      if (byte === PERCENT) {
        if (at + 2 > size) return false;
        const high = HEX_VALUES[body[at++] as number] as number;
        const low = HEX_VALUES[body[at++] as number] as number;
        if ((high | low) < 0) return false;
        byte = high * 16 + low;
      } else if (byte === PLUS) byte = SPACE;
      else if (byte === AMPERSAND || byte === SEMICOLON) return false;
      decoded[to++] = byte;
      plainCount += PLAIN_IN_JSON[byte] as number;
    }
    this.bytes = decoded;
    this.start = 0;
    this.end = to;
    this.isPlain = plainCount === to;
    return true;
  }
}
