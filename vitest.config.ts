import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** They replay recordings with their pauses, and drive clients that poll: the cores would be idle most of their time. */
const WAITING = ['test/**/conformance.test.ts', 'test/clients/*.test.ts', 'test/api/*.test.ts'];

/**
 * They start no server and leave nothing behind, so one process runs many of them: to start one takes longer than most of these. What
 * replaces modules (test/front/front-ends.test.ts) is none of them: others may have loaded those.
 */
const PLAIN = ['frame', 'front/*', 'journal', 'metrics', 'protocol', 'ring', 'store', 'workers'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

const shared: TestProjectInlineConfiguration['test'] = {
  // Worker threads inherit this, so that src/workers/*-worker.ts start from source on Node 20.
  pool: 'forks',
  execArgv: ['--import', '@oxc-node/core/register'],
  // Guards against hangs only; no assertion depends on speed.
  testTimeout: 120_000,
  hookTimeout: 60_000,
  // A second, as it would be otherwise, is a matter of speed where others want the cores.
  expect: { poll: { timeout: 30_000 } },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: { ...shared, name: 'waiting', include: WAITING, maxWorkers: 5, sequence: { groupOrder: 0 } },
      },
      {
        test: { ...shared, name: 'plain', include: PLAIN, isolate: false, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        test: {
          ...shared,
          name: 'working',
          include: ['test/**/*.test.ts'],
          exclude: [...WAITING, ...PLAIN],
          // Even these wait half of their time, for disks and for other processes.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
