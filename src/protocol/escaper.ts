/**
 * What `escapeJson` gives, of bytes and as bytes: a value becomes no string on its way into an answer. In WebAssembly, which
 * takes a fifth of the time of a loop here, and a seventh of that of native code with the strings that it makes
 * (native-bench/micro, "escape a JSON document of 10 KB").
 */
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';
import { copyBytes } from '../base/bytes.ts';
import { Kernel, RESULT_AT, SLICE_SIZE_BYTES, SOURCE_AT } from './kernel.ts';

/** A character beyond ASCII has three more bytes than its first, at the most. */
const CONTINUATIONS_MAX = 3;
const NO_BYTES = Buffer.alloc(0);

/**
 * First how long it is, then what it is: what fits the kernel is escaped once, what is longer twice, a slice after the other, which takes less than
 * memory for all of it.
 */
export class Escaper {
  #kernel: Kernel | undefined;
  /** What is escaped: a text, or bytes, from `#from` on. */
  #text: ByteString | undefined;
  #bytes: Buffer = NO_BYTES;
  #from = 0;
  #length = 0;
  /** Of the result. */
  #sizeBytes = 0;

  /** Escapes the bytes from `from` to `end`, which must hold until they are written. @returns how many they become. */
  escape(source: Buffer, from: number, end: number): number {
    this.#text = undefined;
    this.#bytes = source;
    this.#from = from;
    return this.#escape(end - from);
  }

  /** The same for a text. */
  escapeText(text: ByteString): number {
    this.#text = text;
    this.#bytes = NO_BYTES;
    this.#from = 0;
    return this.#escape(text.length);
  }

  /** Writes what was escaped. @returns where it ends. */
  write(target: Buffer, at: number): number {
    const { memory } = this.#kernel as Kernel;
    if (this.#length <= SLICE_SIZE_BYTES) return copyBytes(memory, RESULT_AT, this.#sizeBytes, target, at);
    let to = at;
    this.#eachSlice((sizeBytes) => {
      to = copyBytes(memory, RESULT_AT, sizeBytes, target, to);
    });
    return to;
  }

  #escape(length: number): number {
    this.#length = length;
    this.#sizeBytes = 0;
    if (length <= SLICE_SIZE_BYTES) this.#sizeBytes = this.#escapeSlice(this.#from, this.#from + length);
    else {
      this.#eachSlice((sizeBytes) => {
        this.#sizeBytes += sizeBytes;
      });
    }
    return this.#sizeBytes;
  }

  /** @param onSlice gets how many bytes a slice has become, which lie in the kernel's memory during the call. */
  #eachSlice(onSlice: (sizeBytes: number) => void): void {
    const end = this.#from + this.#length;
    for (let at = this.#from; at < end; ) {
      const sliceEnd = this.#endOfSlice(at, end);
      onSlice(this.#escapeSlice(at, sliceEnd));
      at = sliceEnd;
    }
  }

  #escapeSlice(from: number, end: number): number {
    // Not before a value is to be escaped: a thread that has none needs no kernel.
    this.#kernel ??= new Kernel();
    const { memory } = this.#kernel;
    const size = end - from;
    if (this.#text === undefined) copyBytes(this.#bytes, from, size, memory, SOURCE_AT);
    else memory.latin1Write(size === this.#length ? this.#text : this.#text.slice(from, end), SOURCE_AT, size);
    return this.#kernel.escape(SOURCE_AT + size);
  }

  /** @returns where a slice ends that begins at `at`: not in the middle of a character. */
  #endOfSlice(at: number, end: number): number {
    const most = at + SLICE_SIZE_BYTES;
    if (most >= end) return end;
    for (let back = 0; back <= CONTINUATIONS_MAX; back++) if (!this.#continuesAt(most - back)) return most - back;
    // Behind so many continuations stands none that belongs to a character; further back, one might be cut.
    return most;
  }

  #continuesAt(at: number): boolean {
    const byte = this.#text === undefined ? (this.#bytes[at] as number) : this.#text.charCodeAt(at);
    return (byte & 0xc0) === 0x80;
  }
}
