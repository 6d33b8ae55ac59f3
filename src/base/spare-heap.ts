/**
 * The heap that a thread has kept from a peak: the engine collects garbage while memory is asked for, so a thread that has
 * nothing more to do keeps what it had when it had most. Once it is quiet, its owner asks here, and gives back.
 *
 * A collection stops the thread, for the longer the more lives in its heap. So there is one only where the heap has grown
 * by a good part since the last one, and where it is short (`PAUSE_MS_MAX`), or where no more lives than it gives back. A
 * store that has just been filled with a million keys is left alone; one from which they were deleted is not.
 *
 * The engine gives up the room for the young, too, but only when not much was allocated between this collection and the one
 * before. So where much room is left there is a second one, after as much quiet again.
 */
import { getHeapStatistics } from 'node:v8';
import { GIVE_BACK_MS_PER_BYTE, giveBackGarbage } from './garbage.ts';

/** For so long a thread must have had next to nothing to do. */
export const QUIET_MS = 10_000;

const GROWTH_BYTES_MIN = 4 * 1024 * 1024;
const GROWTH_SHARE_MIN = 0.25;
const PAUSE_MS_MAX = 100;

/** What the engine says of the heap of this thread, and does when asked. */
export interface CollectedHeap {
  /** With garbage and gaps, and with what lies outside of the heap. */
  sizeBytes(): number;
  /** What a collection may have to look through. */
  usedBytes(): number;
  collect(): void;
}

export class SpareHeap {
  readonly #heap: CollectedHeap;
  readonly #onGivenBack: (bytes: number) => void;
  /** The smallest size since the last collection, or since the beginning. */
  #floorBytes: number;
  #isSecondDue = false;

  /** @param onGivenBack is told by how much a collection has made the heap smaller. */
  constructor(onGivenBack: (bytes: number) => void, heap: CollectedHeap = ownHeap) {
    this.#heap = heap;
    this.#onGivenBack = onGivenBack;
    this.#floorBytes = heap.sizeBytes();
  }

  /**
   * Whether it is worth a pause to give back.
   * @param liveShare of what is used, how much lives at most. @param letGoBytes what has just become garbage on purpose.
   */
  isWorthwhile(liveShare = 1, letGoBytes = 0): boolean {
    const sizeBytes = this.#heap.sizeBytes();
    // The engine may have made it smaller by itself.
    this.#floorBytes = Math.min(this.#floorBytes, sizeBytes);
    const grownBytes = sizeBytes - this.#floorBytes + letGoBytes;
    const isGrown = grownBytes >= Math.max(GROWTH_BYTES_MIN, this.#floorBytes * GROWTH_SHARE_MIN);
    if (!isGrown && !this.#isSecondDue) return false;
    const liveBytes = this.#heap.usedBytes() * liveShare;
    return liveBytes * GIVE_BACK_MS_PER_BYTE <= PAUSE_MS_MAX || sizeBytes - liveBytes >= liveBytes;
  }

  /** @returns whether it should be asked again after as much quiet. */
  giveBack(): boolean {
    const sizeBytes = this.#heap.sizeBytes();
    this.#heap.collect();
    this.#floorBytes = this.#heap.sizeBytes();
    this.#onGivenBack(Math.max(0, sizeBytes - this.#floorBytes));
    this.#isSecondDue = !this.#isSecondDue && this.#floorBytes - this.#heap.usedBytes() >= GROWTH_BYTES_MIN;
    return this.#isSecondDue;
  }
}

const ownHeap: CollectedHeap = {
  sizeBytes: () => {
    const { total_heap_size, external_memory } = getHeapStatistics();
    return total_heap_size + external_memory;
  },
  usedBytes: () => getHeapStatistics().used_heap_size,
  collect: giveBackGarbage,
};
