/**
 * The format of a dump: a JSON object a line, UTF-8, each line with a newline at its end.
 *
 *   {"uetcd-dump":1,"source":"http://…","etcdIndex":7,"hidden":false,"time":"2026-11-24T11:17:42.5Z"}     first
 *   {"key":"/a","dir":true,"expiration":"2026-11-24T11:18:42.5Z","modifiedIndex":3,"createdIndex":3}
 *   {"key":"/a/b","value":"text","modifiedIndex":4,"createdIndex":4}
 *   {"keyBase64":"L//+","valueBase64":"gA==","modifiedIndex":5,"createdIndex":5}
 *   {"end":true,"nodes":3}                                                                                  last
 *
 * Keys and values are bytes. Those that are valid UTF-8 stand as text, escaped as the API escapes them; any others stand
 * in base64 under another name, so that every byte comes back. `expiration` is there when the node has a TTL. The
 * indexes are left out where the source does not tell them, and mean nothing to a load.
 *
 * A directory comes before what is in it. `hidden` says whether hidden nodes are included. Only the last line makes a
 * dump complete; it counts the nodes, and a line without its newline is a line cut short. Fields with other names are
 * ignored; a reader refuses a version that it does not know.
 */
import { isUtf8 } from 'node:buffer';
import { type ByteString, byteStringOf, isAscii, textOf } from '../base/byte-string.ts';
import { escapeJson } from '../protocol/json.ts';
import { needsCleaning } from '../protocol/path.ts';
import { formatTime } from '../protocol/time.ts';
import type { TransferNode } from './transfer-node.ts';

const DUMP_VERSION = 1;
const VERSION_FIELD = 'uetcd-dump';

export interface DumpHeader {
  readonly source: string;
  readonly etcdIndex: number;
  readonly includesHidden: boolean;
  /** Epoch ms. */
  readonly timeMs: number;
}

export type DumpLine =
  | { readonly kind: 'header' }
  | { readonly kind: 'node'; readonly node: TransferNode }
  | { readonly kind: 'end'; readonly nodeCount: number };

/** A line that is none of the format. */
export class DumpFormatError extends Error {
  override readonly name = 'DumpFormatError';
}

export function encodeHeader({ source, etcdIndex, includesHidden, timeMs }: DumpHeader): ByteString {
  const time = formatTime(timeMs);
  const header = { [VERSION_FIELD]: DUMP_VERSION, source, etcdIndex, hidden: includesHidden, time };
  return byteStringOf(`${JSON.stringify(header)}\n`);
}

export function encodeNode({ key, value, expirationMs, modifiedIndex, createdIndex }: TransferNode): ByteString {
  const content = value === undefined ? '"dir":true' : encodeBytes('value', value);
  const expiration = expirationMs === undefined ? '' : `,"expiration":"${formatTime(expirationMs)}"`;
  const modified = modifiedIndex === undefined ? '' : `,"modifiedIndex":${modifiedIndex}`;
  const created = createdIndex === undefined ? '' : `,"createdIndex":${createdIndex}`;
  return `{${encodeBytes('key', key)},${content}${expiration}${modified}${created}}\n` as ByteString;
}

export function encodeEnd(nodeCount: number): ByteString {
  return `{"end":true,"nodes":${nodeCount}}\n` as ByteString;
}

function encodeBytes(name: string, bytes: ByteString): string {
  if (isAscii(bytes) || isUtf8(Buffer.from(bytes, 'latin1'))) return `"${name}":"${escapeJson(bytes)}"`;
  return `"${name}Base64":"${Buffer.from(bytes, 'latin1').toString('base64')}"`;
}

/**
 * Understands one line.
 * @param line  without its newline.
 * @throws DumpFormatError with the reason.
 */
export function decodeLine(line: Buffer): DumpLine {
  const fields = parseObject(line);
  if (VERSION_FIELD in fields) return decodeHeader(fields[VERSION_FIELD]);
  if ('end' in fields) return { kind: 'end', nodeCount: requiredCount(fields, 'nodes') };
  return { kind: 'node', node: decodeNode(fields) };
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(line: Buffer): Fields {
  if (!isUtf8(line)) throw new DumpFormatError('it is not UTF-8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString('utf8'));
  } catch {
    throw new DumpFormatError('it is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new DumpFormatError('it is not a JSON object');
  }
  return parsed as Fields;
}

function decodeHeader(version: unknown): DumpLine {
  if (version === DUMP_VERSION) return { kind: 'header' };
  throw new DumpFormatError(`the dump has version ${JSON.stringify(version)}, and this program reads ${DUMP_VERSION}`);
}

function decodeNode(fields: Fields): TransferNode {
  const key = decodeBytes(fields, 'key');
  if (key === undefined) throw new DumpFormatError('it has no "key"');
  if (key.endsWith('/') || needsCleaning(key)) throw new DumpFormatError(`${JSON.stringify(textOf(key))} is not a key`);
  const value = decodeBytes(fields, 'value');
  const isDirectory = fields['dir'] === true;
  if (isDirectory && value !== undefined) throw new DumpFormatError('it has a "value" and is a directory');
  if (!isDirectory && value === undefined) throw new DumpFormatError('it has no "value"');
  return {
    key,
    value,
    expirationMs: decodeExpiration(fields['expiration']),
    modifiedIndex: optionalCount(fields, 'modifiedIndex'),
    createdIndex: optionalCount(fields, 'createdIndex'),
  };
}

function decodeBytes(fields: Fields, name: string): ByteString | undefined {
  const text = fields[name];
  const encoded = fields[`${name}Base64`];
  if (text !== undefined && encoded !== undefined) throw new DumpFormatError(`it has two of "${name}"`);
  if (encoded !== undefined) return decodeBase64(encoded, `${name}Base64`);
  if (text === undefined) return undefined;
  // Half of a surrogate pair has no UTF-8: its bytes would be made up.
  if (typeof text !== 'string' || /\p{Surrogate}/u.test(text)) throw new DumpFormatError(`"${name}" is not a text`);
  return byteStringOf(text);
}

function decodeBase64(encoded: unknown, name: string): ByteString {
  const bytes = Buffer.from(typeof encoded === 'string' ? encoded : '', 'base64');
  // Node skips what is no base64.
  if (bytes.toString('base64') !== encoded) throw new DumpFormatError(`"${name}" is not base64`);
  return bytes.toString('latin1') as ByteString;
}

/** RFC 3339, of which a fraction beyond milliseconds is cut off. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** @returns epoch ms; undefined when absent. */
export function decodeExpiration(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const ms = typeof text === 'string' && RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new DumpFormatError('"expiration" is not a time of RFC 3339');
  return ms;
}

function requiredCount(fields: Fields, name: string): number {
  const count = optionalCount(fields, name);
  if (count === undefined) throw new DumpFormatError(`it has no "${name}"`);
  return count;
}

function optionalCount(fields: Fields, name: string): number | undefined {
  const count = fields[name];
  if (count === undefined) return undefined;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) {
    throw new DumpFormatError(`"${name}" is not a whole number`);
  }
  return count;
}
