import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** They replay recordings with their pauses, up to two minutes long: they begin first, in the order of the projects' names. */
const CONFORMANCE = ['test/**/conformance.test.ts'];

/** They drive clients that poll, or wait for what takes its time: the cores would be idle most of theirs. */
const WAITING = [
  'test/api/*.test.ts',
  'test/clients/*.test.ts',
  'test/differential/expiry.test.ts',
  'test/hostile/heads.test.ts',
  'test/hostile/memory.test.ts',
];

/**
 * They start no server and leave nothing behind, so one process runs many of them: to start one takes longer than most of these. What
 * replaces modules (test/front/front-ends.test.ts) is none of them: others may have loaded those.
 */
const PLAIN = ['frame', 'front/*', 'journal', 'metrics', 'protocol', 'ring', 'store', 'workers'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

/** They start threads of src, and not of the package. */
const THREADS = ['test/auth/passwords.test.ts', 'test/transfer/dump.test.ts'];

/** Worker threads inherit this: those of src, and of the tests themselves, start from source on Node 20. */
const FROM_SOURCE = ['--import', '@oxc-node/core/register'];

type Options = NonNullable<TestProjectInlineConfiguration['test']>;

/** @param group of those that run at the same time: one group after the other. */
function project(name: string, group: number, options: Options): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      sequence: { groupOrder: group },
      pool: 'forks',
      // The package as it was built: its threads start from there.
      server: { deps: { external: [/\/dist\//] } },
      // Guards against hangs only; no assertion depends on speed.
      testTimeout: 120_000,
      hookTimeout: 60_000,
      // A second, as it would be otherwise, is a matter of speed where others want the cores.
      expect: { poll: { timeout: 30_000 } },
      ...options,
    },
  };
}

const others = { include: ['test/**/*.test.ts'], exclude: [...CONFORMANCE, ...WAITING, ...PLAIN, ...THREADS] };

export default defineConfig({
  test: {
    projects: [
      project('conformance', 0, { include: CONFORMANCE, maxWorkers: 8 }),
      project('waiting', 0, { include: WAITING, exclude: CONFORMANCE, maxWorkers: 8 }),
      project('plain', 1, { include: PLAIN, execArgv: FROM_SOURCE, isolate: false, maxWorkers: 2 }),
      // Even these wait half of their time, for disks and for other processes.
      project('threads', 2, { include: THREADS, execArgv: FROM_SOURCE, maxWorkers: 3 }),
      project('working', 2, { ...others, maxWorkers: 3 }),
    ],
  },
});
