/**
 * Paths of requests: percent-decoding, and the cleaning by which Go's net/http redirects a path with an empty, `.` or
 * `..` element to its clean form. Sources: Go 1.19 net/url, path.Clean, net/http ServeMux.
 *
 * Order of use: a simple raw path is the path. Any other is decoded (`decodePath`), and if the result needs cleaning the
 * answer is a 301 to `redirectTarget(cleanPath(path), query)`.
 */
import { type ByteString, byteStringOf, isAscii } from '../base/byte-string.ts';
import { decodePercent, isWellEscaped } from './percent.ts';

const SIMPLE = /^(?:\/(?!\.\.?(?:\/|$))[!-$&-.0-~]+)+\/?$/;
const EMPTY_OR_DOTS = /\/(?:\/|\.\.?(?:\/|$))/;
/** What Go leaves as it is when it writes a path. */
const ESCAPED_IN_PATH = /[^A-Za-z0-9\-_.~$&+,/:;=@]/g;

/**
 * True when a raw path can be used as it is: visible ASCII without percent signs, absolute, and clean. One trailing
 * slash is let through. `/` itself is not called simple; it is rare.
 */
export function isSimpleUrl(rawPath: string): boolean {
  return SIMPLE.test(rawPath);
}

/** A simple path below /v2/keys, without trailing slash, that needs no JSON escape either. */
const PLAIN_KEYS_URL = /^\/v2\/keys(?:\/(?!\.\.?(?:\/|$))[!#$'-.0-;=?-[\]-~]+)+$/;

/** True when what follows /v2/keys in a raw path can be used as a key as it is, and shown in JSON as it is. */
export function isPlainKeysUrl(rawPath: string): boolean {
  return PLAIN_KEYS_URL.test(rawPath);
}

/** The one control character that can arrive unescaped: those below 0x20 are refused by uWebSockets.js. */
const DELETE = '\x7f';

/**
 * The bytes of a path.
 * @param rawPath  as on the request line; characters beyond ASCII stand for their UTF-8 bytes.
 * @returns undefined when Go cannot read it: a percent sign is not followed by two hexadecimal digits, or there is a
 *   control character.
 */
export function decodePath(rawPath: string): ByteString | undefined {
  const bytes = byteStringOf(rawPath);
  return isWellEscaped(bytes) && !bytes.includes(DELETE) ? decodePercent(bytes) : undefined;
}

/** Whether Go can read a raw query, whose escapes matter to it only later. */
export function isReadableQuery(rawQuery: string): boolean {
  return !rawQuery.includes(DELETE);
}

/** True when cleanPath would change the path, which a client is told by a redirect. */
export function needsCleaning(path: ByteString): boolean {
  return path.charCodeAt(0) !== 0x2f || EMPTY_OR_DOTS.test(path);
}

/** The path with empty, `.` and `..` elements resolved, absolute, keeping a trailing slash. */
export function cleanPath(path: ByteString): ByteString {
  if (!needsCleaning(path)) return path;
  const kept: string[] = [];
  for (const element of path.split('/')) {
    if (element === '..') kept.pop();
    else if (element !== '' && element !== '.') kept.push(element);
  }
  const trailing = path.endsWith('/') && kept.length > 0 ? '/' : '';
  return `/${kept.join('/')}${trailing}` as ByteString;
}

/** Where a redirect leads: the path escaped anew, the query as it came. */
export function redirectTarget(cleaned: ByteString, rawQuery: string): string {
  return `${escapePath(cleaned)}${queryPart(rawQuery)}`;
}

/**
 * The same as a header has it, in ASCII. Go escapes a query's bytes beyond ASCII with lower-case digits here, though it
 * uses upper-case ones in paths, and leaves them as they are in the body.
 */
export function redirectLocation(target: string): string {
  return isAscii(target) ? target : byteStringOf(target).replace(/[\x80-\xff]/g, (byte) => `%${hexOf(byte)}`);
}

/** The body of a redirect of GET. */
export function redirectBody(target: string): string {
  return `<a href="${escapeHtml(target)}">Moved Permanently</a>.\n\n`;
}

function escapePath(path: ByteString): string {
  return path.replace(ESCAPED_IN_PATH, (byte) => `%${hexOf(byte).toUpperCase()}`);
}

function queryPart(rawQuery: string): string {
  return rawQuery === '' ? '' : `?${rawQuery}`;
}

function hexOf(byte: string): string {
  return byte.charCodeAt(0).toString(16).padStart(2, '0');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;')
    .replaceAll("'", '&#39;');
}
