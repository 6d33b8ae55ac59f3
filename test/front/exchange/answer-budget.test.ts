import { expect, test } from 'vitest';
import { createSharedWords, SharedWords } from '../../../src/frame/shared-words.ts';
import { AnswerBudget } from '../../../src/front/exchange/answer-budget.ts';
import { Counter, FrontEndMetrics } from '../../../src/metrics/front-end-metrics.ts';

function aBudget(sizeBytesMax: number) {
  const words = new SharedWords(createSharedWords());
  const metrics = new FrontEndMetrics(FrontEndMetrics.createMemory());
  const budget = new AnswerBudget(sizeBytesMax, words, 2, metrics);
  return { words, budget, usedBytes: () => metrics.get(Counter.answerBytes) };
}

test('answers share the room to its last byte, and one that does not fit waits for nobody', () => {
  const { budget, usedBytes } = aBudget(100);
  const first = budget.tryTake(60);
  const second = budget.tryTake(40);
  expect(budget.tryTake(1)).toBeUndefined();
  expect(usedBytes()).toBe(100);
  second?.release();
  expect(budget.tryTake(41)).toBeUndefined();
  first?.release();
  expect(usedBytes()).toBe(0);
});

test('alone an answer may be of any size', () => {
  const { budget } = aBudget(100);
  expect(budget.tryTake(1000)).toBeDefined();
  expect(budget.tryTake(1)).toBeUndefined();
});

test('an answer with several readers takes its room until the last of them has it', () => {
  const { budget, usedBytes } = aBudget(100);
  const share = budget.tryTake(70);
  share?.hold();
  share?.release();
  expect(usedBytes()).toBe(70);
  share?.release();
  expect(usedBytes()).toBe(0);
});

test('of a listing the store worker is told when it has left, once', () => {
  const { words, budget, usedBytes } = aBudget(100);
  const share = budget.takeListing([new Uint8Array(3000), new Uint8Array(10)]);
  expect([words.listingsLeftKb(2), usedBytes()]).toEqual([0, 3 * 1024]);
  share.release();
  share.release();
  expect([words.listingsLeftKb(2), usedBytes()]).toEqual([3, 0]);
});
