import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { collectGarbage, giveBackGarbage } from '../../src/base/garbage.ts';

const MB = 1024 * 1024;

test.each([
  ['collected', collectGarbage],
  ['given back', giveBackGarbage],
])('garbage that lay outside of the heap is not counted any more as soon as it is %s', (_, collect) => {
  collect();
  const beforeBytes = getHeapStatistics().external_memory;
  for (let round = 0; round < 5; round++) {
    allocate(50 * MB);
    collect();
    expect(getHeapStatistics().external_memory - beforeBytes).toBeLessThan(10 * MB);
  }
});

/** In pieces, as keys that sleep take it. */
function allocate(sizeBytes: number): void {
  const pieces: Buffer[] = [];
  for (let size = 0; size < sizeBytes; size += MB / 4) pieces.push(Buffer.allocUnsafeSlow(MB / 4).fill(1));
}
