import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag, Op } from '../../src/protocol/command.ts';
import { randomSteps, writeOf } from '../store/random-steps.ts';
import { contentOf, NOON_MS } from '../store/store-fixture.ts';
import { DutyBench } from './duty-bench.ts';

test('only a turn changes the store, in the order of the rings, and the journal has each command once in that order', () => {
  fc.assert(
    fc.property(randomSteps(40), fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (steps, picks) => {
      const bench = new DutyBench(2);
      const journal = bench.journal(10);
      steps.forEach((step, position) => {
        const frontEnd = picks[position] === true ? bench.first : bench.second;
        if (step.kind === 'tick') {
          bench.nowMs = NOON_MS + position / 2;
          bench.run();
          return;
        }
        const { op, flags, path, value, prevValue, prevIndex, expirationMs, timeMs } = writeOf(step, position);
        const expiration = (flags & Flag.hasExpiration) !== 0 ? { expirationMs } : {};
        const indexBefore = bench.duty.store.index;
        frontEnd.send(op, position, path, { flags, value, prevValue, index: BigInt(prevIndex), timeMs, ...expiration });
        expect(bench.duty.store.index).toBe(indexBefore);
      });
      bench.run();
      journal.replay();
      expect(journal.sequences).toEqual(journal.sequences.map((_, position) => position + 1));
      expect(contentOf(journal.replica)).toEqual(contentOf(bench.duty.store));
      expect(journal.replica.stateHash).toBe(bench.duty.store.stateHash);
    }),
    { numRuns: 40 },
  );
});

test('a read changes nothing that replay would miss, also when it was accepted after the write that comes next', () => {
  const bench = new DutyBench(2);
  const journal = bench.journal();
  bench.first.set(1, '/k', 'v', { expirationMs: NOON_MS + 60_000 });
  bench.first.send(Op.get, 2, '/k', { timeMs: NOON_MS + 2 });
  bench.first.send(Op.get, 3, '', { timeMs: NOON_MS + 2 });
  bench.run();
  bench.second.set(1, '/k', 'w', { timeMs: NOON_MS + 1 });
  bench.run();
  journal.replay();
  expect(journal.replica.stateHash).toBe(bench.duty.store.stateHash);
});

describe('the gate of a reply', () => {
  test('is the sequence of the last command that it may show', () => {
    const bench = new DutyBench();
    bench.journal();
    bench.first.watch(1, '/k');
    bench.first.set(2, '/other');
    bench.first.send(Op.get, 3, '/other');
    bench.first.set(4, '/k');
    bench.first.send(Op.create, 5, '/k');
    bench.first.send(Op.get, 6, '/k');
    bench.run();
    expect(bench.first.received().map(({ kind, gate }) => [kind, gate])).toEqual([
      ['watchOpened', 0],
      ['answer', 1],
      ['answer', 1],
      ['answer', 2],
      ['event', 2],
      ['answer', 3],
      ['answer', 3],
    ]);
  });

  test('of an expiry is the sequence of its tick', () => {
    const bench = new DutyBench();
    const journal = bench.journal();
    bench.first.watch(1, '/k');
    bench.first.set(2, '/k/j', 'v', { expirationMs: NOON_MS + 10 });
    bench.first.watch(3, '/k/j');
    bench.run();
    bench.first.received();
    bench.nowMs += 10;
    bench.run();
    expect(bench.first.received()).toMatchObject([{ kind: 'event', gate: 2, slots: [3], etcdIndex: 3 }]);
    journal.replay();
    expect(journal.replica.stateHash).toBe(bench.duty.store.stateHash);
  });
});

test('a checkpoint takes a sequence of its own, and later gates know it', () => {
  const bench = new DutyBench();
  const journal = bench.journal(3);
  for (let slot = 0; slot < 7; slot++) bench.first.set(slot, '/k');
  bench.run();
  journal.replay();
  expect(journal.sequences).toHaveLength(9);
  expect(bench.first.received().map(({ gate }) => gate)).toEqual([1, 2, 3, 5, 6, 7, 9]);
});

describe('when the disk fails', () => {
  const failedBench = () => {
    const bench = new DutyBench();
    bench.journal();
    bench.first.set(1, '/k', 'durable');
    bench.run();
    bench.words.durableSequence = 1;
    bench.first.set(2, '/k', 'lost');
    bench.first.set(3, '/other', 'lost');
    bench.run();
    bench.first.received();
    bench.words.failJournal('no space left on device');
    expect(bench.duty.hasWork()).toBe(true);
    bench.run();
    return bench;
  };

  test('writes that are not durable are taken back, and the front ends are told', () => {
    const bench = failedBench();
    expect(bench.first.received()).toMatchObject([{ kind: 'rolledBack', gate: 1, etcdIndex: 2, raftIndex: 1 }]);
    expect(bench.valueAt('/k')).toBe('durable');
    expect(bench.valueAt('/other')).toBeUndefined();
  });

  test('writes are refused with the reason, reads are answered', () => {
    const bench = failedBench();
    bench.first.received();
    bench.first.set(4, '/k', 'new');
    bench.first.send(Op.get, 5, '/k');
    bench.run();
    const [refusal, read] = bench.first.received();
    expect(refusal).toMatchObject({ status: 500, slot: 4, gate: 1 });
    expect(JSON.parse(refusal?.body ?? '')).toMatchObject({
      errorCode: 300,
      cause: 'no space left on device',
      index: 2,
    });
    expect(read).toMatchObject({ status: 200, slot: 5 });
  });

  test('nothing expires any more, and the thread may sleep', () => {
    const bench = new DutyBench();
    bench.journal();
    bench.first.set(1, '/k', 'v', { expirationMs: NOON_MS + 10 });
    bench.run();
    bench.words.durableSequence = 1;
    bench.words.failJournal('gone');
    bench.nowMs += 1000;
    bench.run();
    expect(bench.valueAt('/k')).toBe('v');
    expect(bench.duty.idleMsMax).toBe(Number.POSITIVE_INFINITY);
    expect(bench.duty.hasWork()).toBe(false);
  });

  test('a listing under way is not answered from what was undone', () => {
    const bench = new DutyBench();
    bench.journal();
    for (let number = 0; number < 2000; number++) bench.first.set(1, `/d/${number}`);
    bench.run();
    bench.first.received();
    bench.first.send(Op.get, 2, '/d');
    bench.duty.turn();
    expect(bench.first.received()).toEqual([]);
    bench.words.failJournal('gone');
    bench.run();
    expect(bench.first.received()).toMatchObject([{ kind: 'answer', slot: 2, status: 500 }, { kind: 'rolledBack' }]);
  });
});
