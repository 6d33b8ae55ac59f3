/** A value as it stands in a JSON string, between the question how long it is and the writing of it (`Escaper`). */
import { assert } from '../base/assert.ts';
import { Escaper } from '../protocol/escaper.ts';
import type { Node } from './node.ts';

export class EscapedValue {
  readonly #escaper = new Escaper();
  /** Whose value it is. */
  #node: Node | undefined;

  /** @returns how many bytes `write` writes. */
  sizeBytesOf(node: Node): number {
    this.#node = node;
    return node.escapeValue(this.#escaper);
  }

  /** Writes the value of the node whose size was asked for last. @returns where it ends. */
  write(node: Node, target: Buffer, at: number): number {
    assert(node === this.#node, 'the value that is written is the one whose size was asked for');
    return this.#escaper.write(target, at);
  }
}
