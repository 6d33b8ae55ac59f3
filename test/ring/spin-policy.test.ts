import { describe, expect, test } from 'vitest';
import { SpinPolicy, SpinRest } from '../../src/ring/spin-policy.ts';

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

test('no time to spin means no spin', () => {
  const policy = new SpinPolicy(0);
  expect(policy.isWorthwhile(workAt(policy, 0.05))).toBe(false);
});

describe('the rest of a spinner that was put aside', () => {
  /** @returns how long it rests after it was put aside at this time. */
  function restFrom(rest: SpinRest, nowMs: number): number {
    expect(rest.begins(nowMs - 3, nowMs)).toBe(true);
    let length = 0;
    while (!rest.isOver(nowMs + length)) length += 10;
    return length;
  }

  test('is twice as long each time that it happens soon again, up to a bound', () => {
    const rest = new SpinRest();
    const lengths: number[] = [];
    let nowMs = 1000;
    for (let time = 0; time < 9; time++) {
      lengths.push(restFrom(rest, nowMs));
      nowMs += (lengths.at(-1) as number) + 10;
    }
    expect(lengths).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 6400, 6400]);
  });

  test('is short again when it has not happened for long', () => {
    const rest = new SpinRest();
    restFrom(rest, 1000);
    expect(restFrom(rest, 1110)).toBe(200);
    expect(restFrom(rest, 1110 + 200 + 1601)).toBe(100);
  });

  test('does not begin where the core was not taken', () => {
    const rest = new SpinRest();
    expect(rest.begins(1000, 1000.4)).toBe(false);
    expect(rest.isOver(1000.4)).toBe(true);
  });
});
