/**
 * What `escapeJson` gives, of bytes and as bytes: a value becomes no string on its way into an answer. In WebAssembly, which
 * takes a third of the time of a loop here, or of native code and the strings that it makes (native-bench/micro, "escape a
 * JSON document of 10 KB").
 */
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';
import { copyBytes } from '../base/bytes.ts';
import { Kernel, RESULT_AT, SLICE_SIZE_BYTES, SOURCE_AT } from './kernel.ts';

/** No byte grows to more: `\u00XX`. */
const GROWTH_MAX = 6;
/** A character beyond ASCII has three more bytes than its first, at the most. */
const CONTINUATIONS_MAX = 3;
/** What a value has become that is longer than a slice is kept for the next one, up to here. */
const KEPT_SIZE_BYTES_MAX = 1024 * 1024;

export class Escaper {
  #kernel: Kernel | undefined;
  #joined: Buffer = NO_BYTES;
  /** Where the bytes lie that were escaped last, from `at` on, until the next are. */
  bytes: Buffer = NO_BYTES;
  at = 0;

  /** Escapes the bytes from `from` to `end`. @returns how many they become. */
  escape(source: Buffer, from: number, end: number): number {
    const kernel = this.#begin();
    if (end - from > SLICE_SIZE_BYTES) return this.#escapeLong(kernel, source, from, end);
    return this.#escapeSlice(kernel, source, from, end);
  }

  /** The same for a text. */
  escapeText(text: ByteString): number {
    const { length } = text;
    if (length > SLICE_SIZE_BYTES) return this.escape(Buffer.from(text, 'latin1'), 0, length);
    const kernel = this.#begin();
    kernel.memory.latin1Write(text, SOURCE_AT, length);
    return kernel.escape(SOURCE_AT + length);
  }

  #begin(): Kernel {
    // Not before a value is to be escaped: a thread that has none needs no kernel.
    this.#kernel ??= new Kernel();
    this.bytes = this.#kernel.memory;
    this.at = RESULT_AT;
    return this.#kernel;
  }

  #escapeSlice(kernel: Kernel, source: Buffer, from: number, end: number): number {
    const sourceEnd = copyBytes(source, from, end - from, kernel.memory, SOURCE_AT);
    return kernel.escape(sourceEnd);
  }

  #escapeLong(kernel: Kernel, source: Buffer, from: number, end: number): number {
    let joined = this.#joined;
    let size = 0;
    for (let at = from; at < end; ) {
      const sliceEnd = endOfSlice(source, at, end);
      const sliceSize = this.#escapeSlice(kernel, source, at, sliceEnd);
      if (size + sliceSize > joined.length) joined = grown(joined, size, end - from);
      size = copyBytes(kernel.memory, RESULT_AT, sliceSize, joined, size);
      at = sliceEnd;
    }
    this.#joined = joined.length > KEPT_SIZE_BYTES_MAX ? NO_BYTES : joined;
    this.bytes = joined;
    this.at = 0;
    return size;
  }
}

const NO_BYTES = Buffer.alloc(0);

/** @returns where a slice ends that begins at `at`: not in the middle of a character. */
function endOfSlice(source: Buffer, at: number, end: number): number {
  const most = at + SLICE_SIZE_BYTES;
  if (most >= end) return end;
  for (let back = 0; back < CONTINUATIONS_MAX; back++)
    if (isNoContinuation(source[most - back] as number)) return most - back;
  return most - CONTINUATIONS_MAX;
}

function isNoContinuation(byte: number): boolean {
  return (byte & 0xc0) !== 0x80;
}

/** @param length of the value: room for twice as much is enough for most. */
function grown(bytes: Buffer, usedBytes: number, length: number): Buffer {
  const room = Math.max(2 * bytes.length, 2 * length, usedBytes + GROWTH_MAX * SLICE_SIZE_BYTES);
  const more = Buffer.allocUnsafeSlow(Math.min(room, GROWTH_MAX * length));
  copyBytes(bytes, 0, usedBytes, more, 0);
  return more;
}
