/** Bytes from one buffer to another, and bytes that are compared or counted. */
import './latin1.ts';
import type { ByteString } from './byte-string.ts';

/** A call into native code costs as much as copying this many bytes ourselves. */
const NATIVE_FROM_BYTES = 128;

/**
 * By `fill`, which is the one native copy that treats shared memory as it does other memory: `copy` and `set` go byte by byte
 * there, at a tenth of the speed (native-bench/micro, "copy 10 KB").
 * @returns where they end in `target`.
 */
export function copyBytes(source: Uint8Array, from: number, length: number, target: Buffer, at: number): number {
  if (length > NATIVE_FROM_BYTES) target.fill(source.subarray(from, from + length), at, at + length);
  else for (let position = 0; position < length; position++) target[at + position] = source[from + position] as number;
  return at + length;
}

/** A copy in memory of its own. */
export function copyOf(source: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Buffer.allocUnsafeSlow(source.length);
  copyBytes(source, 0, source.length, copy, 0);
  return copy;
}

/** The same of bytes that others write to soon; what is in no shared memory stays as it is. */
export function outOfShared(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? copyOf(bytes) : bytes;
}

/** What they are together. */
export function sizeBytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Whether the `length` bytes from `at` are those of `other` from `from`. Looks from the end: paths of one directory differ there. */
export function isSameBytes(bytes: Buffer, at: number, other: Buffer, from: number, length: number): boolean {
  if (length > NATIVE_FROM_BYTES) return bytes.compare(other, from, from + length, at, at + length) === 0;
  for (let position = length - 1; position >= 0; position--) {
    if (bytes[at + position] !== other[from + position]) return false;
  }
  return true;
}

/** The same for the first `length` characters of `text`. */
export function isSameText(bytes: Buffer, at: number, text: ByteString, length: number): boolean {
  if (length > NATIVE_FROM_BYTES) return bytes.latin1Slice(at, at + length) === text.slice(0, length);
  for (let position = length - 1; position >= 0; position--) {
    if (bytes[at + position] !== text.charCodeAt(position)) return false;
  }
  return true;
}
