import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createSharedWords, SharedWords } from '../../../src/frame/shared-words.ts';
import { Turns, type TurnWork } from '../../../src/front/exchange/turns.ts';
import { UncountedMetrics } from '../../../src/metrics/uncounted-metrics.ts';
import { DOORBELL_WORDS, Doorbell } from '../../../src/ring/doorbell.ts';

const aBell = () => new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)));

const turnsOf = (work: TurnWork, ownBell: Doorbell, words = new SharedWords(createSharedWords())) =>
  new Turns(work, {
    ownBell,
    words,
    number: 0,
    pollMs: 0.2,
    metrics: new UncountedMetrics(UncountedMetrics.createMemory()),
    onFatal: (error) => {
      throw error;
    },
  });

test('a wake-up while a turn is on its way begins no second row of turns', async () => {
  const ownBell = aBell();
  let taken = 0;
  const work = { dueCount: 1, queuedCount: 0, takenCount: 1, turn: () => ++taken > 0, hasWork: () => false };
  const turns = turnsOf(work, ownBell);
  turns.expectReplies();
  ownBell.ring();
  const loopTurns = 50;
  for (let turn = 0; turn < loopTurns; turn++) await nextTurn();
  turns.close();
  expect(taken).toBeGreaterThan(loopTurns / 2);
  expect(taken).toBeLessThanOrEqual(loopTurns + 1);
});

test('what is sent in the turn that a wake-up begins begins no second row of turns', async () => {
  const ownBell = aBell();
  let taken = 0;
  const work = { dueCount: 1, queuedCount: 0, takenCount: 1, turn: () => false, hasWork: () => false };
  const turns = turnsOf(work, ownBell);
  // As when a watch opens whose client has gone: the store is told.
  work.turn = () => {
    if (taken++ === 0) turns.expectReplies();
    return true;
  };
  ownBell.ring();
  while (taken === 0) await nextTurn();
  const loopTurns = 50;
  for (let turn = 0; turn < loopTurns; turn++) await nextTurn();
  turns.close();
  expect(taken).toBeGreaterThan(loopTurns / 2);
  expect(taken).toBeLessThanOrEqual(loopTurns + 2);
});

test('a crowd that has gone is forgotten, though nobody asks any more', async () => {
  const words = new SharedWords(createSharedWords());
  const work = { dueCount: 64, queuedCount: 0, takenCount: 0, turn: () => false, hasWork: () => false };
  const turns = turnsOf(work, aBell(), words);
  turns.expectReplies();
  await expect.poll(() => words.isCrowded).toBe(true);
  await sleep(300);
  expect(words.isCrowded).toBe(true); // All of them wait for the disk.
  work.dueCount = 0;
  await expect.poll(() => words.isCrowded).toBe(false);
  turns.close();
});

test('polls in vain are given up for a while', async () => {
  // By a clock of its own: on a busy machine the test would measure who else has the core.
  let nowMs = 1000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  onTestFinished(() => clock.mockRestore());
  const ownBell = aBell();
  let looks = 0;
  let beganMs = nowMs;
  // A reply that comes as soon as nobody looks for it any more.
  const work = { dueCount: 1, queuedCount: 0, takenCount: 0, turn: () => false, hasWork: () => false };
  work.turn = () => {
    const isTaken = looks > 0 && nowMs - beganMs > 0.5;
    looks = isTaken ? 0 : looks + 1;
    work.takenCount = isTaken ? 1 : 0;
    if (isTaken) beganMs = nowMs;
    return isTaken;
  };
  const turns = turnsOf(work, ownBell);
  /** Half a millisecond after the last reply. @returns how often was looked for the next before it was there. */
  const looksForOne = async () => {
    turns.expectReplies();
    for (const untilMs = nowMs + 0.6; nowMs < untilMs; nowMs += 0.02) await nextTurn();
    const seen = looks;
    ownBell.ring();
    while (looks > 0) await nextTurn();
    return seen;
  };
  const seen: number[] = [];
  for (let count = 0; count < 400; count++) seen.push(await looksForOne());
  turns.close();
  expect(Math.max(...seen.slice(0, 10))).toBeGreaterThan(2);
  expect(seen.filter((count) => count <= 2).length).toBeGreaterThan(100);
});
