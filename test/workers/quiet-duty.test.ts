import { beforeEach, describe, expect, test } from 'vitest';
import { QUIET_MS, SpareHeap } from '../../src/base/spare-heap.ts';
import { QuietDuty } from '../../src/workers/quiet-duty.ts';

const MB = 1024 * 1024;
const FOREVER = Number.POSITIVE_INFINITY;

/** How large the heap is, and how much of it is used: what is collected gets small. */
const heap = { size: 0, used: 0, collections: 0 };
let nowMs: number;
let population: number;
let quiet: QuietDuty;
beforeEach(() => {
  Object.assign(heap, { size: 10 * MB, used: 10 * MB, collections: 0 });
  nowMs = 1_000;
  population = 100;
  const collected = {
    sizeBytes: () => heap.size,
    usedBytes: () => heap.used,
    collect: () => {
      heap.collections++;
      heap.size = 10 * MB;
      heap.used = 10 * MB;
    },
  };
  quiet = new QuietDuty(new SpareHeap(() => {}, collected), () => population, { nowMs: () => nowMs });
});

function grow(): void {
  heap.size = 50 * MB;
  heap.used = 30 * MB;
}

describe('a worker', () => {
  test('that never had anything to do sleeps for as long as it likes', () => {
    expect(quiet.sleepMsMax(0)).toBe(FOREVER);
  });

  test('gives back when it was quiet for long enough, once', () => {
    grow();
    expect(quiet.sleepMsMax(5)).toBe(QUIET_MS);
    nowMs += QUIET_MS - 1;
    expect(quiet.sleepMsMax(5)).toBe(1);
    expect(heap.collections).toBe(0);
    nowMs += 1;
    expect(quiet.sleepMsMax(0)).toBe(FOREVER);
    expect(heap.collections).toBe(1);
    expect(quiet.sleepMsMax(0)).toBe(FOREVER);
  });

  test('gives nothing back while it is at work', () => {
    grow();
    for (let second = 0; second < 100; second++) {
      expect(quiet.sleepMsMax(10)).toBeLessThanOrEqual(QUIET_MS);
      nowMs += 1_000;
    }
    expect(heap.collections).toBe(0);
    for (let second = 0; second < 20; second++) {
      quiet.sleepMsMax(0);
      nowMs += 1_000;
    }
    expect(heap.collections).toBe(1);
  });

  test('that has nothing to give back sleeps for as long as it likes afterwards', () => {
    quiet.sleepMsMax(1);
    nowMs += QUIET_MS;
    expect(quiet.sleepMsMax(0)).toBe(FOREVER);
    expect(heap.collections).toBe(0);
  });

  test('whose heap is large gives back when most of what was in it is gone', () => {
    Object.assign(heap, { size: 1100 * MB, used: 1000 * MB });
    quiet.sleepMsMax(1);
    nowMs += QUIET_MS;
    quiet.sleepMsMax(0);
    expect(heap.collections).toBe(0);
    population = 40;
    quiet.sleepMsMax(1);
    nowMs += QUIET_MS;
    quiet.sleepMsMax(0);
    expect(heap.collections).toBe(1);
  });
});
