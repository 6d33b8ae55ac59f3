/** What `npm pack` makes, installed somewhere else, serves from its command and from its import. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, projectDirectory, type RunningProcess, runProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

describe('the packed package', () => {
  const directory = makeTemporary('uetcd-package');
  const home = join(directory, 'home');
  beforeAll(async () => {
    const packed = await npm(freshCheckout(directory), 'pack', '--silent', '--pack-destination', directory);
    mkdirSync(home);
    writeFileSync(
      join(home, 'package.json'),
      '{"name":"somewhere-else","version":"1.0.0","private":true,"type":"module"}',
    );
    // What `npm ci` has fetched for the project is in npm's cache.
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--silent'];
    await npm(home, 'install', ...flags, join(directory, packed.trim().split('\n').at(-1) ?? ''));
  }, 240_000);
  afterAll(() => removeTemporary(directory));

  test('serves by npx', { timeout: 60_000 }, async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const flags = ['--no-install', 'uetcd', '--in-memory', '--listen-client-urls', url];
    const npx = runProcess('npx', flags, { cwd: home, detached: true });
    const answer = () => fetch(`${url}/v2/keys/a`, { method: 'PUT' }).then((response) => response.text(), String);
    try {
      await expect.poll(answer, { timeout: 30_000 }).toMatch(/^\{"action":"set"/);
    } finally {
      // The whole group: between npx and the server stands a shell that need not pass a signal on.
      process.kill(-npx.pid, 'SIGTERM');
      await npx.exited;
    }
  });

  test('serves by import', { timeout: 60_000 }, async () => {
    writeFileSync(
      join(home, 'program.js'),
      `import { startServer } from 'uetcd';
       const server = await startServer({ port: 0, inMemory: true });
       const written = await fetch(server.url + '/v2/keys/message?value=hello', { method: 'PUT' });
       console.log(written.status, await (await fetch(server.url + '/v2/keys/message')).text());
       await server.close();`,
    );
    const program = runProcess(process.execPath, ['program.js'], { cwd: home });
    // It ends by itself: a closed server keeps no process alive.
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.output().stdout).toMatch(/^201 \{"action":"get","node":\{"key":"\/message","value":"hello"/);
    expect(program.output().stderr).toBe('');
  });

  test('serves a program that is given on the command line', { timeout: 60_000 }, async () => {
    const text = `import { startServer } from 'uetcd';
      const server = await startServer({ port: 0, inMemory: true, frontEnds: 2 });
      console.log((await fetch(server.url + '/v2/keys/a', { method: 'PUT' })).status);
      await server.close();`;
    const program = runProcess(process.execPath, ['--input-type=module', '-e', text], { cwd: home });
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.output()).toMatchObject({ stdout: '201\n', stderr: '' });
  });

  test('brings its types and no sources, tests or benchmarks', async () => {
    const { stdout } = await finished(runProcess('npm', ['ls', '--all', '--silent'], { cwd: home }));
    expect(stdout).not.toMatch(/vitest|typescript|tinybench|fast-check/);
    const files = await finished(runProcess('find', ['node_modules/uetcd', '-type', 'f'], { cwd: home }));
    expect(files.stdout).toContain('dist/index.d.ts');
    expect(files.stdout).toContain('LICENSE');
    expect(files.stdout).not.toMatch(/uetcd\/(src|test|native-bench)\//);
  });
});

/**
 * The project as whoever has just cloned and installed it has it: nothing is built yet. A copy also because packing builds,
 * and a build takes `dist` away, which other tests are using.
 */
function freshCheckout(parent: string): string {
  const checkout = join(parent, 'checkout');
  const filter = (source: string) => !['.git', 'dist', 'node_modules'].includes(basename(source));
  cpSync(projectDirectory, checkout, { recursive: true, filter });
  symlinkSync(join(projectDirectory, 'node_modules'), join(checkout, 'node_modules'));
  return checkout;
}

async function npm(cwd: string, ...commandArguments: string[]): Promise<string> {
  const { code, stdout, stderr } = await finished(runProcess('npm', commandArguments, { cwd }));
  if (code !== 0) throw new Error(`npm ${commandArguments.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function finished(running: RunningProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code } = await running.exited;
  return { code, ...running.output() };
}
