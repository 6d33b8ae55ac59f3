/**
 * Keys and values are bytes, not text: etcd keeps `%ff` and `%fe` apart although both are shown as U+FFFD.
 * A ByteString is a JavaScript string in which each character (0x00 to 0xff) is one byte. V8 stores it one byte a
 * character, hashes and compares it natively, and its `<` is the order of the bytes, which is etcd's sort order.
 */
import './latin1.ts';
import type { Brand } from './brand.ts';

export type ByteString = Brand<string, 'ByteString'>;

/** The UTF-8 bytes of a text. ASCII comes back as the same string object. */
export function byteStringOf(text: string): ByteString {
  return (isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')) as ByteString;
}

/** The bytes themselves, copied. */
export function byteStringOfBytes({ buffer, byteOffset, length }: Uint8Array): ByteString {
  return Buffer.from(buffer, byteOffset, length).latin1Slice() as ByteString;
}

/** The text whose UTF-8 bytes these are; invalid sequences become U+FFFD. For logs and messages, never for comparing. */
export function textOf(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII.
  return /^[\x00-\x7f]*$/.test(text);
}
