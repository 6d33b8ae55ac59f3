/** How the log looks: for machines, and for a person at a terminal. */
import { existsSync } from 'node:fs';
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

const hasFullDevice = existsSync('/dev/full');
if (!hasFullDevice) console.log('there is no /dev/full: a log that cannot be written is not looked at');

test.skipIf(!hasFullDevice)(
  'into a file on a disk that is full it is lost, and the server goes on',
  async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const command = `exec '${process.execPath}' '${builtEntry}' --in-memory --listen-client-urls ${url} > /dev/full`;
    const server = runProcess('sh', ['-c', command]);
    const isHealthy = () => fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) }).then(({ ok }) => ok);
    await expect.poll(() => isHealthy().catch(() => false), { timeout: 30_000 }).toBe(true);
    server.child.kill('SIGTERM');
    // Only if it is at it for ever, and then no other signal would end it.
    const timer = setTimeout(() => server.child.kill('SIGKILL'), 10_000);
    expect((await server.exited).code).toBe(0);
    clearTimeout(timer);
    expect(server.output().stderr).toBe('');
  },
  60_000,
);

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
