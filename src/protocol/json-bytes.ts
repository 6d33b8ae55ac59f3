/**
 * What `escapeJson` gives, byte by byte from one buffer into another: a value becomes no string on its way into an answer. Native code makes
 * several of a text, and looks through each of them (native-bench/micro, "escape a JSON document of 100 KB").
 */
import type { ByteString } from '../base/byte-string.ts';
import { escapeJson } from './json.ts';

/** No byte grows to more than this: `\u00XX`. */
export const ESCAPE_SIZE_BYTES_MAX = 6;

/** What a byte that belongs to no character is told as. */
const REPLACEMENT = '\\ufffd';
/** How U+2028 and U+2029 begin; and what they are told as, up to the last digit. */
const SEPARATOR_LEAD = 0xe2;
const SEPARATOR = '\\u202';
const SEPARATOR_SIZE_BYTES = 3;
const DIGIT_EIGHT = 0x38;
const BACKSLASH = 0x5c;
const U = 0x75;
const ZERO = 0x30;
const HEX_DIGITS = Buffer.from('0123456789abcdef', 'latin1');
/** By byte, 1 for one that stands for itself. */
const IS_ITSELF = new Uint8Array(256);
/** By byte, what stands behind the backslash of an escape of two characters. */
const SHORT_ESCAPES = new Uint8Array(256);
/** By byte, how much longer its escape is; bytes beyond ASCII are looked at together. */
const GROWTHS = new Int8Array(256).fill(-1);
for (let byte = 0; byte < 0x80; byte++) {
  const escaped = escapeJson(String.fromCharCode(byte) as ByteString);
  GROWTHS[byte] = escaped.length - 1;
  if (escaped.length === 1) IS_ITSELF[byte] = 1;
  if (escaped.length === 2) SHORT_ESCAPES[byte] = escaped.charCodeAt(1);
}

/** @returns how many bytes `writeEscaped` writes. */
export function escapedSizeBytes(source: Uint8Array, from: number, end: number): number {
  let size = end - from;
  for (let at = from; at < end; at++) {
    const growth = GROWTHS[source[at] as number] as number;
    if (growth >= 0) size += growth;
    else {
      const length = characterSizeBytes(source, at, end);
      if (length === 1) size += REPLACEMENT.length - 1;
      else if (isSeparator(source, at)) size += ESCAPE_SIZE_BYTES_MAX - SEPARATOR_SIZE_BYTES;
      at += length - 1;
    }
  }
  return size;
}

/** Writes the contents of the JSON string, without its quotes, for the bytes from `from` to `end`. @returns where they end. */
export function writeEscaped(source: Uint8Array, from: number, end: number, target: Uint8Array, at: number): number {
  let to = at;
  for (let position = from; position < end; position++) {
    const byte = source[position] as number;
    if (IS_ITSELF[byte] === 1) target[to++] = byte;
    else if (byte < 0x80) {
      target[to++] = BACKSLASH;
      const short = SHORT_ESCAPES[byte] as number;
      if (short !== 0) target[to++] = short;
      else {
        target[to++] = U;
        target[to++] = ZERO;
        target[to++] = ZERO;
        target[to++] = HEX_DIGITS[byte >>> 4] as number;
        target[to++] = HEX_DIGITS[byte & 0x0f] as number;
      }
    } else {
      const length = characterSizeBytes(source, position, end);
      if (length === 1) to = writeText(target, to, REPLACEMENT);
      else if (isSeparator(source, position)) {
        to = writeText(target, to, SEPARATOR);
        target[to++] = DIGIT_EIGHT + ((source[position + 2] as number) & 1);
      } else for (let part = position; part < position + length; part++) target[to++] = source[part] as number;
      position += length - 1;
    }
  }
  return to;
}

/**
 * Of the character beyond ASCII that begins at `at` (RFC 3629, section 4).
 * @returns 1 where none does.
 */
function characterSizeBytes(source: Uint8Array, at: number, end: number): number {
  const lead = source[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return 1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 1;
  const second = source[at + 1] as number;
  // The shortest form only, no surrogates, and nothing above U+10FFFF.
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 1;
  for (let part = at + 2; part < at + length; part++) if (((source[part] as number) & 0xc0) !== 0x80) return 1;
  return length;
}

function isSeparator(source: Uint8Array, at: number): boolean {
  return source[at] === SEPARATOR_LEAD && source[at + 1] === 0x80 && ((source[at + 2] as number) & 0xfe) === 0xa8;
}

function writeText(target: Uint8Array, at: number, text: string): number {
  for (let position = 0; position < text.length; position++) target[at + position] = text.charCodeAt(position);
  return at + text.length;
}
