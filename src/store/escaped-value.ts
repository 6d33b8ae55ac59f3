/**
 * A value as it stands in a JSON string, between the question how long it is and the writing of it: to look at each of its
 * bytes once more costs as much as to escape them (native-bench, "set-json").
 */
import { copyBytes } from '../base/bytes.ts';
import { ESCAPE_SIZE_BYTES_MAX } from '../protocol/json-bytes.ts';
import type { Node } from './node.ts';

/** For a longer one no memory is kept: it is looked at twice. */
const LENGTH_MAX = 64 * 1024;

export class EscapedValue {
  readonly #bytes = Buffer.allocUnsafeSlow(LENGTH_MAX * ESCAPE_SIZE_BYTES_MAX);
  #sizeBytes = 0;
  /** Whose value it is. */
  #node: Node | undefined;

  /** @returns how many bytes `write` writes. */
  sizeBytesOf(node: Node): number {
    const isShort = node.valueLength <= LENGTH_MAX;
    this.#node = isShort ? node : undefined;
    this.#sizeBytes = isShort ? node.writeEscapedValue(this.#bytes, 0) : node.escapedValueSizeBytes;
    return this.#sizeBytes;
  }

  /** @returns where it ends. */
  write(node: Node, target: Buffer, at: number): number {
    if (node !== this.#node) return node.writeEscapedValue(target, at);
    return copyBytes(this.#bytes, 0, this.#sizeBytes, target, at);
  }
}
