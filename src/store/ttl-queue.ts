/**
 * The nodes that have an expiration, and the keys asleep that do, soonest first: a binary heap in which each knows its position,
 * so that what is replaced or deleted leaves at once and takes its timer with it.
 *
 * The order is (expirationMs, modifiedIndex, path). It is total, so it does not depend on how the heap came about, and a
 * store rebuilt from a snapshot expires in the same order. (A key and a directory made along its way share an index.)
 *
 * Times and indexes stand in the heap, too: those that are compared are mostly in no cache themselves. The two loops call hardly anybody,
 * since a crowd that expires is often the first that a server sees, and meets code that is interpreted (native-bench, "expiry").
 */
import type { ByteString } from '../base/byte-string.ts';
import type { Child } from './node.ts';
import { isAsleep, type Sleepers } from './sleepers.ts';
import { NOWHERE } from './sleeping-chunk.ts';

export class TtlQueue {
  readonly #sleepers: Sleepers;
  readonly #heap: Child[] = [];
  readonly #timesMs: number[] = [];
  readonly #indexes: number[] = [];

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

  /** Takes in what expires at `timeMs`. @param index its modifiedIndex. */
  add(child: Child, timeMs: number, index: number): void {
    const position = this.#heap.push(child) - 1;
    this.#timesMs.push(timeMs);
    this.#indexes.push(index);
    this.#siftUp(child, timeMs, index, position);
  }

  /** Takes out what has no timer any more; nothing happens when it has none here. */
  remove(child: Child): void {
    const position = this.#positionOf(child);
    if (position === NOWHERE) return;
    this.#setPosition(child, NOWHERE);
    const last = this.#heap.pop() as Child;
    const lastMs = this.#timesMs.pop() as number;
    const lastIndex = this.#indexes.pop() as number;
    if (last === child) return;
    if (this.#siftUp(last, lastMs, lastIndex, position) === position) this.#siftDown(last, lastMs, lastIndex, position);
  }

  /** Puts `child` in the place of `old`, which is the same key asleep elsewhere, or was until now. */
  exchange(old: number, child: Child): void {
    const position = this.#positionOf(old);
    if (position === NOWHERE) return;
    this.#setPosition(old, NOWHERE);
    this.#heap[position] = child;
    this.#setPosition(child, position);
  }

  /** @returns where it stands now. */
  #siftUp(child: Child, timeMs: number, index: number, start: number): number {
    const heap = this.#heap;
    const times = this.#timesMs;
    const indexes = this.#indexes;
    let position = start;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const aboveMs = times[above] as number;
      if (aboveMs < timeMs) break;
      const aboveIndex = indexes[above] as number;
      const other = heap[above] as Child;
      if (aboveMs === timeMs) {
        if (aboveIndex < index || (aboveIndex === index && this.#isPathLess(other, child))) break;
      }
      heap[position] = other;
      times[position] = aboveMs;
      indexes[position] = aboveIndex;
      this.#setPosition(other, position);
      position = above;
    }
    this.#put(child, timeMs, index, position);
    return position;
  }

  #siftDown(child: Child, timeMs: number, index: number, start: number): void {
    const heap = this.#heap;
    const times = this.#timesMs;
    const indexes = this.#indexes;
    const { length } = heap;
    let position = start;
    for (;;) {
      let below = 2 * position + 1;
      if (below >= length) break;
      let belowMs = times[below] as number;
      const right = below + 1;
      if (right < length) {
        const rightMs = times[right] as number;
        if (rightMs < belowMs || (rightMs === belowMs && this.#isFirstOfOneTime(right, below))) {
          below = right;
          belowMs = rightMs;
        }
      }
      if (timeMs < belowMs) break;
      const belowIndex = indexes[below] as number;
      const other = heap[below] as Child;
      if (timeMs === belowMs) {
        if (index < belowIndex || (index === belowIndex && this.#isPathLess(child, other))) break;
      }
      heap[position] = other;
      times[position] = belowMs;
      indexes[position] = belowIndex;
      this.#setPosition(other, position);
      position = below;
    }
    this.#put(child, timeMs, index, position);
  }

  #put(child: Child, timeMs: number, index: number, position: number): void {
    this.#heap[position] = child;
    this.#timesMs[position] = timeMs;
    this.#indexes[position] = index;
    this.#setPosition(child, position);
  }

  #setPosition(child: Child, position: number): void {
    if (typeof child === 'number') this.#sleepers.chunkOf(child).setTimer(child, position);
    else child.ttlPosition = position;
  }

  #positionOf(child: Child): number {
    return isAsleep(child) ? this.#sleepers.chunkOf(child).timer(child) : child.ttlPosition;
  }

  /** Of two positions at which the times are the same. */
  #isFirstOfOneTime(one: number, other: number): boolean {
    const index = this.#indexes[one] as number;
    const otherIndex = this.#indexes[other] as number;
    if (index !== otherIndex) return index < otherIndex;
    return this.#isPathLess(this.#heap[one] as Child, this.#heap[other] as Child);
  }

  #isPathLess(one: Child, other: Child): boolean {
    return this.#pathOf(one) < this.#pathOf(other);
  }

  #pathOf(child: Child): ByteString {
    return isAsleep(child) ? this.#sleepers.pathOf(child) : child.path;
  }
}
