import { beforeEach, describe, expect, test } from 'vitest';
import { SpareHeap } from '../../src/base/spare-heap.ts';

const MB = 1024 * 1024;

/** A heap whose contents the test chooses. */
class ChosenHeap {
  liveBytes = 10 * MB;
  garbageBytes = 0;
  /** Gaps, and room for the young. */
  roomBytes = 5 * MB;
  /** What of it stays when garbage is collected. */
  keptRoomBytes = 2 * MB;
  outsideBytes = 0;
  collections = 0;
  usedBytes = () => this.liveBytes + this.garbageBytes;
  sizeBytes = () => this.usedBytes() + this.roomBytes + this.outsideBytes;
  collect = () => {
    this.collections++;
    this.garbageBytes = 0;
    this.outsideBytes = 0;
    this.roomBytes = Math.min(this.roomBytes, this.keptRoomBytes);
  };
}

let heap: ChosenHeap;
let given: number[];
let spare: SpareHeap;
beforeEach(() => {
  heap = new ChosenHeap();
  given = [];
  spare = new SpareHeap((bytes) => given.push(bytes / MB), heap);
});

describe('a heap', () => {
  test('that has hardly grown since the last time is left alone', () => {
    expect(spare.isWorthwhile()).toBe(false);
    heap.garbageBytes = 20 * MB;
    expect(spare.isWorthwhile()).toBe(true);
    spare.giveBack();
    expect(given).toEqual([23]);
    heap.garbageBytes = 3 * MB;
    expect(spare.isWorthwhile()).toBe(false);
    heap.garbageBytes = 5 * MB;
    expect(spare.isWorthwhile()).toBe(true);
  });

  test('counts with what lies outside of it, and with what was just let go of', () => {
    heap.outsideBytes = 100 * MB;
    expect(spare.isWorthwhile()).toBe(true);
    spare.giveBack();
    expect(spare.isWorthwhile(1, 6 * MB)).toBe(true);
    expect(spare.isWorthwhile(1, 0)).toBe(false);
  });

  test('that the engine has made smaller has grown since then', () => {
    heap.roomBytes = 0;
    expect(spare.isWorthwhile()).toBe(false);
    heap.roomBytes = 5 * MB;
    expect(spare.isWorthwhile()).toBe(true);
  });

  test('that would stop its thread for long is left alone, unless it gives back as much as lives', () => {
    heap.liveBytes = 1000 * MB;
    expect(spare.isWorthwhile()).toBe(false);
    heap.liveBytes = 0;
    heap.garbageBytes = 1000 * MB;
    expect(spare.isWorthwhile(1)).toBe(false);
    expect(spare.isWorthwhile(0.6)).toBe(false);
    expect(spare.isWorthwhile(0.4)).toBe(true);
  });

  test('that is mostly room after a collection has another, and no third', () => {
    heap.roomBytes = 30 * MB;
    heap.keptRoomBytes = 30 * MB;
    heap.garbageBytes = 20 * MB;
    expect(spare.isWorthwhile()).toBe(true);
    expect(spare.giveBack()).toBe(true);
    expect(spare.isWorthwhile()).toBe(true);
    expect(spare.giveBack()).toBe(false);
    expect(spare.isWorthwhile()).toBe(false);
  });

  test('of this thread can be collected', () => {
    const bytes: number[] = [];
    const own = new SpareHeap((more) => bytes.push(more));
    const much = Array.from({ length: 200_000 }, (_, number) => ({ number }));
    expect(much.length).toBe(200_000);
    expect(own.isWorthwhile()).toBe(true);
    own.giveBack();
    expect(bytes).toHaveLength(1);
  });
});
