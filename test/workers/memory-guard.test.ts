import { describe, expect, test } from 'vitest';
import { MemoryGuard } from '../../src/workers/memory-guard.ts';

const MB = 1024 * 1024;
const LIMIT_BYTES = 1000 * MB;
const SMALL = 100;

/** A heap whose contents the test chooses, and a clock that goes on by what a collection takes. */
class ChosenHeap {
  keptBytes = 0;
  garbageBytes = 0;
  collections = 0;
  timeMs = 0;
  usedBytes = () => this.keptBytes + this.garbageBytes;
  heapBytes = () => this.usedBytes();
  collect = () => {
    this.collections++;
    this.garbageBytes = 0;
    this.timeMs += 100;
  };
  nowMs = () => this.timeMs;
}

function guarded() {
  const heap = new ChosenHeap();
  const said: boolean[] = [];
  const saidTight: boolean[] = [];
  const guard = new MemoryGuard(LIMIT_BYTES, heap, {
    onFull: (isFull) => said.push(isFull),
    onTight: (isTight) => saidTight.push(isTight),
  });
  /** Brings so many commands that the guard must look. */
  const bringMuch = () => Array.from({ length: 10_000 }, () => guard.admits(SMALL, 1)).at(-1);
  return { heap, guard, said, saidTight, bringMuch };
}

describe('a store whose memory fills', () => {
  test('is looked at now and then, not for each command', () => {
    const { heap, guard } = guarded();
    let looks = 0;
    heap.usedBytes = () => {
      looks++;
      return 0;
    };
    for (let count = 0; count < 1_000_000; count++) guard.admits(SMALL, count);
    expect(looks).toBeGreaterThan(10);
    expect(looks).toBeLessThan(1_000);
  });

  test('says once that half of it is taken, and that it is no longer', () => {
    const { heap, saidTight, bringMuch } = guarded();
    for (const keptBytes of [400 * MB, 550 * MB, 600 * MB, 400 * MB]) {
      heap.keptBytes = keptBytes;
      bringMuch();
    }
    expect(saidTight).toEqual([true, false]);
  });

  test('takes all while it is garbage that fills it', () => {
    const { heap, guard, said, bringMuch } = guarded();
    heap.keptBytes = 700 * MB;
    heap.garbageBytes = 250 * MB;
    expect(bringMuch()).toBe(true);
    expect([heap.collections, guard.isFull, said]).toEqual([1, false, []]);
  });

  test('refuses when a collection leaves it full, and says so once', () => {
    const { heap, guard, said, bringMuch } = guarded();
    heap.keptBytes = 880 * MB;
    expect(bringMuch()).toBe(false);
    expect(bringMuch()).toBe(false);
    expect([guard.isFull, said]).toEqual([true, [true]]);
    expect(guard.hasReserve).toBe(true);
    heap.keptBytes = 960 * MB;
    expect(guard.hasReserve).toBe(false);
  });

  test('takes all again when something was freed, without waiting for a whole collection if the engine has made one', () => {
    const { heap, guard, said, bringMuch } = guarded();
    heap.keptBytes = 880 * MB;
    bringMuch();
    heap.keptBytes = 730 * MB;
    expect(guard.admits(SMALL, 1)).toBe(true);
    expect([heap.collections, said]).toEqual([1, [true, false]]);
  });

  test('collects for no more than a tenth of the time, and a hundredth while nothing happens', () => {
    const { heap, guard } = guarded();
    heap.keptBytes = 880 * MB;
    const run = (untilMs: number, indexAt: (timeMs: number) => number) => {
      for (; heap.timeMs < untilMs; heap.timeMs += 10) guard.admits(2 * MB, indexAt(heap.timeMs));
      return heap.collections;
    };
    const busy = run(100_000, (timeMs) => timeMs);
    expect(busy).toBeGreaterThan(50);
    expect(busy).toBeLessThanOrEqual(100_000 / 1_100 + 1);
    const idle = run(200_000, () => -1) - busy;
    expect(idle).toBeGreaterThan(5);
    expect(idle).toBeLessThanOrEqual(100_000 / 10_100 + 2);
  });

  test('refuses a command that is too large for what is left, and takes the small ones', () => {
    const { heap, guard } = guarded();
    heap.keptBytes = 700 * MB;
    expect(guard.admits(50 * MB, 1)).toBe(false);
    expect([guard.isFull, guard.admits(SMALL, 1), guard.admits(10 * MB, 1)]).toEqual([false, true, true]);
  });

  test('has room for reads up to its reserve, and collects for them a tenth of the time, or after a refusal', () => {
    const { heap, guard } = guarded();
    heap.keptBytes = 900 * MB;
    expect([guard.hasRoomToRead(MB), heap.collections]).toEqual([true, 0]);
    heap.garbageBytes = 80 * MB;
    expect([guard.hasRoomToRead(MB), heap.collections]).toEqual([true, 1]);
    heap.garbageBytes = 80 * MB;
    expect([guard.hasRoomToRead(MB), heap.collections]).toEqual([false, 1]);
    // What was refused is garbage now.
    expect([guard.hasRoomToRead(MB), heap.collections]).toEqual([true, 2]);
    heap.keptBytes = 980 * MB;
    heap.timeMs += 1000;
    expect([guard.hasRoomToRead(MB), heap.collections]).toEqual([false, 3]);
    heap.keptBytes = 900 * MB;
    expect([guard.hasRoomToRead(MB), heap.collections]).toEqual([true, 3]);
  });
});
