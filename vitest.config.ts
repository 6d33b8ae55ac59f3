import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Worker threads inherit this, so that src/workers/*-worker.ts start from source on Node 20.
    pool: 'forks',
    execArgv: ['--import', '@oxc-node/core/register'],
    // Guards against hangs only; no assertion depends on speed.
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
