import { expect, test } from 'vitest';
import { projectDirectory, runProcess } from '../support/servers.ts';

/** Says what becomes of the library when there are 0, 1, 2 … descriptors, and then enough. */
const SCRIPT = `
  import { closeSync, openSync } from 'node:fs';
  import { loadThreadPools } from './src/base/thread-pools.ts';

  const outcome = () => {
    try {
      return typeof loadThreadPools().Piscina;
    } catch (error) {
      return error.code;
    }
  };
  const outcomes = [];
  for (let left = 0; left < 8; left++) {
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    for (const descriptor of taken.splice(0, left)) closeSync(descriptor);
    outcomes.push(outcome());
    for (const descriptor of taken) closeSync(descriptor);
  }
  console.log(outcomes[0], outcome());
`;

test.skipIf(process.platform !== 'linux')(
  'thread pools that could not be loaded can be when there are descriptors again',
  async () => {
    const flags = ['--import', '@oxc-node/core/register', '--input-type=module', '--eval', SCRIPT];
    const command = `cd "${projectDirectory}" && ulimit -n 100 && exec "$0" "$@"`;
    const loading = runProcess('sh', ['-c', command, process.execPath, ...flags]);
    expect(await loading.exited).toEqual({ code: 0, signal: null });
    expect(loading.output().stdout).toBe('EMFILE function\n');
  },
);
