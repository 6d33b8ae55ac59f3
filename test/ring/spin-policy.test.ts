import { expect, test } from 'vitest';
import { SpinPolicy } from '../../src/ring/spin-policy.ts';

/** One piece of work every so often, `count` times. @returns the time of the last. */
function workAt(policy: SpinPolicy, intervalMs: number, count = 200, fromMs = 1000, pieces = 1): number {
  let nowMs = fromMs;
  for (let piece = 0; piece < count; piece++) {
    nowMs += intervalMs;
    policy.noteWork(nowMs, pieces);
  }
  return nowMs;
}

test.each([
  ['comes one by one and soon', 0.05, 1, true],
  ['is a crowd of single pieces', 0.01, 1, false],
  ['is a crowd in batches', 0.1, 20, false],
  ['comes a little too late to be waited for', 0.25, 1, false],
  ['is rare', 1000, 1, false],
])('when work %s', (_, intervalMs, pieces, isWorthwhile) => {
  const policy = new SpinPolicy(2, 0.2);
  workAt(policy, intervalMs, 200, 1000, pieces);
  expect(policy.isWorthwhile).toBe(isWorthwhile);
});

test('the first work after a silence is not spun after', () => {
  const policy = new SpinPolicy(2, 0.2);
  policy.noteWork(5000, 1);
  expect(policy.isWorthwhile).toBe(false);
});

test('one silence in a steady pace, however long, says nothing about what follows it', () => {
  const policy = new SpinPolicy(2, 0.2);
  const nowMs = workAt(policy, 0.05) + 5000;
  policy.noteWork(nowMs, 1);
  expect(policy.isWorthwhile).toBe(true);
});

test('a pace that changes is followed', () => {
  const policy = new SpinPolicy(2, 0.2);
  let nowMs = workAt(policy, 0.05);
  nowMs = workAt(policy, 5, 50, nowMs);
  expect(policy.isWorthwhile).toBe(false);
  nowMs = workAt(policy, 0.05, 200, nowMs);
  expect(policy.isWorthwhile).toBe(true);
});

test('a spinner that was put aside by the kernel ends its spin', () => {
  const policy = new SpinPolicy(2, 0.2);
  expect(policy.goesOn(1000, 1000.01)).toBe(true);
  expect(policy.goesOn(1000, 1003)).toBe(false);
});

test('spins that are in vain are followed by a rest', () => {
  const policy = new SpinPolicy(2, 0.2);
  let nowMs = workAt(policy, 0.05);
  for (let spin = 0; spin < 10; spin++) policy.ended(true);
  nowMs = workAt(policy, 0.05, 2000, nowMs);
  expect(policy.isWorthwhile).toBe(false);
});

test('how late work may come is given', () => {
  const policy = new SpinPolicy(2, 0.6);
  workAt(policy, 0.5);
  expect(policy.isWorthwhile).toBe(true);
});
