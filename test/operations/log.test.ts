/** How the log looks: for machines, and for a person at a terminal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { builtEntry, freePort, isInstalled, runProcess, startCommandLine } from '../support/servers.ts';

test('into a pipe it is JSON, a line each', async () => {
  const server = await startCommandLine();
  await server.stop();
  const lines = server
    .output()
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ msg }) => msg)).toEqual(['ready to serve client requests', 'stopped']);
});

const hasTerminals = process.platform === 'linux' && isInstalled('script');
if (!hasTerminals) console.log('there is no script(1) to make a terminal: the log on one is not looked at');

test.skipIf(!hasTerminals)('on a terminal it is words', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const command = `exec '${process.execPath}' '${builtEntry}' --in-memory --listen-client-urls ${url}`;
  const terminal = runProcess('script', ['--quiet', '--return', '--command', command, '/dev/null']);
  await expect.poll(() => terminal.output().stdout, { timeout: 30_000 }).toContain('ready to serve client requests');
  await sleep(50);
  terminal.child.kill('SIGTERM'); // `script` passes it on.
  await terminal.exited;
  const { stdout } = terminal.output();
  expect(stdout).toMatch(/^\[\d\d:\d\d:\d\d\.\d+\] /);
  expect(stdout).toContain(url);
  expect(stdout).not.toContain('{"level"');
});
