import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createSharedWords, SharedWords } from '../../../src/frame/shared-words.ts';
import { Turns } from '../../../src/front/exchange/turns.ts';
import { UncountedMetrics } from '../../../src/metrics/uncounted-metrics.ts';
import { DOORBELL_WORDS, Doorbell } from '../../../src/ring/doorbell.ts';

test('a wake-up while a turn is on its way begins no second row of turns', async () => {
  const ownBell = new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)));
  let taken = 0;
  const work = { dueCount: 1, queuedCount: 0, turn: () => ++taken > 0, hasWork: () => false };
  const turns = new Turns(work, {
    ownBell,
    words: new SharedWords(createSharedWords()),
    number: 0,
    pollMs: 0.2,
    metrics: new UncountedMetrics(UncountedMetrics.createMemory()),
    onFatal: (error) => {
      throw error;
    },
  });
  turns.expectReplies();
  ownBell.ring();
  const loopTurns = 50;
  for (let turn = 0; turn < loopTurns; turn++) await nextTurn();
  turns.close();
  expect(taken).toBeGreaterThan(loopTurns / 2);
  expect(taken).toBeLessThanOrEqual(loopTurns + 1);
});
