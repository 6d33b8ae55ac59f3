/** The names of in-order keys: the index of their creation in 20 digits, so that the order of names is that of creation. */
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';
import { copyBytes } from '../base/bytes.ts';
import { writeDigits } from '../base/digits.ts';
import type { RecordedKey } from './recorded-chunk.ts';

const NAME_DIGITS = 20;
const ZERO = 0x30;
const SLASH = 0x2f;

/** In which paths are put together, and whole keys: nobody keeps any of it. */
let bytes = Buffer.alloc(256);

/**
 * The path of the key in `directory` that is created with `etcdIndex`.
 *
 * Written byte by byte, and a string at the end: one put together of pieces is made flat when its hash is, so that a key
 * leaves twice the objects behind, and its characters are walked over more slowly (native-bench, "in-order POST").
 */
export function inOrderPath(directory: ByteString, etcdIndex: number): ByteString {
  makeRoom(directory.length + 1 + NAME_DIGITS);
  bytes.latin1Write(directory, 0, directory.length);
  return bytes.latin1Slice(0, writeName(directory.length, etcdIndex)) as ByteString;
}

/** The same for a key that is bytes yet, with its value behind it: to be used before the next is made. */
export function inOrderKey(
  { bytes: source, pathAt, pathSizeBytes, valueSizeBytes }: RecordedKey,
  etcdIndex: number,
): RecordedKey {
  makeRoom(pathSizeBytes + 1 + NAME_DIGITS + valueSizeBytes);
  copyBytes(source, pathAt, pathSizeBytes, bytes, 0);
  const valueAt = writeName(pathSizeBytes, etcdIndex);
  copyBytes(source, pathAt + pathSizeBytes, valueSizeBytes, bytes, valueAt);
  return { bytes, pathAt: 0, pathSizeBytes: valueAt, valueSizeBytes };
}

function makeRoom(sizeBytes: number): void {
  if (bytes.length < sizeBytes) bytes = Buffer.alloc(2 * sizeBytes);
}

/** Writes slash and name behind a directory's path. @returns where they end. */
function writeName(at: number, etcdIndex: number): number {
  const end = at + 1 + NAME_DIGITS;
  bytes[at] = SLASH;
  for (let digit = at + 1; digit < end; digit++) bytes[digit] = ZERO;
  writeDigits(bytes, end, etcdIndex);
  return end;
}
