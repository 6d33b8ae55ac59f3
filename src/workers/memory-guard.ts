/**
 * Keeps the store worker from dying of a full heap: when its memory is nearly full, what would add to it is refused, until
 * there is room again. Decided before a command is counted or journaled, so replay knows nothing of it.
 *
 *   0                            75 %              87.5 %         100 % of --store-heap-mb, less 16 MB
 *   ├─────────────────────────────┼─────────────────┼──────────────┤
 *   taken                         taken again       looked at      the engine ends the worker
 *
 * The engine tells how large its spaces are, garbage and gaps included, and that is what it compares with its limit: of
 * values of 100 KB two fit a page of 256, so a quarter is lost. The young have a space beside the limit, of 16 MB at most,
 * but those of them that live come out of it all at once: so much is kept for them, and a start, which replays all, needs
 * it too. Beyond 87.5 % the garbage is collected, and what is left decides: above 75 % the store is full. So a heap full of
 * garbage refuses nobody, and a full one has a quarter left for what reads, deletions and expiries need. A collection of a
 * whole heap takes long, about 0.7 ms a MB. While the store is not full an eighth of the heap must be filled anew before
 * the next one, as the engine itself would have it; once it is full, collections may take a tenth of the time, and a
 * hundredth while nothing happens in the store.
 *
 * The engine is asked once for each 256th part of the heap that commands have brought, not for each command: asking takes
 * 1 to 5 µs. Strings above 1 MB lie outside of the heap, and so do most keys: they are counted all the same. Of the chunks in which
 * keys lie half may be dead bytes: from half of the heap on they are to be kept closer (`Sleepers.isTight`), so that they fill less of it.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { collectGarbage } from '../base/garbage.ts';

const LOOK_SHARE = 0.875;
const FULL_SHARE = 0.75;
const TIGHT_SHARE = 0.5;
const STEPS = 256;
/** Kept for the young; of a small heap a quarter. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;
/** What a command takes beside its bytes: a node, its event, the places in tables. */
const COMMAND_COST_BYTES = 512;
/** What a command may need while it is applied and answered, as a multiple of its size: escapes, the old value, the answer. */
const TRANSIENT_FACTOR = 8;
/** Commands below this need no room of their own. */
const LARGE_COMMAND_BYTES = 64 * 1024;
/** Of a full store: a collection may take a tenth of the time. */
const REST_FACTOR = 10;
const REST_MS_MIN = 500;
/** And a hundredth while nothing happens in it. */
const IDLE_FACTOR = 10;
const RESERVE_SHARE = 0.95;

/** What the engine says, and does when asked. */
export interface Heap {
  /** Taken, with garbage and gaps, and with what lies outside of the heap. */
  usedBytes(): number;
  /** The same without what lies outside: what the engine compares with its limit. */
  heapBytes(): number;
  /** Collects all garbage. */
  collect(): void;
  nowMs(): number;
}

/** Who is told how it stands with the memory; at each change. */
export interface MemoryListener {
  onFull(isFull: boolean): void;
  /** Half of it is taken, or no longer. */
  onTight(isTight: boolean): void;
}

export class MemoryGuard {
  /** Whether the store was found full, and not yet otherwise. */
  isFull = false;
  readonly #heap: Heap;
  readonly #limitBytes: number;
  readonly #stepBytes: number;
  readonly #reserveBytes: number;
  readonly #listener: MemoryListener;
  #isTight = false;
  #broughtBytes = 0;
  #restUntilMs = 0;
  /** The etcd index at the last collection. */
  #collectedIndex = 0;
  #readRestUntilMs = 0;

  constructor(limitBytes: number, heap: Heap, listener: MemoryListener) {
    const keptBytes = Math.min(KEPT_BYTES_MAX, limitBytes / 4);
    this.#limitBytes = limitBytes - keptBytes;
    this.#reserveBytes = Math.min(limitBytes * RESERVE_SHARE, limitBytes - keptBytes / 2);
    this.#stepBytes = limitBytes / STEPS;
    this.#heap = heap;
    this.#listener = listener;
  }

  /** Whether there is room for a command of this size that adds to the store. @param etcdIndex of the store. */
  admits(sizeBytes: number, etcdIndex: number): boolean {
    this.#broughtBytes += sizeBytes + COMMAND_COST_BYTES;
    if (!this.isFull && this.#broughtBytes < this.#stepBytes && sizeBytes < LARGE_COMMAND_BYTES) return true;
    return this.#look(sizeBytes, etcdIndex);
  }

  #look(sizeBytes: number, etcdIndex: number): boolean {
    this.#broughtBytes = 0;
    const needBytes = sizeBytes < LARGE_COMMAND_BYTES ? 0 : sizeBytes * TRANSIENT_FACTOR;
    const usedBytes = this.#heap.usedBytes();
    this.#setTight(usedBytes > this.#limitBytes * TIGHT_SHARE);
    if (usedBytes + needBytes < this.#limitBytes * (this.isFull ? FULL_SHARE : LOOK_SHARE)) {
      this.#setFull(false);
      return true;
    }
    if (this.isFull && this.#heap.nowMs() < this.#restUntilMs) return false;
    // A command that is too large for what is left is no reason to collect, while others find room.
    if (usedBytes < this.#limitBytes * LOOK_SHARE && this.#heap.nowMs() < this.#restUntilMs) return false;
    this.#collect(etcdIndex);
    const keptBytes = this.#heap.usedBytes();
    this.#setFull(keptBytes > this.#limitBytes * FULL_SHARE);
    return !this.isFull && keptBytes + needBytes < this.#limitBytes;
  }

  #collect(etcdIndex: number): void {
    const startMs = this.#heap.nowMs();
    this.#heap.collect();
    const endMs = this.#heap.nowMs();
    // What was deleted is let go of a moment later, when it is durable: so the first rest after it is short.
    const factor = etcdIndex === this.#collectedIndex ? IDLE_FACTOR : 1;
    this.#restUntilMs = endMs + factor * Math.max(REST_MS_MIN, REST_FACTOR * (endMs - startMs));
    this.#collectedIndex = etcdIndex;
  }

  /** Whether a full store has room for something small, or for what takes the place of something. */
  get hasReserve(): boolean {
    return this.#heap.usedBytes() < this.#reserveBytes;
  }

  /**
   * Whether there is room for what a read takes for a while: a listing takes half a kilobyte for each directory, and one of very many
   * would be the worker's end. What is refused leaves garbage behind, so the next look may collect; otherwise collections take a
   * tenth of the time.
   */
  hasRoomToRead(sizeBytes: number): boolean {
    const heap = this.#heap;
    if (heap.heapBytes() + sizeBytes < this.#reserveBytes) return true;
    const startMs = heap.nowMs();
    if (startMs >= this.#readRestUntilMs) {
      heap.collect();
      const endMs = heap.nowMs();
      this.#readRestUntilMs = endMs + REST_FACTOR * (endMs - startMs);
      if (heap.heapBytes() + sizeBytes < this.#reserveBytes) return true;
    }
    this.#readRestUntilMs = 0;
    return false;
  }

  #setTight(isTight: boolean): void {
    if (isTight === this.#isTight) return;
    this.#isTight = isTight;
    this.#listener.onTight(isTight);
  }

  #setFull(isFull: boolean): void {
    if (isFull === this.isFull) return;
    this.isFull = isFull;
    this.#listener.onFull(isFull);
  }
}

/** `new_space` and `new_large_object_space`. */
function isYoung(spaceName: string): boolean {
  return spaceName.startsWith('new_');
}

/** What is to be in the heap of a thread does not fit: said with the code by which the engine would have said it. */
export class OutOfMemoryError extends Error {
  readonly code = 'ERR_WORKER_OUT_OF_MEMORY';
}

/**
 * The heap of this thread. What lies outside of it now, the rings, is not counted.
 * @param promisedBytes what else may come to it: keys that sleep have no nodes, until they are changed otherwise than by a set.
 */
export function ownHeap(promisedBytes: () => number): Heap {
  const outsideBytes = getHeapStatistics().external_memory;
  const heapBytes = () => {
    let bytes = 0;
    for (const { space_name, space_size, space_used_size } of getHeapSpaceStatistics()) {
      bytes += isYoung(space_name) ? space_used_size : space_size;
    }
    return bytes;
  };
  return {
    usedBytes: () => getHeapStatistics().external_memory - outsideBytes + promisedBytes() + heapBytes(),
    heapBytes,
    collect: collectGarbage,
    nowMs: () => performance.now(),
  };
}
