/** The names of in-order keys: the index of their creation in 20 digits, so that the order of names is that of creation. */
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';
import { writeDigits } from '../base/digits.ts';

const NAME_DIGITS = 20;
const ZERO = 0x30;
const SLASH = 0x2f;

let bytes = Buffer.alloc(256);

/**
 * The path of the key in `directory` that is created with `etcdIndex`.
 *
 * Written byte by byte, and a string at the end: one put together of pieces is made flat when its hash is, so that a key
 * leaves twice the objects behind, and its characters are walked over more slowly (native-bench, "in-order POST").
 */
export function inOrderPath(directory: ByteString, etcdIndex: number): ByteString {
  const sizeBytes = directory.length + 1 + NAME_DIGITS;
  if (bytes.length < sizeBytes) bytes = Buffer.alloc(2 * sizeBytes);
  bytes.latin1Write(directory, 0, directory.length);
  bytes[directory.length] = SLASH;
  for (let at = directory.length + 1; at < sizeBytes; at++) bytes[at] = ZERO;
  writeDigits(bytes, sizeBytes, etcdIndex);
  return bytes.latin1Slice(0, sizeBytes) as ByteString;
}
