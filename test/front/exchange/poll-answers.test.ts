import { beforeEach, expect, test } from 'vitest';
import { AnswerShare } from '../../../src/front/exchange/answer-budget.ts';
import type { LargeEvent } from '../../../src/front/exchange/large-answers.ts';
import { PollAnswers } from '../../../src/front/exchange/poll-answers.ts';
import { TimedWatchers } from './timed-watchers.ts';

/** As long as a turn has, so that each has time for no more than are served between two looks at the clock. */
const SEND_MS = 0.25;

class Rig extends TimedWatchers {
  /** Ended by a large event, in their order. */
  readonly endedByLarge: number[] = [];
  readonly polls = new PollAnswers(
    this.slots,
    (slot, { share }) => {
      this.endedByLarge.push(slot);
      this.slots.release(slot);
      this.spend();
      share.release();
    },
    this.queue,
  );
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig(SEND_MS);
});

test('whoever waits is answered once, with the event that is his, and his slot is free', () => {
  const [one, two] = [rig.open(), rig.open()];
  rig.polls.add(one.slot, Buffer.from('a}'));
  rig.polls.add(two.slot, Buffer.from('b}'));
  expect(rig.polls.hasWaiting).toBe(true);
  rig.polls.flush();
  rig.polls.flush();
  expect([one.response.written, two.response.written]).toEqual([['a}'], ['b}']]);
  expect([one, two].every(({ slot, response }) => response.isEnded && rig.slots.isFree(slot))).toBe(true);
  expect(rig.polls.hasWaiting).toBe(false);
});

test('those for whom a turn has no time hear the same in the next ones, although the ring has other bytes by then', () => {
  const watchers = Array.from({ length: 20 }, () => rig.open());
  const ring = Buffer.from('a}b}');
  for (const [position, { slot }] of watchers.entries())
    rig.polls.add(slot, position < 12 ? ring.subarray(0, 2) : ring.subarray(2));
  let turns = 0;
  for (; rig.polls.hasWaiting; turns++) {
    const told = () => watchers.filter(({ response }) => response.isEnded).length;
    const before = told();
    rig.polls.flush();
    expect(told() - before).toBe(4);
    ring.fill('x');
  }
  expect(turns).toBe(5);
  expect(watchers.map(({ response }) => response.body)).toEqual([...Array(12).fill('a}'), ...Array(8).fill('b}')]);
});

test('whose client goes before his turn is not answered, and neither is the next in his slot by what was meant for him', () => {
  const others = Array.from({ length: 4 }, () => rig.open());
  const gone = rig.open();
  for (const { slot } of [...others, gone]) rig.polls.add(slot, Buffer.from('a}'));
  rig.polls.flush();
  expect(rig.polls.hasWaiting).toBe(true);
  rig.polls.forget(gone.slot);
  rig.slots.startCancelling(gone.slot);
  rig.slots.release(gone.slot);
  const next = rig.open();
  expect(next.slot).toBe(gone.slot);
  rig.polls.flush();
  expect([gone.response.isEnded, next.response.isEnded]).toEqual([false, false]);
  rig.polls.add(next.slot, Buffer.from('b}'));
  rig.polls.flush();
  expect(next.response.body).toBe('b}');
});

test('all are answered at once where nobody can wait for turns', () => {
  const watchers = Array.from({ length: 50 }, () => rig.open());
  for (const { slot } of watchers) rig.polls.add(slot, Buffer.from('a}'));
  rig.polls.flush('all');
  expect(watchers.every(({ response }) => response.body === 'a}')).toBe(true);
});

test('a large event takes turns, too, and its share is given back when each has it or has gone', () => {
  let isGivenBack = false;
  const share = new AnswerShare(() => {
    isGivenBack = true;
  });
  const event: LargeEvent = { parts: [Buffer.from('a}')], share };
  const watchers = Array.from({ length: 10 }, () => rig.open());
  for (const { slot } of watchers) rig.polls.addLarge(slot, event);
  share.release();
  const [gone] = watchers.slice(-1) as [(typeof watchers)[number]];
  for (const count of [4, 8]) {
    rig.polls.flush();
    expect(rig.endedByLarge).toEqual(watchers.slice(0, count).map(({ slot }) => slot));
    expect(isGivenBack).toBe(false);
  }
  rig.polls.forget(gone.slot);
  rig.slots.startCancelling(gone.slot);
  rig.polls.flush();
  expect(rig.endedByLarge).toHaveLength(9);
  expect([isGivenBack, rig.polls.hasWaiting]).toEqual([true, false]);
});
