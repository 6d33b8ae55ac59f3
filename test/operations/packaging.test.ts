/** The unit for systemd and the Dockerfile, as far as they can be tried without either. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtEntry, isInstalled, projectDirectory, runProcess, startCommandLine } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

const unit = readFileSync(join(projectDirectory, 'packaging/uetcd.service'), 'utf8');
const dockerfile = readFileSync(join(projectDirectory, 'packaging/Dockerfile'), 'utf8');
const manifest = JSON.parse(readFileSync(join(projectDirectory, 'package.json'), 'utf8'));

describe('the unit', () => {
  const hasSystemd = isInstalled('systemd-analyze');
  if (!hasSystemd) console.log('systemd-analyze is not installed: the unit is not verified');

  test.skipIf(!hasSystemd)('is understood by systemd to the last line', () => {
    const directory = makeTemporary('uetcd-unit');
    const file = join(directory, 'uetcd.service');
    // The command is installed nowhere; one that is there stands in for it.
    writeFileSync(file, unit.replace('ExecStart=uetcd', `ExecStart=${process.execPath}`));
    const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
    removeTemporary(directory);
  });

  test('starts the command that the package installs, and gives it no flag or variable that it does not know', async () => {
    expect(manifest.bin).toHaveProperty(/^ExecStart=(\S+)$/m.exec(unit)?.[1] ?? 'nothing');
    await expectKnownVariables(unit);
  });

  test('waits longer for the end than the server takes', () => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(5);
  });
});

describe('the Dockerfile', () => {
  test('copies what is there, and nothing that its ignore file keeps out', () => {
    const ignored = readFileSync(join(projectDirectory, 'packaging/Dockerfile.dockerignore'), 'utf8');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    expect(copied).toContain('package-lock.json');
    for (const source of copied) {
      expect(existsSync(join(projectDirectory, source)), source).toBe(true);
      expect(ignored.split('\n')).toContain(`!${source}`);
    }
  });

  test('builds on a Node.js that the package supports, and does not serve as root', async () => {
    const versions = [...dockerfile.matchAll(/^FROM node:(\d+)-/gm)].map(([, major]) => major);
    expect(new Set(versions)).toEqual(new Set(['20']));
    expect(manifest.engines.node).toContain('^20.');
    expect(dockerfile.match(/^USER (.+)$/m)?.[1]).toBe('1000:1000');
    await expectKnownVariables(dockerfile);
  });

  test('serves from what its last stage holds', () => {
    const copied = [...dockerfile.matchAll(/^COPY --from=build \/build\/(\S+) /gm)].map(([, name]) => name);
    expect(copied).toEqual(['package.json', 'node_modules', 'dist']);
    expect(dockerfile).toContain('ENTRYPOINT ["node", "dist/main.js"]');
    expect(builtEntry.endsWith('dist/main.js')).toBe(true);
  });

  test('calls a server healthy that is, and no other', async () => {
    const command = JSON.parse(/^ {2}CMD (\[.+\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
    expect(command[0]).toBe('node');
    const check = async (url: string, variables: Readonly<Record<string, string>> = {}) => {
      const env = { ...process.env, ETCD_LISTEN_CLIENT_URLS: `${url},http://127.0.0.1:1`, ...variables };
      return (await runProcess(process.execPath, command.slice(1), { env }).exited).code;
    };
    const server = await startCommandLine();
    expect(await check(server.url)).toBe(0);
    expect(await check('https://127.0.0.1:1', { ETCD_LISTEN_METRICS_URLS: server.url })).toBe(0);
    expect(await check('', { ETCD_LISTEN_CLIENT_URLS: 'https://127.0.0.1:1' })).toBe(1);
    await server.stop();
    expect(await check(server.url)).toBe(1);
    const failing = createServer((_, response) => response.writeHead(503).end('{"health":"false"}'));
    await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve));
    expect(await check(`http://127.0.0.1:${(failing.address() as AddressInfo).port}`)).toBe(1);
    failing.close();
  });
});

/** Every ETCD_ variable in a text is one that `--help` tells of. */
async function expectKnownVariables(text: string): Promise<void> {
  const help = runProcess(process.execPath, [builtEntry, '--help']);
  await help.exited;
  const variables = text.match(/\bETCD_[A-Z_]+/g) ?? [];
  expect(variables.length).toBeGreaterThan(0);
  for (const variable of variables) expect(help.output().stdout).toContain(variable);
}
