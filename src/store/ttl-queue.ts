/**
 * The nodes that have an expiration, soonest first: a binary heap in which each node knows its position, so that a
 * node that is replaced or deleted leaves at once and takes its timer with it.
 *
 * The order is (expirationMs, modifiedIndex, path). It is total, so it does not depend on how the heap came about, and a
 * store rebuilt from a snapshot expires in the same order. (A key and a directory made along its way share an index.)
 */
import type { Node } from './node.ts';

export class TtlQueue {
  readonly #heap: Node[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The node that expires next; undefined when none has a timer. */
  peek(): Node | undefined {
    return this.#heap[0];
  }

  /** Takes in a node whose `expirationMs` is set. */
  add(node: Node): void {
    this.#heap.push(node);
    this.#siftUp(node, this.#heap.length - 1);
  }

  /** Takes a node out; nothing happens when it has no timer here. */
  remove(node: Node): void {
    const position = node.ttlPosition;
    if (position === -1) return;
    node.ttlPosition = -1;
    const last = this.#heap.pop() as Node;
    if (last === node) return;
    this.#siftUp(last, position);
    if (last.ttlPosition === position) this.#siftDown(last, position);
  }

  #siftUp(node: Node, start: number): void {
    const heap = this.#heap;
    let position = start;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition] as Node;
      if (!isSooner(node, parent)) break;
      heap[position] = parent;
      parent.ttlPosition = position;
      position = parentPosition;
    }
    heap[position] = node;
    node.ttlPosition = position;
  }

  #siftDown(node: Node, start: number): void {
    const heap = this.#heap;
    const length = heap.length;
    let position = start;
    for (;;) {
      let childPosition = 2 * position + 1;
      if (childPosition >= length) break;
      if (childPosition + 1 < length && isSooner(heap[childPosition + 1] as Node, heap[childPosition] as Node)) {
        childPosition++;
      }
      const child = heap[childPosition] as Node;
      if (!isSooner(child, node)) break;
      heap[position] = child;
      child.ttlPosition = position;
      position = childPosition;
    }
    heap[position] = node;
    node.ttlPosition = position;
  }
}

function isSooner(a: Node, b: Node): boolean {
  const aMs = a.expirationMs as number;
  const bMs = b.expirationMs as number;
  if (aMs !== bMs) return aMs < bMs;
  return a.modifiedIndex !== b.modifiedIndex ? a.modifiedIndex < b.modifiedIndex : a.path < b.path;
}
