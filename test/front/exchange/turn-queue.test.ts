import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TurnQueue } from '../../../src/front/exchange/turn-queue.ts';

test('each slot has its turn, in the order in which they came, however turns and slots come', () => {
  const step = fc.oneof(fc.nat({ max: 40 }), fc.constant('turn' as const));
  fc.assert(
    fc.property(fc.array(step), fc.double({ min: 0.001, max: 1, noNaN: true }), (steps, giveMs) => {
      let nowMs = 0;
      const queue = new TurnQueue(() => nowMs);
      const given: number[] = [];
      const give = (slot: number) => {
        nowMs += giveMs;
        given.push(slot);
      };
      let added = 0;
      for (const what of steps) {
        if (what === 'turn') {
          const before = given.length;
          queue.serve('turn', give);
          expect(given.length > before).toBe(before < added);
        } else for (let count = 0; count < what; count++) queue.add(added++);
        expect(queue.isEmpty).toBe(given.length === added);
      }
      queue.serve('all', give);
      expect(given).toEqual(Array.from({ length: added }, (_, slot) => slot));
    }),
  );
});

test('a turn serves no longer than its time, but for the few between two looks at the clock', () => {
  let nowMs = 0;
  const queue = new TurnQueue(() => nowMs);
  for (let slot = 0; slot < 100; slot++) queue.add(slot);
  let served = 0;
  queue.serve('turn', () => {
    nowMs += 0.1;
    served++;
  });
  expect(served).toBe(4);
});
