/** When snapshots are made is told by whole servers: test/durability. Here is how making one is given up, or cannot even begin. */
import { afterAll, expect, test } from 'vitest';
import { SnapshotMetrics } from '../../src/metrics/snapshot-metrics.ts';
import { type SnapshotPool, SnapshotSchedule } from '../../src/workers/snapshot-schedule.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

const directory = makeTemporary('uetcd-schedule');
afterAll(() => removeTemporary(directory));

test('a stop gives up the snapshot in the making, and calls it no failure', async () => {
  const said: string[] = [];
  const note = (_: object, text: string) => void said.push(text);
  const metrics = new SnapshotMetrics(SnapshotMetrics.createMemory());
  const schedule = new SnapshotSchedule(directory, 1000, 64, { info: note, error: note }, metrics);
  schedule.checkpoint(1);
  // Its thread begins: that takes longer than these turns.
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
  await schedule.close();
  expect(said).toEqual([]);
  expect(metrics.failedCount).toBe(0);
});

test('a snapshot whose thread cannot be had has failed, and the next checkpoint has another', async () => {
  const said: string[] = [];
  const note = (_: object, text: string) => void said.push(text);
  const metrics = new SnapshotMetrics(SnapshotMetrics.createMemory());
  let opened = 0;
  const pool: SnapshotPool = { run: async () => ({ nodes: 1, tookMs: 1 }), destroy: async () => {} };
  const open = async () => {
    if (opened++ === 0) throw new Error('EMFILE: too many open files');
    return pool;
  };
  const schedule = new SnapshotSchedule(directory, 1000, 64, { info: note, error: note }, metrics, open);
  schedule.checkpoint(1);
  await expect.poll(() => said).toEqual(['no snapshot could be made; all files are kept']);
  schedule.checkpoint(2);
  await expect.poll(() => said.at(-1)).toBe('snapshot made');
  expect([metrics.failedCount, opened]).toEqual([1, 2]);
  await schedule.close();
});

test('nor is one waited for whose thread could not begin', async () => {
  const said: string[] = [];
  const note = (_: object, text: string) => void said.push(text);
  const metrics = new SnapshotMetrics(SnapshotMetrics.createMemory());
  const fails: ((error: unknown) => void)[] = [];
  const open = async (_: number, onError: (error: unknown) => void): Promise<SnapshotPool> => {
    let refuse: (error: Error) => void = () => {};
    const isFirst = fails.push(onError) === 1;
    const run: SnapshotPool['run'] = () =>
      new Promise((resolve, reject) => {
        if (isFirst) refuse = reject;
        else resolve({ nodes: 1, tookMs: 1 });
      });
    return { run, destroy: async () => refuse(new Error('Terminating worker thread')) };
  };
  const schedule = new SnapshotSchedule(directory, 1000, 64, { info: note, error: note }, metrics, open);
  schedule.checkpoint(1);
  await new Promise((resolve) => setImmediate(resolve));
  fails[0]?.(new Error('Worker initialization failure: EMFILE'));
  await expect.poll(() => said.at(-1)).toBe('no snapshot could be made; all files are kept');
  schedule.checkpoint(2);
  await expect.poll(() => said.at(-1)).toBe('snapshot made');
  await schedule.close();
});
