/**
 * The nodes that have an expiration, and the keys asleep that do, soonest first: a binary heap in which each knows its position,
 * so that what is replaced or deleted leaves at once and takes its timer with it.
 *
 * The order is (expirationMs, modifiedIndex, path). It is total, so it does not depend on how the heap came about, and a
 * store rebuilt from a snapshot expires in the same order. (A key and a directory made along its way share an index.)
 *
 * The times stand in the heap, too: those that are compared are mostly in no cache themselves.
 */
import type { ByteString } from '../base/byte-string.ts';
import type { Child } from './node.ts';
import { isAsleep, type Sleepers } from './sleepers.ts';
import { NOWHERE } from './sleeping-chunk.ts';

export class TtlQueue {
  readonly #sleepers: Sleepers;
  readonly #heap: Child[] = [];
  readonly #timesMs: number[] = [];

  constructor(sleepers: Sleepers) {
    this.#sleepers = sleepers;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** What expires next; undefined when nothing has a timer. */
  peek(): Child | undefined {
    return this.#heap[0];
  }

  /** When that is, epoch ms; Infinity when nothing has a timer. */
  get nextMs(): number {
    return this.#timesMs[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Takes in what expires at `timeMs`. */
  add(child: Child, timeMs: number): void {
    this.#heap.push(child);
    this.#timesMs.push(timeMs);
    this.#siftUp(child, timeMs, this.#heap.length - 1);
  }

  /** Takes out what has no timer any more; nothing happens when it has none here. */
  remove(child: Child): void {
    const position = this.#positionOf(child);
    if (position === NOWHERE) return;
    this.#place(child, NOWHERE);
    const last = this.#heap.pop() as Child;
    const lastMs = this.#timesMs.pop() as number;
    if (last === child) return;
    this.#siftUp(last, lastMs, position);
    if (this.#heap[position] === last) this.#siftDown(last, lastMs, position);
  }

  /** Puts `child` in the place of `old`, which is the same key asleep elsewhere, or was until now. */
  exchange(old: number, child: Child): void {
    const position = this.#positionOf(old);
    if (position === NOWHERE) return;
    this.#place(old, NOWHERE);
    this.#heap[position] = child;
    this.#place(child, position);
  }

  #siftUp(child: Child, timeMs: number, start: number): void {
    const heap = this.#heap;
    let position = start;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      if (!this.#isSooner(child, timeMs, parentPosition)) break;
      this.#move(parentPosition, position);
      position = parentPosition;
    }
    heap[position] = child;
    this.#timesMs[position] = timeMs;
    this.#place(child, position);
  }

  #siftDown(child: Child, timeMs: number, start: number): void {
    const heap = this.#heap;
    const times = this.#timesMs;
    const { length } = heap;
    let position = start;
    for (;;) {
      let childPosition = 2 * position + 1;
      if (childPosition >= length) break;
      const right = childPosition + 1;
      if (right < length && this.#isSooner(heap[right] as Child, times[right] as number, childPosition)) {
        childPosition = right;
      }
      if (this.#isSooner(child, timeMs, childPosition)) break;
      this.#move(childPosition, position);
      position = childPosition;
    }
    heap[position] = child;
    times[position] = timeMs;
    this.#place(child, position);
  }

  #move(from: number, to: number): void {
    const child = this.#heap[from] as Child;
    this.#heap[to] = child;
    this.#timesMs[to] = this.#timesMs[from] as number;
    this.#place(child, to);
  }

  #place(child: Child, position: number): void {
    if (isAsleep(child)) this.#sleepers.chunkOf(child).setTimer(child, position);
    else child.ttlPosition = position;
  }

  #positionOf(child: Child): number {
    return isAsleep(child) ? this.#sleepers.chunkOf(child).timer(child) : child.ttlPosition;
  }

  /** Whether what expires at `timeMs` comes before what stands at `position`. */
  #isSooner(child: Child, timeMs: number, position: number): boolean {
    const otherMs = this.#timesMs[position] as number;
    if (timeMs !== otherMs) return timeMs < otherMs;
    const other = this.#heap[position] as Child;
    const index = this.#modifiedIndexOf(child);
    const otherIndex = this.#modifiedIndexOf(other);
    return index !== otherIndex ? index < otherIndex : this.#pathOf(child) < this.#pathOf(other);
  }

  #modifiedIndexOf(child: Child): number {
    return isAsleep(child) ? this.#sleepers.chunkOf(child).modifiedIndex(child) : child.modifiedIndex;
  }

  #pathOf(child: Child): ByteString {
    return isAsleep(child) ? this.#sleepers.pathOf(child) : child.path;
  }
}
