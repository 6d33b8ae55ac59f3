/**
 * Reads the form of a body a part at a time, and finds what `parseForm` finds. A form of 10 MB may be three million escapes or
 * fields: read in one go it would hold up everybody else for a tenth of a second.
 *
 * One look at each byte. What is decoded is written over the piece that it came from, which is no longer needed:
 *
 *   … & name = value as far as decoded │ read already │ still to be read … & …
 *       ▲      ▲                       ▲              ▲
 *       pieceAt  valueAt               decodedTo      at
 *
 * Of an unknown name nothing is made, not even a string.
 */
import type { ByteString } from '../base/byte-string.ts';
import { emptyForm, type Form, type FormFault, isParameter, PARAMETER_LENGTHS, SEMICOLON_FAULT } from './form.ts';
import { describeBadEscape } from './percent.ts';

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
/** -1 for what is no hexadecimal digit. */
const HEX_VALUES = Int8Array.from({ length: 256 }, (_, byte) =>
  /[0-9A-Fa-f]/.test(String.fromCharCode(byte)) ? Number.parseInt(String.fromCharCode(byte), 16) : -1,
);

export class FormReader {
  readonly #bytes: Buffer;
  readonly #form: Form = emptyForm();
  #fault: ByteString | undefined;
  #at = 0;
  #pieceAt = 0;
  #decodedTo = 0;
  #nameEnd = 0;
  /** -1 while no equals sign has come. */
  #valueAt = -1;

  /** @param bytes the whole form, which is overwritten. */
  constructor({ buffer, byteOffset, length }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, length);
    // It beats any bad escape, wherever it is.
    if (this.#bytes.includes(SEMICOLON)) this.#fault = SEMICOLON_FAULT;
  }

  /** What was found, when all has been read. */
  get form(): Form | FormFault {
    return this.#fault === undefined ? this.#form : { fault: this.#fault };
  }

  /** Reads on, for about so many bytes. @returns whether there is no more to be read. */
  readOn(sizeBytes: number): boolean {
    if (this.#fault !== undefined) return true;
    const bytes = this.#bytes;
    const size = bytes.length;
    const end = Math.min(this.#at + sizeBytes, size);
    let at = this.#at;
    let to = this.#decodedTo;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === AMPERSAND) {
        this.#decodedTo = to;
        if (at > this.#pieceAt) this.#finishPiece();
        this.#pieceAt = at + 1;
        to = at + 1;
        this.#valueAt = -1;
      } else if (byte === EQUALS && this.#valueAt === -1) {
        this.#nameEnd = to;
        this.#valueAt = to;
      } else if (byte === PERCENT) {
        const high = HEX_VALUES[bytes[at + 1] as number] ?? -1;
        const low = HEX_VALUES[bytes[at + 2] as number] ?? -1;
        if (high < 0 || low < 0) {
          this.#fault = this.#describeEscape(at);
          return true;
        }
        bytes[to++] = high * 16 + low;
        at += 2;
      } else bytes[to++] = byte === PLUS ? SPACE : byte;
    }
    this.#at = at;
    this.#decodedTo = to;
    if (at < size) return false;
    if (at > this.#pieceAt) this.#finishPiece();
    this.#pieceAt = at;
    return true;
  }

  #finishPiece(): void {
    const isNameOnly = this.#valueAt === -1;
    const nameEnd = isNameOnly ? this.#decodedTo : this.#nameEnd;
    if (!PARAMETER_LENGTHS.has(nameEnd - this.#pieceAt)) return;
    const name = this.#bytes.latin1Slice(this.#pieceAt, nameEnd);
    if (!isParameter(name) || this.#form[name] !== undefined) return;
    this.#form[name] = (isNameOnly ? '' : this.#bytes.latin1Slice(this.#valueAt, this.#decodedTo)) as ByteString;
  }

  /** Of a name it ends where its value begins, and of both where the piece does. */
  #describeEscape(at: number): ByteString {
    const cut = this.#bytes.latin1Slice(at, Math.min(at + 3, this.#bytes.length));
    return describeBadEscape((cut.split(this.#valueAt === -1 ? /[&=]/ : '&', 1)[0] ?? cut) as ByteString);
  }
}
