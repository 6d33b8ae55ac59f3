/** kernel.wat and its memory: bytes are written there, escaped or decoded, and read there. */
import { isUtf8 } from 'node:buffer';
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';
import { escapeJson, PLAIN_IN_JSON } from './json.ts';
import { KERNEL_MODULE } from './kernel-module.ts';
import { HEX_VALUES } from './percent.ts';

/** Not declared without a browser's types. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  escape(from: number, end: number, to: number, isUtf8: number): number;
  decode(from: number, end: number, to: number): number;
}
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: KernelExports };
};

/** Where what lies: kernel.wat. */
const HEX_VALUES_AT = 1024;
const PLAIN_AT = 1280;
const STOPPED_AT = 1536;
const IS_PLAIN_AT = 1540;
const IS_SAME_AT = 1544;
export const SOURCE_AT = 2048;
/** No more at a time. */
export const SLICE_SIZE_BYTES = 64 * 1024;
/** Behind what a step may look at beyond the source. */
export const RESULT_AT = SOURCE_AT + SLICE_SIZE_BYTES + 64;
const ESCAPE_SIZE_BYTES = 8;
/** Of fewer bytes it takes longer to ask whether they are UTF-8 than to find that out one by one. */
const UTF8_FROM_BYTES = 1024;

let module: object | undefined;

export class Kernel {
  readonly memory: Buffer;
  readonly #view: DataView;
  readonly #exports: KernelExports;

  constructor() {
    module ??= new WebAssembly.Module(Buffer.from(KERNEL_MODULE, 'base64'));
    this.#exports = new WebAssembly.Instance(module).exports;
    const { buffer } = this.#exports.memory;
    this.memory = Buffer.from(buffer);
    this.#view = new DataView(buffer);
    for (let byte = 0; byte < 0x80; byte++) {
      const escaped = escapeJson(String.fromCharCode(byte) as ByteString);
      const at = byte * ESCAPE_SIZE_BYTES;
      this.memory.latin1Write(escaped, at, escaped.length);
      this.memory[at + ESCAPE_SIZE_BYTES - 1] = escaped.length;
    }
    this.memory.set(new Uint8Array(HEX_VALUES.buffer), HEX_VALUES_AT);
    this.memory.set(PLAIN_IN_JSON, PLAIN_AT);
  }

  /** Escapes what lies from `SOURCE_AT` to `end` for a JSON string. @returns how many bytes lie from `RESULT_AT` on then. */
  escape(end: number): number {
    const isUtf8Text = end - SOURCE_AT >= UTF8_FROM_BYTES && isUtf8(this.memory.subarray(SOURCE_AT, end));
    return this.#exports.escape(SOURCE_AT, end, RESULT_AT, isUtf8Text ? 1 : 0);
  }

  /** Decodes the value of a form there, to its end, or up to what ends it or cannot be decoded: `stoppedAt`. @returns the same. */
  decode(end: number): number {
    return this.#exports.decode(SOURCE_AT, end, RESULT_AT);
  }

  get stoppedAt(): number {
    return this.#view.getInt32(STOPPED_AT, true);
  }

  /** Whether what was decoded is in JSON what it is here. */
  get isPlain(): boolean {
    return this.#view.getInt32(IS_PLAIN_AT, true) === 1;
  }

  /** Whether it stood there as it is. */
  get isSame(): boolean {
    return this.#view.getInt32(IS_SAME_AT, true) === 1;
  }
}
