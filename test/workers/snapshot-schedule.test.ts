/** When snapshots are made is told by whole servers: test/durability. Here is how making one is given up. */
import { afterAll, expect, test } from 'vitest';
import { SnapshotMetrics } from '../../src/metrics/snapshot-metrics.ts';
import { SnapshotSchedule } from '../../src/workers/snapshot-schedule.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

const directory = makeTemporary('uetcd-schedule');
afterAll(() => removeTemporary(directory));

test('a stop gives up the snapshot in the making, and calls it no failure', async () => {
  const said: string[] = [];
  const note = (_: object, text: string) => void said.push(text);
  const metrics = new SnapshotMetrics(SnapshotMetrics.createMemory());
  const schedule = new SnapshotSchedule(directory, 1000, 64, { info: note, error: note }, metrics);
  schedule.checkpoint(1);
  // Until its library is loaded and its thread begins: that takes longer than these turns.
  await import('piscina');
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
  await schedule.close();
  expect(said).toEqual([]);
  expect(metrics.failedCount).toBe(0);
});
