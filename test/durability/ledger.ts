/**
 * What clients have been told, by whatever road: answers, listings, events. A server that crashes may forget what it
 * has told nobody, and nothing else; and an index, once told, means one change for ever.
 */
import type { EventShape, NodeShape } from '../support/api-test.ts';
import type { Answer } from '../support/http.ts';

export class Ledger {
  /** Sentences, each of a promise that was broken. */
  readonly violations: string[] = [];
  /** The highest index that anybody has been told. */
  highestIndex = 0;
  acknowledgedCount = 0;
  readonly #changes = new Map<number, string>();

  violate(sentence: string): void {
    if (this.violations.length < 100) this.violations.push(sentence);
  }

  /** Somebody was told of the change that made `index`: by its own answer, an event, or a listing. */
  tell(index: number, key: string, value: string): void {
    const change = `${key} = ${value}`;
    const known = this.#changes.get(index);
    if (known === undefined) this.#changes.set(index, change);
    else if (known !== change) this.violate(`index ${index} was "${known}", and is now "${change}"`);
    this.highestIndex = Math.max(this.highestIndex, index);
  }

  /** A write was acknowledged. */
  acknowledge({ node }: EventShape): void {
    this.acknowledgedCount++;
    this.tellOfNode(node);
  }

  /** An answer says how far the store is: a promise too, even if it is the answer to a read. */
  tellOfIndex({ headers }: Answer): void {
    this.highestIndex = Math.max(this.highestIndex, Number(headers['x-etcd-index'] ?? 0));
  }

  tellOfNode({ modifiedIndex = 0, key = '', value = '' }: NodeShape): void {
    this.tell(modifiedIndex, key, value);
  }

  /** What was acknowledged must be found among what the watcher of everything has seen. */
  compareWithEvents(events: ReadonlyMap<number, EventShape>): void {
    for (const [index, change] of this.#changes) {
      const event = events.get(index);
      if (event === undefined) this.violate(`a watcher has missed index ${index}: "${change}"`);
    }
  }
}

/** The whole tree as key to node, directories left out. */
export function leavesOf(root: NodeShape): Map<string, NodeShape> {
  const leaves = new Map<string, NodeShape>();
  const visit = (node: NodeShape) => {
    if (node.dir !== true) leaves.set(node.key ?? '', node);
    for (const child of node.nodes ?? []) visit(child);
  };
  visit(root);
  return leaves;
}
