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
  ['comes later than the spin would end', 0.5, 1, false],
  ['is rare', 1000, 1, false],
])('when work %s', (_, intervalMs, pieces, isWorthwhile) => {
  const policy = new SpinPolicy(0.2);
  const nowMs = workAt(policy, intervalMs, 200, 1000, pieces);
  expect(policy.isWorthwhile(nowMs)).toBe(isWorthwhile);
});

test('the first work after a silence is not spun after', () => {
  const policy = new SpinPolicy(0.2);
  policy.noteWork(5000, 1);
  expect(policy.isWorthwhile(5000)).toBe(false);
});

test('one silence in a steady pace, however long, says nothing about what follows it', () => {
  const policy = new SpinPolicy(0.2);
  const nowMs = workAt(policy, 0.05) + 5000;
  policy.noteWork(nowMs, 1);
  expect(policy.isWorthwhile(nowMs)).toBe(true);
});

test('a pace that changes is followed', () => {
  const policy = new SpinPolicy(0.2);
  let nowMs = workAt(policy, 0.05);
  nowMs = workAt(policy, 5, 50, nowMs);
  expect(policy.isWorthwhile(nowMs)).toBe(false);
  nowMs = workAt(policy, 0.05, 200, nowMs);
  expect(policy.isWorthwhile(nowMs)).toBe(true);
});

test('a spinner that was put aside by the kernel rests for a while', () => {
  const policy = new SpinPolicy(0.2);
  const nowMs = workAt(policy, 0.05);
  expect(policy.goesOn(nowMs, nowMs + 0.01)).toBe(true);
  expect(policy.goesOn(nowMs, nowMs + 3)).toBe(false);
  expect(policy.isWorthwhile(nowMs + 50)).toBe(false);
  expect(policy.isWorthwhile(nowMs + 104)).toBe(true);
});

test('a spin in vain is followed by none for a moment, and shortens no rest', () => {
  const policy = new SpinPolicy(0.2);
  const nowMs = workAt(policy, 0.05);
  policy.endedInVain(nowMs);
  expect(policy.isWorthwhile(nowMs + 4.9)).toBe(false);
  expect(policy.isWorthwhile(nowMs + 5)).toBe(true);
  policy.goesOn(nowMs, nowMs + 3);
  policy.endedInVain(nowMs + 3);
  expect(policy.isWorthwhile(nowMs + 50)).toBe(false);
});

test('no time to spin means no spin', () => {
  const policy = new SpinPolicy(0);
  expect(policy.isWorthwhile(workAt(policy, 0.05))).toBe(false);
});
