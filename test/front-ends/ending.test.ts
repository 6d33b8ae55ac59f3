/** How a process with several front ends ends: by a signal, by its own will, by a fault in one of them. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type EventShape, eventOf } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import {
  builtEntry,
  projectDirectory,
  type RunningProcess,
  runProcess,
  startCommandLine,
  startInProcess,
} from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';
import { FRONT_ENDS, flags } from './three-front-ends.ts';

const WAIT_MS_MAX = 60_000;

describe('a signal', () => {
  test('closes the watchers of all front ends, and is followed by exit code 0', async () => {
    const server = await startCommandLine(flags);
    const watches = await openWatches(server.url, 4 * FRONT_ENDS);
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    for (const watch of watches) {
      expect(await watch.until(() => watch.isClosed, WAIT_MS_MAX)).toBe(true);
      expect(watch.received).not.toContain('\r\n0\r\n');
    }
    const { stdout, stderr } = server.output();
    expect(stderr).toBe('');
    expect(stdout).not.toContain('unanswered');
  });

  test('lets the answers arrive whole that are under way through each front end', async () => {
    const server = await startCommandLine(flags);
    const api = new ApiClient(server.url);
    const value = 'x'.repeat(60_000);
    for (let count = 0; count < 200; count++) await api.put(`/listing/${count}`, `value=${value}`);
    const listing = `${server.url}/v2/keys/listing?recursive=true`;
    const answers = await Promise.all(Array.from({ length: 2 * FRONT_ENDS }, () => fetch(listing)));
    server.child.kill('SIGTERM');
    for (const answer of answers) expect(((await answer.json()) as EventShape).node.nodes).toHaveLength(200);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await api.close();
  });

  test('does not wait for ever for requests whose rest does not come', { timeout: WAIT_MS_MAX }, async () => {
    const server = await startCommandLine(flags);
    const connections = await beginRequests(server.url);
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.output().stdout).toContain('unanswered');
    for (const connection of connections) connection.destroy();
  });

  test('a second one ends the process at once, with code 1', async () => {
    const server = await startCommandLine(flags);
    const connections = await beginRequests(server.url);
    server.child.kill('SIGTERM');
    const connecting = () => RawConnection.open(server.url).then((connection) => connection.destroy(), String);
    await expect.poll(connecting, { timeout: WAIT_MS_MAX, interval: 10 }).toContain('ECONNREFUSED');
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.output().stderr).toBe('');
    for (const connection of connections) connection.destroy();
  });
});

describe('a server in a program', () => {
  test('that was closed leaves nothing behind: the program ends by itself', async () => {
    const program = runProgram(`
      const watch = await connectedWatch();
      await server.close();
      watch.destroy();
    `);
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.output()).toEqual({ stdout: '', stderr: '' });
  });

  test('that was not lets the program end with its own exit code', async () => {
    const program = runProgram(`
      await connectedWatch();
      process.exit(5);
    `);
    expect(await program.exited).toEqual({ code: 5, signal: null });
    expect(program.output().stderr).toBe('');
  });

  test('and lets an exception of the program be its end', async () => {
    const program = runProgram(`
      await connectedWatch();
      setImmediate(() => { throw new Error('of the program'); });
    `);
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.output().stderr).toContain('of the program');
    expect(program.output().stderr).not.toContain('open handles');
  });

  test('can be started and closed again and again', async () => {
    for (let round = 0; round < 5; round++) {
      const server = await startInProcess({ frontEnds: FRONT_ENDS });
      const api = new ApiClient(server.url, FRONT_ENDS);
      for (let count = 0; count < FRONT_ENDS; count++) await api.put('/k', `value=${count}`);
      const watches = await openWatches(server.url, FRONT_ENDS);
      expect(eventOf((await api.get('/k')).text).node.value).toBe(String(FRONT_ENDS - 1));
      await server.stop();
      for (const watch of watches) expect(await watch.until(() => watch.isClosed, WAIT_MS_MAX)).toBe(true);
      await api.close();
    }
    expect(process.listeners('exit').filter(({ name }) => name === 'closeRunning')).toEqual([]);
  });
});

describe('a front end that cannot go on', () => {
  test.each([
    ['throws', 'throw', /front end 1 has failed: a fault in the thread/],
    ['lets a promise be rejected', 'reject', /front end 1 has failed: a fault in the thread/],
    ['ends', 'exit', /front end 1 has failed: it has ended with code 3/],
  ])('because its thread %s takes the process with it, with one line and code 70', async (_, fault, said) => {
    const faulty = await startFaulty(fault);
    const watches = await openWatches(faulty.url, 2 * FRONT_ENDS);
    faulty.pullTrigger();
    expect(await faulty.run.exited).toEqual({ code: 70, signal: null });
    const { stderr } = faulty.run.output();
    expect(stderr).toMatch(said);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    for (const watch of watches) expect(await watch.until(() => watch.isClosed, WAIT_MS_MAX)).toBe(true);
    faulty.remove();
  });

  test('from the start keeps the server from serving, with one line and code 1', async () => {
    const run = runFaulty({ UETCD_TEST_FAULT: 'at once' });
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.output().stderr).toBe('uetcd: a fault at once\n');
    expect(run.output().stdout).not.toContain('ready to serve');
  });
});

/** Watches that are open, one connection each, so that each front end has its share. */
async function openWatches(url: string, count: number): Promise<RawConnection[]> {
  const watches: RawConnection[] = [];
  for (let opened = 0; opened < count; opened++) {
    const watch = await RawConnection.open(url);
    await watch.write(requestBytes('GET', '/v2/keys/a?wait=true'));
    expect(await watch.until(() => watch.received.endsWith('{\r\n') || watch.received.endsWith('{'), WAIT_MS_MAX)).toBe(
      true,
    );
    watches.push(watch);
  }
  return watches;
}

/** A request of each front end whose last byte is missing. */
async function beginRequests(url: string): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  for (let count = 0; count < FRONT_ENDS; count++) {
    const connection = await RawConnection.open(url);
    await connection.write(requestBytes('PUT', '/v2/keys/a', 'value=1').slice(0, -1));
    connections.push(connection);
  }
  // A later connection of each front end is answered, so the earlier ones have been seen.
  const later = new ApiClient(url, FRONT_ENDS);
  for (let count = 0; count < FRONT_ENDS; count++) await later.fetch('/version');
  await later.close();
  return connections;
}

/** A program that imports the built package and has started `server`; with `connectedWatch` it has clients. */
function runProgram(body: string): RunningProcess {
  const program = `
    import { connect } from 'node:net';
    import { startServer } from ${JSON.stringify(pathToFileURL(join(projectDirectory, 'dist/index.js')))};
    const server = await startServer({ port: 0, inMemory: true, frontEnds: ${FRONT_ENDS} });
    const connectedWatch = async () => {
      let socket;
      for (let count = 0; count < ${2 * FRONT_ENDS}; count++) {
        socket = connect(Number(new URL(server.url).port), '127.0.0.1').unref();
        socket.write('GET /v2/keys/a?wait=true HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
        socket.on('error', () => {});
        await new Promise((resolve) => socket.once('data', resolve));
      }
      return socket;
    };
    ${body}
  `;
  const path = join(makeTemporary('uetcd-program'), 'program.mjs');
  writeFileSync(path, program);
  const run = runProcess(process.execPath, [path]);
  void run.exited.finally(() => removeTemporary(dirname(path)));
  return run;
}

/** Loaded into every thread; does harm in one. */
const fault = `
  import { existsSync } from 'node:fs';
  import { workerData } from 'node:worker_threads';
  const { UETCD_TEST_FAULT: fault, UETCD_TEST_TRIGGER: trigger } = process.env;
  const act = () => {
    if (fault === 'exit') process.exit(3);
    if (fault === 'reject') void Promise.reject(new Error('a fault in the thread'));
    else throw new Error('a fault in the thread');
  };
  if (workerData?.number === 1) {
    if (fault === 'at once') throw new Error('a fault at once');
    const look = setInterval(() => {
      if (!existsSync(trigger)) return;
      clearInterval(look);
      act();
    }, 20);
  }
`;

function runFaulty(environment: Readonly<Record<string, string>>): RunningProcess {
  const preload = `data:text/javascript,${encodeURIComponent(fault)}`;
  const ownFlags = ['--in-memory', '--listen-client-urls', 'http://127.0.0.1:0', ...flags];
  return runProcess(process.execPath, ['--import', preload, builtEntry, ...ownFlags], {
    env: { ...process.env, ...environment },
  });
}

async function startFaulty(kind: string) {
  const directory = makeTemporary('uetcd-fault');
  const trigger = join(directory, 'trigger');
  const run = runFaulty({ UETCD_TEST_FAULT: kind, UETCD_TEST_TRIGGER: trigger });
  await expect.poll(() => run.output().stdout, { timeout: WAIT_MS_MAX }).toContain('ready to serve');
  expect(existsSync(trigger)).toBe(false);
  return {
    run,
    url: JSON.parse(run.output().stdout.split('\n')[0] as string).urls[0] as string,
    pullTrigger: () => writeFileSync(trigger, ''),
    remove: () => removeTemporary(directory),
  };
}
