/**
 * Reads the form of a body a part at a time, and finds what `parseForm` finds. A form of 10 MB may be three million escapes or
 * fields: read in one go it would hold up everybody else for a tenth of a second.
 *
 * One look at each byte. It is copied from where the form lies, a part at a time, too. What is decoded is written over the
 * piece that it came from, which is no longer needed:
 *
 *   … & name = value as far as decoded │ read already │ copied │ still to come
 *       ▲      ▲                       ▲              ▲        ▲
 *       pieceAt  valueAt               decodedTo      at       copiedTo
 *
 * Of an unknown name nothing is made, not even a string.
 */
import type { ByteString } from '../base/byte-string.ts';
import { copyBytes } from '../base/bytes.ts';
import {
  emptyForm,
  type Form,
  isParameter,
  NAME_LENGTH_MAX,
  NAME_LENGTH_MIN,
  type ReadBody,
  SEMICOLON_FAULT,
} from './form.ts';
import { PLAIN_IN_JSON } from './json.ts';
import { type Kernel, RESULT_AT, SLICE_SIZE_BYTES, SOURCE_AT } from './kernel.ts';
import { describeBadEscape, HEX_VALUES } from './percent.ts';
import { NO_TTL, type ValueBytes } from './value-form.ts';

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const NOTHING = '' as ByteString;
/** An escape has so many characters behind its percent sign. */
const LOOK_AHEAD = 2;

/** Where a form lies. */
export interface FormSource {
  readonly sizeBytes: number;
  /** Copies the bytes from `startBytes` to `endBytes` to the same place in `target`. */
  copyTo(target: Uint8Array, startBytes: number, endBytes: number): void;
}

export class FormReader {
  readonly #source: FormSource;
  readonly #bytes: Buffer;
  readonly #kernel: Kernel;
  #copiedTo = 0;
  readonly #form: Form = emptyForm();
  #fault: ByteString | undefined;
  #at = 0;
  #pieceAt = 0;
  #decodedTo = 0;
  #nameEnd = 0;
  /** -1 while no equals sign has come. */
  #valueAt = -1;
  /** Whether what has been decoded of this value is in JSON what it is here: known on the way, where all of it is looked at anyway. */
  #isPlain = true;
  /** Where the value of `value` lies: it becomes a string only where it must. */
  #value: ValueBytes | undefined;
  #hasOthers = false;

  /** @param bytes room for all of it: its own until it has been read. */
  constructor(source: FormSource, bytes: Buffer, kernel: Kernel) {
    this.#source = source;
    this.#kernel = kernel;
    // Nothing lies behind its end, or an escape that is cut off there would go on.
    this.#bytes = bytes.subarray(0, source.sizeBytes);
  }

  /** What was found, when all has been read. */
  get body(): ReadBody {
    const form = this.#form;
    if (this.#fault !== undefined) return { form: { fault: this.#fault }, isValuePlain: undefined };
    if (this.#value !== undefined) form.value ??= this.#text(this.#value.start, this.#value.end);
    return { form, isValuePlain: this.#value?.isPlain };
  }

  /** The value that is all of the form, as bytes of its own; undefined when there is more, or none. */
  get onlyValue(): ValueBytes | undefined {
    return this.#fault === undefined && !this.#hasOthers ? this.#value : undefined;
  }

  /** Reads on, for about so many bytes. @returns whether there is no more to be read. */
  readOn(sizeBytes: number): boolean {
    const bytes = this.#bytes;
    const size = bytes.length;
    const end = Math.min(this.#at + sizeBytes, size);
    this.#copyUpTo(Math.min(end + LOOK_AHEAD, size));
    // A semicolon beats any bad escape, wherever it is; what else comes after that is of no interest.
    if (this.#fault === SEMICOLON_FAULT) return true;
    if (this.#fault !== undefined) {
      this.#at = end;
      return end === size;
    }
    let at = this.#at;
    let to = this.#decodedTo;
    let isPlain = this.#isPlain;
    if (this.#valueAt !== -1) {
      // Of a value the kernel reads as much as it can: all but an escape that is cut off there, mostly.
      const kernel = this.#kernel;
      const sourceSize = Math.min(end - at, SLICE_SIZE_BYTES);
      const decoded = kernel.decode(copyBytes(bytes, at, sourceSize, kernel.memory, SOURCE_AT));
      to = copyBytes(kernel.memory, RESULT_AT, decoded, bytes, to);
      at += kernel.stoppedAt - SOURCE_AT;
      isPlain &&= kernel.isPlain;
    }
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === AMPERSAND) {
        this.#decodedTo = to;
        this.#isPlain = isPlain;
        if (at > this.#pieceAt) this.#finishPiece();
        this.#pieceAt = at + 1;
        to = at + 1;
        this.#valueAt = -1;
      } else if (byte === EQUALS && this.#valueAt === -1) {
        this.#nameEnd = to;
        this.#valueAt = to;
        isPlain = true;
      } else if (byte === PERCENT) {
        const high = HEX_VALUES[bytes[at + 1] as number] ?? -1;
        const low = HEX_VALUES[bytes[at + 2] as number] ?? -1;
        if (high < 0 || low < 0) {
          this.#fault = this.#describeEscape(at);
          this.#at = end;
          return end === size;
        }
        const decoded = high * 16 + low;
        if (PLAIN_IN_JSON[decoded] === 0) isPlain = false;
        bytes[to++] = decoded;
        at += 2;
      } else {
        if (PLAIN_IN_JSON[byte] === 0) isPlain = false;
        bytes[to++] = byte === PLUS ? SPACE : byte;
      }
    }
    this.#isPlain = isPlain;
    this.#at = at;
    this.#decodedTo = to;
    if (at < size) return false;
    if (at > this.#pieceAt) this.#finishPiece();
    this.#pieceAt = at;
    return true;
  }

  #copyUpTo(endBytes: number): void {
    const startBytes = this.#copiedTo;
    if (endBytes <= startBytes) return;
    this.#source.copyTo(this.#bytes, startBytes, endBytes);
    this.#copiedTo = endBytes;
    if (this.#bytes.subarray(startBytes, endBytes).includes(SEMICOLON)) this.#fault = SEMICOLON_FAULT;
  }

  #finishPiece(): void {
    const isNameOnly = this.#valueAt === -1;
    const nameEnd = isNameOnly ? this.#decodedTo : this.#nameEnd;
    const nameLength = nameEnd - this.#pieceAt;
    if (nameLength < NAME_LENGTH_MIN || nameLength > NAME_LENGTH_MAX) return;
    const name: string = this.#text(this.#pieceAt, nameEnd);
    if (name === 'value') this.#value ??= this.#valueOf(isNameOnly);
    else if (isParameter(name)) {
      this.#hasOthers = true;
      this.#form[name] ??= isNameOnly ? NOTHING : this.#text(this.#valueAt, this.#decodedTo);
    }
  }

  #valueOf(isNameOnly: boolean): ValueBytes {
    const start = isNameOnly ? this.#decodedTo : this.#valueAt;
    const isPlain = isNameOnly || this.#isPlain;
    return { bytes: this.#bytes, start, end: this.#decodedTo, isPlain, ttlSeconds: NO_TTL };
  }

  #text(start: number, end: number): ByteString {
    return this.#bytes.latin1Slice(start, end) as ByteString;
  }

  /** Of a name it ends where its value begins, and of both where the piece does. */
  #describeEscape(at: number): ByteString {
    const cut = this.#bytes.latin1Slice(at, Math.min(at + 1 + LOOK_AHEAD, this.#bytes.length));
    return describeBadEscape((cut.split(this.#valueAt === -1 ? /[&=]/ : '&', 1)[0] ?? cut) as ByteString);
  }
}
