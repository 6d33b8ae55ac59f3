/** `uetcd dump` and `uetcd load` as processes: what they say, how they end, what they leave. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ready } from '../durability/durable-server.ts';
import { builtEntry, freePort, type RunningProcess, runCommandLine, runProcess } from '../support/servers.ts';
import { fileIn, fillVisibly, startFake, transferTest, treeOf } from './transfer-fixture.ts';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function ended(run: RunningProcess): Promise<Ended> {
  const { code } = await run.exited;
  return { code, ...run.output() };
}

function uetcd(...words: string[]): Promise<Ended> {
  return ended(runCommandLine(words));
}

transferTest(
  'a dump goes to stdout, its summary to stderr; the dump can be loaded',
  async ({ directory, source, target }) => {
    await fillVisibly(source);
    const dumped = await uetcd('dump', '--endpoint', source.url);
    expect(dumped.code).toBe(0);
    expect(dumped.stderr).toMatch(/^uetcd: dumped \d+ keys and \d+ directories of .*\n$/);
    writeFileSync(fileIn(directory), dumped.stdout);
    const loaded = await uetcd('load', fileIn(directory), '--endpoint', target.url);
    expect(loaded).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/^uetcd: loaded .*\n$/) });
    expect(await treeOf(target)).toEqual(await treeOf(source));
  },
);

transferTest('a dump is loaded from stdin', async ({ directory, source, target }) => {
  await fillVisibly(source);
  await uetcd('dump', '--endpoint', source.url, '--output', fileIn(directory));
  const script = 'cat "$1" | "$2" "$3" load --endpoint "$4"';
  const words = ['sh', fileIn(directory), process.execPath, builtEntry, target.url];
  const loaded = await ended(runProcess('sh', ['-c', script, ...words]));
  expect(loaded).toMatchObject({ code: 0, stderr: expect.stringMatching(/^uetcd: loaded/) });
  expect(await treeOf(target)).toEqual(await treeOf(source));
});

transferTest("flags of the server before a command are not the command's", async ({ directory }) => {
  const dataDir = join(directory, 'keys.uetcd');
  const server = await ready(runCommandLine(['--data-dir', dataDir, '--listen-client-urls', 'http://127.0.0.1:0']));
  const locked = await uetcd('dump', '--data-dir', dataDir);
  expect(locked).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('is in use by another process'),
  });
  await server.stop();
  const dumped = await uetcd('dump', '--data-dir', dataDir);
  expect(dumped).toMatchObject({ code: 0, stdout: expect.stringContaining('"hidden":true') });
  const elsewhere = await uetcd('--data-dir', dataDir, 'dump', '--endpoint', `http://127.0.0.1:${await freePort()}`);
  expect(elsewhere.stderr).toMatch(/^uetcd: cannot reach/);
});

transferTest('one line says why, and the exit code is 1', async ({ directory, target }) => {
  writeFileSync(fileIn(directory), '{"uetcd-dump":1}\n{"key":"/a","value":"1"}\n');
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const failures: [string[], RegExp][] = [
    [['dump', '--endpoint', 'ftp://127.0.0.1:1'], /not the URL of a server/],
    [['dump', '--endpoint', 'http://a%zz:b@127.0.0.1:1'], /the user or the password .* a % that is no escape/],
    [['dump', '--endpoint', nowhere], /cannot reach .*ECONNREFUSED/],
    [['dump', '--data-dir', directory], /not a data directory/],
    [['load', fileIn(directory), '--endpoint', target.url], /line 3: the dump is truncated/],
    [['load', fileIn(directory, 'missing'), '--endpoint', target.url], /ENOENT/],
    [['load', fileIn(directory), '--from', nowhere], /either a dump or --from/],
    [['load', '--from', nowhere, '--endpoint', target.url], /cannot reach/],
    [['load', '--concurrency', '0'], /--concurrency/],
    [['load', 'a', 'b'], /too many arguments/],
    [['dump', '--data-dir', directory, '--endpoint', nowhere], /cannot be used with/],
    [['dump', '--no-such-flag'], /unknown option/],
    [['restore'], /too many arguments/],
  ];
  for (const [words, reason] of failures) {
    const { code, stdout, stderr } = await uetcd(...words);
    expect({ words, code, stdout }).toEqual({ words, code: 1, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  }
});

describe('a dump that is interrupted', () => {
  transferTest.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s exits with %i and leaves what was there', async ([signal, code], { directory }) => {
    // It sends a beginning, and never the rest.
    const fake = await startFake((_request, response) => {
      response.write('{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":"1"},');
    });
    writeFileSync(fileIn(directory), 'old');
    const run = runCommandLine(['dump', '--endpoint', fake.url, '--output', fileIn(directory)]);
    await expect.poll(() => readdirSync(directory).length, { timeout: 60_000 }).toBe(2);
    run.child.kill(signal);
    expect(await ended(run)).toEqual({ code, stdout: '', stderr: 'uetcd: interrupted\n' });
    expect(readdirSync(directory)).toEqual(['keys.jsonl']);
    expect(readFileSync(fileIn(directory), 'utf8')).toBe('old');
    fake.closeAllConnections();
    fake.close();
  });

  transferTest('by a kill leaves nothing under its name', async ({ directory }) => {
    const fake = await startFake((_request, response) => {
      response.write('{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":"1"},');
    });
    const run = runCommandLine(['dump', '--endpoint', fake.url, '--output', fileIn(directory)]);
    await expect.poll(() => readdirSync(directory).length, { timeout: 60_000 }).toBe(1);
    run.child.kill('SIGKILL');
    await run.exited;
    expect(existsSync(fileIn(directory))).toBe(false);
    fake.closeAllConnections();
    fake.close();
  });
});

transferTest('whose reader has gone ends without a word', async () => {
  const nodes = Array.from({ length: 1_000 }, (_, count) => `{"key":"/${count}","value":"${'x'.repeat(1_000)}"}`);
  // More than any pipe holds, for as long as somebody reads.
  const fake = await startFake((_request, response) => {
    response.write('{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":"1"}');
    const more = () => {
      if (!response.destroyed) response.write(`,${nodes.join(',')}`, () => setImmediate(more));
    };
    more();
  });
  const run = runCommandLine(['dump', '--endpoint', fake.url]);
  run.child.stdout?.once('data', () => run.child.stdout?.destroy());
  const { code, stderr } = await ended(run);
  expect({ code, stderr }).toEqual({ code: 141, stderr: '' });
  fake.closeAllConnections();
  fake.close();
});
