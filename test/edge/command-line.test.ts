/** The built command line: exits, signals, what it says, and what it costs when nobody asks. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EventShape } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { freePort, runCommandLine, startCommandLine, stopProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

describe('a start that cannot be', () => {
  test.each([
    ['an unknown flag', ['--no-such-flag'], /unknown option/],
    ['a word too many', ['serve'], /argument/],
    ['a number that is none', ['--event-history', 'many'], /event-history/],
    ['a zero where none may be', ['--max-watchers', '0'], /max-watchers/],
    ['a heap in which nothing could be kept', ['--store-heap-mb', '15'], /store-heap-mb must be 16 MB or more/],
    ['a URL that is none', ['--listen-client-urls', 'localhost'], /listen-client-urls/],
    ['a scheme it does not speak', ['--listen-client-urls', 'ftp://127.0.0.1:1'], /listen-client-urls/],
    ['a log level that is none', ['--log-level', 'loud'], /log-level/],
    ['a flag without its value', ['--name'], /--name/],
    ['more front ends than there can be', ['--front-ends', '17'], /1 to 16/],
    ['forms that never find room', ['--max-body-bytes-in-flight', '1000'], /--max-request-bytes.*never be taken/],
    ['room for forms that no buffer has', ['--max-body-bytes-in-flight', '4294967297'], /4294967296 at most/],
    ['a history that no array holds', ['--event-history', '4294967296'], /4294967295 at most/],
  ])('%s: one line on stderr, and not zero', async (_, flags, said) => {
    const run = runCommandLine(flags);
    const { code } = await run.exited;
    const { stderr } = run.output();
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(said);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test.skipIf(process.platform !== 'linux')(
    'a directory where none can be made: one line that names it',
    async () => {
      const run = runCommandLine(['--data-dir', '/proc/none/data', '--listen-client-urls', 'http://127.0.0.1:0']);
      // Only if it is at it for ever, and then no other signal would end it.
      const timer = setTimeout(() => run.child.kill('SIGKILL'), 20_000);
      const { code } = await run.exited;
      clearTimeout(timer);
      expect(code).toBe(1);
      expect(run.output().stderr).toContain('/proc/none');
      expect(run.output().stderr.trimEnd().split('\n')).toHaveLength(1);
    },
    30_000,
  );

  test('a port in use: one line that names it, and not zero', async () => {
    const first = await startCommandLine();
    const second = runCommandLine(['--listen-client-urls', first.url, '--in-memory']);
    const { code } = await second.exited;
    expect(code).toBeGreaterThan(0);
    expect(second.output().stderr).toContain(new URL(first.url).port);
    expect(second.output().stderr.trimEnd().split('\n')).toHaveLength(1);
    await first.stop();
  });

  test('a variable of the environment counts, and the flag wins over it', async () => {
    const named = await startCommandLine([], { ETCD_NAME: 'from-environment' });
    const nameOf = async (url: string) =>
      (await (await fetch(`${url}/v2/members`)).json()) as { members: { name: string }[] };
    expect((await nameOf(named.url)).members[0]?.name).toBe('from-environment');
    await named.stop();
    const flagged = await startCommandLine(['--name', 'from-flag'], { ETCD_NAME: 'from-environment' });
    expect((await nameOf(flagged.url)).members[0]?.name).toBe('from-flag');
    await flagged.stop();
    const bad = runCommandLine([], { ETCD_EVENT_HISTORY: 'many' });
    expect((await bad.exited).code).toBeGreaterThan(0);
  });

  test.each([
    ['in a variable that says false', [], 'false', true],
    ['in a variable that says true', [], 'true', false],
    ['by a flag without a word', ['--in-memory'], 'false', false],
    ['by a flag that says false', ['--in-memory=false'], 'true', true],
  ] as const)('in memory or not, %s', async (_, flags, variable, isOnDisk) => {
    const parent = makeTemporary('uetcd-claims');
    const dataDir = join(parent, 'data');
    const server = await startCommandLine(['--data-dir', dataDir, ...flags], { ETCD_IN_MEMORY: variable });
    expect(existsSync(dataDir)).toBe(isOnDisk);
    await server.stop();
    removeTemporary(parent);
  });

  test('variables, files and metrics URLs that are empty say nothing, as with etcd', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const flags = ['--data-dir', '', '--cert-file=', '--trusted-ca-file=', '--listen-metrics-urls='];
    const variables = { ETCD_CORS: '', ETCD_CLIENT_CERT_AUTH: '', ETCD_SNAPSHOT_COUNT: '', ETCD_KEY_FILE: '' };
    const run = runCommandLine(['--in-memory', '--listen-client-urls', url, ...flags], variables);
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('ready to serve');
    expect(run.output().stdout).not.toContain('certificates');
    await stopProcess(run);
  });

  test.each(['perhaps', 'constructor'])('a claim that is neither is refused: %s', async (word) => {
    const run = runCommandLine([], { ETCD_IN_MEMORY: word });
    expect((await run.exited).code).toBe(1);
    expect(run.output().stderr).toContain('true or false');
  });

  test.each(['--help', '--version'])('%s says it on stdout and exits with 0', async (flag) => {
    const run = runCommandLine([flag]);
    expect((await run.exited).code).toBe(0);
    expect(run.output().stdout).not.toBe('');
    expect(run.output().stderr).toBe('');
  });
});

describe('addresses', () => {
  test('several are served, IPv6 too, and one line says when it is ready and where', async () => {
    const urls = [`http://127.0.0.1:${await freePort()}`, `http://[::1]:${await freePort()}`];
    const run = runCommandLine(['--in-memory', '--listen-client-urls', urls.join(',')]);
    for (const url of urls) {
      await expect
        .poll(() => fetch(`${url}/version`).then((answer) => answer.status, String), { timeout: 10_000 })
        .toBe(200);
    }
    const ready = run.output().stdout.trimEnd().split('\n');
    expect(ready).toHaveLength(1);
    for (const url of urls) expect(ready[0]).toContain(url);
    await stopProcess(run);
  });

  test('an advertised address is what members and machines tell', async () => {
    const server = await startCommandLine([
      '--advertise-client-urls',
      'http://example.com:2379,http://example.com:4001',
    ]);
    const machines = await (await fetch(`${server.url}/v2/machines`)).text();
    expect(machines).toBe('http://example.com:2379, http://example.com:4001');
    await server.stop();
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s closes watchers and exits with 0, without waiting for them',
    async (signal) => {
      const server = await startCommandLine();
      const connections = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(server.url)));
      for (const connection of connections) await connection.write(requestBytes('GET', '/v2/keys/a?wait=true'));
      for (const connection of connections) await connection.until(() => connection.received.includes('\r\n\r\n'));
      server.child.kill(signal);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      expect(server.output().stdout).not.toContain('unanswered');
      for (const connection of connections) {
        expect(await connection.until(() => connection.isClosed)).toBe(true);
        // The half object is never completed: a client must see that its watch was cut, not answered.
        expect(connection.received).not.toContain('\r\n0\r\n');
      }
      expect(server.output().stderr).toBe('');
    },
  );

  test('SIGTERM lets an answer that is under way arrive whole', async () => {
    const server = await startCommandLine();
    const api = new ApiClient(server.url);
    const value = 'x'.repeat(60_000);
    for (let count = 0; count < 200; count++) await api.put(`/listing/${count}`, `value=${value}`);
    const answer = await fetch(`${server.url}/v2/keys/listing?recursive=true`); // Resolves with the headers.
    server.child.kill('SIGTERM');
    expect(((await answer.json()) as EventShape).node.nodes).toHaveLength(200);
    expect((await server.exited).code).toBe(0);
    await api.close();
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s to a server that starts ends it, with 0', async (signal) => {
    const directory = makeTemporary('uetcd-early-signal');
    const early = join(directory, 'early.mjs');
    // As soon as somebody listens: while a worker loads.
    const text = `process.on('newListener', (name) => {
      if (name === '${signal}') process.nextTick(() => process.kill(process.pid, name));
    });`;
    writeFileSync(early, text);
    const dataDir = join(directory, 'data');
    const flags = ['--data-dir', dataDir, '--listen-client-urls', `http://127.0.0.1:${await freePort()}`];
    const run = runCommandLine(flags, { NODE_OPTIONS: `--import ${early}` });
    expect(await run.exited).toEqual({ code: 0, signal: null });
    expect(run.output().stdout).not.toContain('ready to serve');
    expect(run.output().stderr).toBe('');
    removeTemporary(directory);
  });

  test.skipIf(process.platform === 'win32')('SIGUSR1 opens no debugger', async () => {
    const server = await startCommandLine();
    server.child.kill('SIGUSR1');
    await sleep(500);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.stop();
    expect(server.output().stderr).toBe('');
  });

  test('a second signal exits at once', async () => {
    const server = await startCommandLine();
    const connection = await RawConnection.open(server.url);
    await connection.write(requestBytes('PUT', '/v2/keys/a', 'value=1').slice(0, -1));
    // What was written before has been read when others have been answered since.
    for (let count = 0; count < 2; count++) await (await fetch(`${server.url}/version`)).text();
    server.child.kill('SIGTERM');
    // Another one: two of a kind can become one on their way.
    server.child.kill('SIGINT');
    // 0 is what the first one would have come to, with that line in the log.
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.output().stdout).not.toContain('unanswered');
    connection.destroy();
  });
});

describe('a store worker', () => {
  /** A fault of our own making, since nothing that a client sends makes the store fail: its clock breaks with the first lease. */
  const startWithFault = async (fault: string) => {
    const directory = makeTemporary('uetcd-fault');
    const file = join(directory, 'fault.mjs');
    const text = `import { workerData } from 'node:worker_threads';
      if (workerData?.historyEventsMax > 0) Date.now = () => { ${fault} };`;
    writeFileSync(file, text);
    const server = await startCommandLine(['--in-memory'], { NODE_OPTIONS: `--import ${file}` });
    removeTemporary(directory);
    const body = new URLSearchParams({ value: '1', ttl: '100' });
    await fetch(`${server.url}/v2/keys/lease`, { method: 'PUT', body }).catch(() => {});
    return server;
  };

  test('that crashes takes the process with it, with one clear message and not zero', {
    timeout: 120_000,
  }, async () => {
    const server = await startWithFault(`throw new Error('a fault in the store');`);
    expect(await server.exited).toEqual({ code: 70, signal: null });
    expect(server.output().stderr).toBe('uetcd: the store worker has failed: a fault in the store\n');
  });

  test('that is at something for ever does not hold up a stop for as long', { timeout: 120_000 }, async () => {
    const server = await startWithFault('for (;;);');
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});

describe.skipIf(process.platform !== 'linux')('an idle server', () => {
  test('uses no measurable CPU, with watchers and keys that live', { timeout: 60_000 }, async () => {
    const server = await startCommandLine();
    const api = new ApiClient(server.url);
    const watches = await Promise.all(Array.from({ length: 20 }, () => api.watch('/a?wait=true')));
    for (let count = 0; count < 100; count++) await api.put(`/lives/${count}`, 'value=1&ttl=3600');
    await sleep(1_500); // Until whatever is compiled or collected after the start is done.
    const before = cpuTicks(server.pid);
    await sleep(4_000);
    const usedTicks = cpuTicks(server.pid) - before;
    console.log(`idle server: ${usedTicks} ticks of 10 ms in 4 s`);
    // Two hundredths of one core would be 8 ticks; a thread that polls takes 400.
    expect(usedTicks).toBeLessThanOrEqual(8);
    for (const watch of watches) await watch.close();
    await api.close();
    await server.stop();
  });
});

/** User and system time of a process with all its threads, in the kernel's ticks. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
