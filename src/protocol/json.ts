/**
 * Strings in JSON, as Go's encoding/json writes them: `< > &` as `\u003c \u003e \u0026`, U+2028 and U+2029 escaped,
 * `\n \r \t \" \\` short, all other control characters as `\u00XX`, 0x7f and `/` as they are, and each byte that
 * belongs to no valid UTF-8 sequence as `\ufffd`. (A TextDecoder would put one U+FFFD for several such bytes.)
 */
import { isUtf8 } from 'node:buffer';
import type { ByteString } from '../base/byte-string.ts';

/** Printable ASCII without what JSON or Go escape. 0x7f would pass unescaped too, but is not worth a promise. */
const PLAIN = /^[ !#-%'-;=?-[\]-~]*$/;

/** The same by byte: 1 for a plain one. */
export const PLAIN_IN_JSON = Uint8Array.from({ length: 256 }, (_, byte) =>
  PLAIN.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** Where Go may differ from JSON.stringify. */
const NOT_AS_STRINGIFY = /[\b\f<>&\x80-\xff]/;

/** JSON.stringify writes these two short. */
const BACKSPACE_OR_FORM_FEED = /[\b\f]/;

/** Either a valid UTF-8 sequence (RFC 3629, section 4), or one byte that needs an escape. */
const SEQUENCE_OR_ESCAPED = new RegExp(
  [
    '[\\xc2-\\xdf][\\x80-\\xbf]',
    '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]',
    '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}',
    '\\xed[\\x80-\\x9f][\\x80-\\xbf]',
    '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}',
    '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
    '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}',
    '[\\x80-\\xff]',
    '[\\x00-\\x1f"\\\\<>&]',
  ].join('|'),
  'g',
);

/** Of what that matches, the byte that is part of no sequence. */
const INVALID = /^[\x80-\xff]$/;

/** U+FFFD in UTF-8. */
const REPLACEMENT = '\xef\xbf\xbd';

/** True when the bytes are the same inside JSON as outside. */
export function isPlain(bytes: ByteString): boolean {
  return PLAIN.test(bytes);
}

/** The contents of the JSON string, without its quotes, that stands for these bytes. Plain bytes come back as the same object. */
export function escapeJson(bytes: ByteString): ByteString {
  if (isPlain(bytes)) return bytes;
  // Native code does nearly all that Go does; one call of ours for each quote would cost a JSON document, the usual
  // value that is not plain, several times as much.
  if (!NOT_AS_STRINGIFY.test(bytes)) return stringify(bytes);
  if (BACKSPACE_OR_FORM_FEED.test(bytes) || !isUtf8(Buffer.from(bytes, 'latin1'))) return escapeOneByOne(bytes);
  return escapeBeyondStringify(stringify(bytes));
}

function stringify(bytes: ByteString): ByteString {
  return JSON.stringify(bytes).slice(1, -1) as ByteString;
}

/** @param text  valid UTF-8, in which 0xe2 always begins a character of three bytes. */
function escapeBeyondStringify(text: ByteString): ByteString {
  return text
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e')
    .replaceAll('&', '\\u0026')
    .replaceAll('\xe2\x80\xa8', '\\u2028')
    .replaceAll('\xe2\x80\xa9', '\\u2029') as ByteString;
}

/**
 * The bytes with U+FFFD in place of each byte that belongs to no valid UTF-8 sequence: as Go reads a JSON string. (A
 * TextDecoder would put one for several here, too.)
 */
export function replaceInvalidUtf8(bytes: ByteString): ByteString {
  if (isUtf8(Buffer.from(bytes, 'latin1'))) return bytes;
  return bytes.replace(SEQUENCE_OR_ESCAPED, (match) => (INVALID.test(match) ? REPLACEMENT : match)) as ByteString;
}

function escapeOneByOne(bytes: ByteString): ByteString {
  return bytes.replace(SEQUENCE_OR_ESCAPED, escapeMatch) as ByteString;
}

function escapeMatch(match: string): string {
  switch (match) {
    case '"':
      return '\\"';
    case '\\':
      return '\\\\';
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    case '\xe2\x80\xa8':
      return '\\u2028';
    case '\xe2\x80\xa9':
      return '\\u2029';
  }
  if (match.length > 1) return match;
  const byte = match.charCodeAt(0);
  return byte >= 0x80 ? '\\ufffd' : `\\u00${byte.toString(16).padStart(2, '0')}`;
}
