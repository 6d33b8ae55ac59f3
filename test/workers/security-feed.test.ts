import { describe, expect, test } from 'vitest';
import { ControlOp, packLookUps } from '../../src/frame/command-frame.ts';
import { ReplyFormat } from '../../src/frame/reply-frame.ts';
import { AuthOp } from '../../src/protocol/auth-request.ts';
import { Op } from '../../src/protocol/command.ts';
import { type BenchFrontEnd, DutyBench } from './duty-bench.ts';

const newsOf = ({ body }: { body: string }) => JSON.parse(body);
const putUser = (frontEnd: BenchFrontEnd, name: string, fields: object = { password: 'hash' }) =>
  frontEnd.send(AuthOp.putUser, 1, name, { value: JSON.stringify({ user: name, ...fields }) });
const ENABLED = '\0/2/enabled';
const USER = '\0/2/users/ann';

describe('a change of users and roles', () => {
  test('is told to all front ends behind its gate, after its answer, with the version that is in shared memory', () => {
    const bench = new DutyBench(2);
    bench.journal();
    putUser(bench.first, 'ann');
    bench.run();
    expect(bench.words.securityVersion).toBe(1);
    const [answer, own, ...more] = bench.first.received();
    expect(more).toEqual([]);
    expect(answer).toMatchObject({
      kind: 'answer',
      format: ReplyFormat.auth,
      isWrite: true,
      slot: 1,
      status: 201,
      gate: 1,
    });
    const [others] = bench.second.received();
    for (const news of [own, others]) {
      expect(news).toMatchObject({ kind: 'security', slot: 1, gate: 1 });
      const user = '{"user":"ann","password":"hash","roles":null}';
      expect(newsOf(news as { body: string })).toEqual({
        isWhole: false,
        nodes: [
          [ENABLED, 'false'],
          [USER, user],
        ],
      });
    }
  });

  test('that changes nothing, and a question, are no news', () => {
    const bench = new DutyBench(2);
    putUser(bench.first, 'ann', { grant: ['r'] });
    bench.first.send(AuthOp.getUsers, 2, '');
    bench.first.send(AuthOp.getEnabled, 3, '');
    bench.run();
    expect(bench.first.received().map(({ status }) => status)).toEqual([404, 200, 200]);
    expect(bench.second.received()).toEqual([]);
    expect(bench.words.securityVersion).toBe(0);
  });

  test('makes sure of the directories once, by a flag that is journaled', () => {
    const bench = new DutyBench();
    const journal = bench.journal(3);
    for (const name of ['ann', 'bob', 'cid']) putUser(bench.first, name);
    bench.run();
    expect(bench.duty.store.statistics.counts[8]).toBe(7);
    // The checkpoint after three commands compares the hashes of both stores.
    journal.replay();
    expect(journal.replica.stateHash).toBe(bench.duty.store.stateHash);
    expect(journal.replica.index).toBe(8);
  });

  test('is taken back by a failing disk, which all are told, and refused from then on', () => {
    const bench = new DutyBench(2);
    const journal = bench.journal();
    putUser(bench.first, 'ann');
    bench.run();
    bench.words.durableSequence = 1;
    journal.replay();
    for (const frontEnd of bench.frontEnds) frontEnd.received();
    putUser(bench.second, 'ann', { password: 'other' });
    bench.run();
    for (const frontEnd of bench.frontEnds) frontEnd.received();
    bench.words.failJournal('no space left on device');
    bench.run();
    for (const frontEnd of bench.frontEnds) {
      const [rolledBack, news, ...more] = frontEnd.received();
      expect(more).toEqual([]);
      expect(rolledBack).toMatchObject({ kind: 'rolledBack', gate: 1 });
      expect(news).toMatchObject({ kind: 'security', slot: 3, gate: 1 });
      expect(newsOf(news as { body: string })).toMatchObject({ isWhole: true });
      expect(news?.body).toContain('"password\\":\\"hash');
    }
    putUser(bench.first, 'bob');
    bench.run();
    const [refusal] = bench.first.received();
    expect(refusal).toMatchObject({ status: 500, format: ReplyFormat.auth });
    expect(refusal?.body).toBe('{"message":"no space left on device"}');
  });
});

test('what was recovered is told before anything else, unless there is nothing', () => {
  const bench = new DutyBench();
  bench.duty.tellSecurity();
  expect(bench.first.received()).toEqual([]);
  expect(bench.words.securityVersion).toBe(0);
  putUser(bench.first, 'ann');
  bench.run();
  bench.first.received();
  bench.duty.tellSecurity();
  const [news] = bench.first.received();
  expect(newsOf(news as { body: string }).nodes.map(([path]: [string]) => path)).toEqual([USER, ENABLED]);
});

test('look-ups count as reads: the switch for each request on the key space, and what its frame says', () => {
  const bench = new DutyBench();
  const gets = () => bench.duty.store.statistics.counts.slice(0, 2);
  bench.first.send(Op.get, 1, '');
  bench.run();
  expect(gets()).toEqual([1, 1]);
  putUser(bench.first, 'ann');
  bench.run();
  // For this one the switch is looked up, and the user, before both are there.
  expect(gets()).toEqual([1, 3]);
  bench.first.send(Op.get, 1, '', { lookUps: packLookUps(3, 2) });
  bench.run();
  expect(gets()).toEqual([6, 5]);
  bench.first.send(ControlOp.countLookUps, 0, '', { value: JSON.stringify({ requests: 2, made: 3, inVain: 1 }) });
  bench.run();
  expect(gets()).toEqual([11, 6]);
  expect(bench.first.received().filter(({ kind }) => kind === 'answer')).toHaveLength(3);
});
