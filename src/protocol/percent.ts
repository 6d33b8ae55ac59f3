/** Percent-decoding of bytes, shared by paths and forms. Source: Go 1.19 net/url, unescape. */
import { type ByteString, byteStringOf, textOf } from '../base/byte-string.ts';
import { quotedCharacter } from './go-quote.ts';

/** By byte, what a hexadecimal digit stands for; -1 for what is none. */
export const HEX_VALUES = Int8Array.from({ length: 256 }, (_, byte) =>
  /[0-9A-Fa-f]/.test(String.fromCharCode(byte)) ? Number.parseInt(String.fromCharCode(byte), 16) : -1,
);

const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/** True when each percent sign is followed by two hexadecimal digits. */
export function isWellEscaped(bytes: ByteString): boolean {
  return !bytes.includes('%') || !BAD_ESCAPE.test(bytes);
}

/**
 * Replaces each `%XX` by its byte.
 * @param bytes  well escaped.
 */
export function decodePercent(bytes: ByteString): ByteString {
  // The legacy global is exactly this function once its own `%uXXXX` is ruled out, which no well escaped text has: one
  // character a byte, no UTF-8, in native code.
  return (bytes.includes('%') ? unescape(bytes) : bytes) as ByteString;
}

/**
 * Go's message about the first bad escape: up to three bytes from its percent sign, quoted as by strconv.Quote.
 * @param bytes  not well escaped.
 */
export function describeBadEscape(bytes: ByteString): ByteString {
  const start = bytes.search(BAD_ESCAPE);
  return describeEscape(bytes.slice(start, start + 3) as ByteString);
}

/** The same of an escape that is known to be bad. */
export function describeEscape(escaped: ByteString): ByteString {
  return `invalid URL escape "${quoteEscape(escaped)}"` as ByteString;
}

// After the percent sign there is room for one character of two bytes; longer ones are cut, and so invalid.
const QUOTED = /[\xc2-\xdf][\x80-\xbf]|[^ !#-[\]-~]/g;

function quoteEscape(bytes: ByteString): string {
  return bytes.replace(QUOTED, (match) => {
    const isInvalid = match.length === 1 && match > '\x7f';
    return isInvalid
      ? `\\x${match.charCodeAt(0).toString(16)}`
      : byteStringOf(quotedCharacter(textOf(match as ByteString), '"'));
  });
}
