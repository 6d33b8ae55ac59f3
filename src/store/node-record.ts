/**
 * A node as bytes: in a snapshot, and in memory for as long as nobody has asked for its path or its value. Little-endian.
 *
 *   0      1           5            9              17              25              33
 *   +------+-----------+------------+--------------+---------------+---------------+------+-------+
 *   | bits | path size | value size | createdIndex | modifiedIndex | expirationMs  | path | value |
 *   | u8   | u32       | u32        | f64          | f64           | f64 (0: none) |      |       |
 *   +------+-----------+------------+--------------+---------------+---------------+------+-------+
 */
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';

export const NodeBit = { directory: 1, pathPlain: 2, valuePlain: 4, expires: 8 } as const;

export const NODE_RECORD_AT = {
  pathSize: 1,
  valueSize: 5,
  createdIndex: 9,
  modifiedIndex: 17,
  expiration: 25,
} as const;
export const NODE_HEAD_SIZE_BYTES = 33;

/** Size of the path of the record that begins at `at`. */
export function pathSizeOf(bytes: Buffer, at: number): number {
  return sizeAt(bytes, at + NODE_RECORD_AT.pathSize);
}

export function valueSizeOf(bytes: Buffer, at: number): number {
  return sizeAt(bytes, at + NODE_RECORD_AT.valueSize);
}

/** Where its value begins: behind its path. */
export function valueAtOf(bytes: Buffer, at: number): number {
  return at + NODE_HEAD_SIZE_BYTES + pathSizeOf(bytes, at);
}

export function pathTextOf(bytes: Buffer, at: number): ByteString {
  const pathAt = at + NODE_HEAD_SIZE_BYTES;
  return bytes.latin1Slice(pathAt, pathAt + pathSizeOf(bytes, at)) as ByteString;
}

export function valueTextOf(bytes: Buffer, at: number): ByteString {
  const size = valueSizeOf(bytes, at);
  const valueAt = valueAtOf(bytes, at);
  return (size === 0 ? '' : bytes.latin1Slice(valueAt, valueAt + size)) as ByteString;
}

/** A u32 wherever it lies: there is no view of bytes that sleep. */
function sizeAt(bytes: Buffer, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return (low | ((bytes[at + 3] as number) << 24)) >>> 0;
}
