/** Processor time, and who was the limit. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { UsageWindow } from '../../native-bench/load/usage-window.ts';
import { bottleneckWarnings } from '../../native-bench/measurement.ts';

test('a thread that ends in the window takes nothing away that was spent before', async () => {
  const busy = new Worker(
    "const end = performance.now() + 300; while (performance.now() < end); require('node:worker_threads').parentPort.on('message', () => process.exit()).postMessage('')",
    { eval: true },
  );
  await once(busy, 'message');
  const window = new UsageWindow({ port: 0, dialect: 'bare', pid: process.pid });
  window.start();
  const ended = once(busy, 'exit');
  busy.postMessage('');
  await ended;
  const { serverCpuMs, serverBusiestThreadMs } = window.stop();
  expect(serverCpuMs).toBeGreaterThan(0);
  expect(serverBusiestThreadMs).toBeLessThanOrEqual(serverCpuMs);
});

test.each([
  ['one thread that is not busy', 0.6, 0.6, 2, true],
  ['one thread that is', 0.95, 0.95, 2, false],
  ['two threads, neither busy, and cores that nobody wants', 1.1, 0.7, 4, true],
  ['two threads, one of them busy', 1.2, 0.95, 4, false],
  ['two threads that have all that the generator leaves', 0.9, 0.6, 2, false],
])('beside a busy generator the server has %s', (_, server, busiest, cores, isGeneratorTheLimit) => {
  const usage = {
    elapsedMs: 1000,
    serverCpuMs: server * 1000,
    serverBusiestThreadMs: busiest * 1000,
    generatorCpuMs: 990,
    foreignCpuMs: 0,
  };
  expect(bottleneckWarnings(usage, cores).some((warning) => warning.includes('bottleneck'))).toBe(isGeneratorTheLimit);
});
