/** The server inside a program: the README's examples as they stand there, and that nothing is left behind. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from 'uetcd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, projectDirectory, runProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

/** A project of somebody else's, which has installed this one as it was built. */
const home = makeTemporary('uetcd-embedding');

beforeAll(() => {
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(projectDirectory, join(home, 'node_modules/uetcd'));
  symlinkSync(join(projectDirectory, 'node_modules/vitest'), join(home, 'node_modules/vitest'));
  writeFileSync(join(home, 'package.json'), '{"name":"somewhere-else","private":true,"type":"module"}');
});
afterAll(() => removeTemporary(home));

/** The code blocks of the README's chapter. */
function exampleWith(text: string): string {
  const readme = readFileSync(join(projectDirectory, 'README.md'), 'utf8');
  const chapter = /^## Embedding\n(.*?)^## /ms.exec(readme)?.[1] ?? '';
  const examples = [...chapter.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const found = examples.filter((code) => code.includes(text));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

test('a server whose store has failed says so once, and lets go of all when it is closed, as often as that is', async () => {
  writeFileSync(
    join(home, 'fault.mjs'),
    `import { workerData } from 'node:worker_threads';
     if (workerData?.historyEventsMax > 0) Date.now = () => { throw new Error('a fault'); };`,
  );
  const code = `
    import { startServer } from 'uetcd';
    const port = ${await freePort()};
    let tellFailed;
    const failed = new Promise((resolve) => (tellFailed = resolve));
    const onFatal = (error) => { console.log(error.message); tellFailed(); };
    const server = await startServer({ port, dataDir: 'failed', onFatal });
    const body = new URLSearchParams({ value: '1', ttl: '100' });
    // Answered just before the store looks at its clock again and fails, or cut off.
    const request = fetch(server.url + '/v2/keys/lease', { method: 'PUT', body }).catch(() => {});
    await failed;
    await Promise.all([server.close(), server.close()]);
    await request;
    const next = await startServer({ port, dataDir: 'failed' });
    await next.close();
    console.log('closed');`;
  const { exitCode, stdout, stderr } = await run('failed.js', code, '--import', './fault.mjs');
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toBe('the store worker has failed: a fault\nclosed\n');
});

test('a server whose store hangs gives up its requests when it is closed, and leaves nothing behind', async () => {
  writeFileSync(
    join(home, 'hang.mjs'),
    `import { workerData } from 'node:worker_threads';
     if (workerData?.historyEventsMax > 0) Date.now = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
  );
  const code = `
    import { startServer } from 'uetcd';
    const server = await startServer({ port: 0, inMemory: true });
    // Its answer leaves before the store looks at its clock, and hangs.
    await fetch(server.url + '/v2/keys/lease', { method: 'PUT', body: new URLSearchParams({ value: '1', ttl: '100' }) });
    const request = fetch(server.url + '/v2/keys/lease').catch(() => console.log('cut off'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await server.close();
    await request;
    console.log('left:', process.getActiveResourcesInfo().filter((name) => name === 'Timeout').join());
    process.exit(0);`;
  const { exitCode, stdout, stderr } = await run('hang.js', code, '--import', './hang.mjs');
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toBe('cut off\nleft: \n');
});

async function run(name: string, code: string, ...before: string[]) {
  writeFileSync(join(home, name), code);
  // What this test runs under is not meant for others.
  const { VITEST, NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env;
  const program = runProcess(process.execPath, [...before, name], { cwd: home, env });
  const { code: exitCode, signal } = await program.exited;
  return { exitCode, signal, ...program.output() };
}

describe('the example', () => {
  test('for vitest passes', async () => {
    const code = exampleWith("from 'vitest'");
    const passed = await run('example.test.js', code, 'node_modules/vitest/vitest.mjs', 'run', '--no-color');
    expect([passed.exitCode, passed.stdout]).toEqual([0, expect.stringMatching(/Tests +1 passed/)]);
    const failed = await run('example.test.js', code.replace('412', '201'), 'node_modules/vitest/vitest.mjs', 'run');
    expect(failed.exitCode).toBe(1);
  });

  test('for node:test passes', async () => {
    const code = exampleWith("from 'node:test'");
    const passed = await run('example.js', code, '--test');
    expect([passed.exitCode, passed.stdout]).toEqual([0, expect.stringMatching(/pass 1\b/)]);
    expect((await run('example.js', code.replace("'done')", "'else')"), '--test')).exitCode).toBe(1);
  });

  test('of a program says what the README says', async () => {
    const { exitCode, stdout, stderr } = await run('program.js', exampleWith('console.log(server.url)'));
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\n201 \{"action":"set","node":\{"key":"\/greeting","value":"hello"/,
    );
  });
});

test.each([
  [{ inmemory: true }, 'there is no option "inmemory"'],
  [{ maxInFlight: '5' }, "the option maxInFlight must be a whole number above 0, not '5'"],
  [{ eventHistory: 0 }, 'the option eventHistory must be a whole number above 0, not 0'],
  [{ inMemory: 'false' }, "the option inMemory must be true or false, not 'false'"],
  [
    { listenClientUrls: 'http://127.0.0.1:0' },
    /^the option listenClientUrls must be an array of one URL or more, not /,
  ],
  [{ listenClientUrls: [] }, 'the option listenClientUrls must be an array of one URL or more, not []'],
  [{ listenMetricsUrls: [1] }, 'the option listenMetricsUrls must be an array of URLs, not [ 1 ]'],
  [{ port: 70_000 }, 'the option port must be a port, or 0 for a free one, not 70000'],
  [{ cors: 5 }, 'the option cors must be a string, not 5'],
  [{ logLevel: 'loud' }, /^the option logLevel must be one of trace, .*, not 'loud'$/],
  [{ signal: 5 }, 'the option signal must be an AbortSignal, not 5'],
])('the options %j are refused in words', async (options, message) => {
  const start = () => startServer({ inMemory: true, port: 0, ...(options as object) });
  await expect(start()).rejects.toThrow(TypeError);
  await expect(start()).rejects.toThrow(message);
});

test('an option that is undefined has its default, and a host of IPv6 needs no brackets', async () => {
  const names = ['cors', 'frontEnds', 'listenMetricsUrls', 'logLevel', 'maxInFlight', 'name', 'storeHeapMb'];
  const unsaid = Object.fromEntries(names.map((name) => [name, undefined]));
  const server = await startServer({ ...unsaid, inMemory: true, port: 0, host: '::1' });
  const answer = await fetch(`${server.url}/v2/keys/a`, { method: 'PUT' });
  await server.close();
  expect([server.url, answer.status]).toEqual([expect.stringMatching(/^http:\/\/\[::1\]:\d+$/), 201]);
});

test('without a binary of uWebSockets.js for this Node.js a start says what to do, and no more', async () => {
  writeFileSync(
    join(home, 'no-binary.cjs'),
    `const Module = require('node:module');
     const load = Module._load;
     Module._load = (request, ...others) => {
       if (request.startsWith('@uwsjs/')) throw new Error('Cannot find module');
       return load(request, ...others);
     };`,
  );
  const code = `
    import { startServer } from 'uetcd';
    await startServer({ port: 0, inMemory: true }).catch((error) => console.log(error.message));`;
  const { exitCode, stdout, stderr } = await run('no-binary.js', code, '--require', './no-binary.cjs');
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^uWebSockets\.js cannot be loaded by Node\.js [\d.]+ on .* \(Error: Cannot find module\); .*anew.*\n$/,
  );
});

test('a closed server leaves its memory, whatever was connected to it', async () => {
  // Of one server the rings are 12 MB: of all but the last one, whose object lives yet, nothing is held.
  const code = `
    import { startServer } from 'uetcd';
    for (let count = 0; count < 8; count++) {
      const server = await startServer({ port: 0, inMemory: true, listenMetricsUrls: ['http://127.0.0.1:0'], maxConnections: 100 });
      await fetch(server.url + '/v2/keys/a', { method: 'PUT' }).then((answer) => answer.text());
      const watch = await fetch(server.url + '/v2/keys/a?wait=true&stream=true');
      watch.text().catch(() => {});
      await server.close();
    }
    for (let turns = 0; turns < 20; turns++) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(process.memoryUsage().arrayBuffers / 1024 / 1024 < 40);`;
  const { exitCode, stdout, stderr } = await run('memory.js', code, '--expose-gc');
  expect([exitCode, stderr, stdout]).toEqual([0, '', 'true\n']);
});

describe('after its servers have closed a process ends by itself', () => {
  const use = `
    import { startServer } from 'uetcd';
    const write = (server) => fetch(server.url + '/v2/keys/a', { method: 'PUT' });
    const tellLeft = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      // Pipes are stdout and stderr; sockets are those of the client that has been used here.
      const own = new Set(['PipeWrap', 'TTYWrap', 'TCPSocketWrap', 'Immediate']);
      console.log('left:', process.getActiveResourcesInfo().filter((name) => !own.has(name)).join());
    };`;
  test.each([
    [
      'several, in memory, with a watch and URLs for metrics',
      `const listenMetricsUrls = ['http://127.0.0.1:0'];
       const servers = [];
       for (let count = 0; count < 3; count++)
         servers.push(await startServer({ port: 0, inMemory: true, listenMetricsUrls }));
       const watch = await fetch(servers[0].url + '/v2/keys/a?wait=true');
       watch.text().catch(() => console.log('the watch was cut'));
       for (const server of servers) await write(server);
       await fetch(servers[1].metricsUrls[0] + '/metrics').then((answer) => answer.text());
       for (const server of servers) await server.close();`,
    ],
    [
      'a durable one',
      `const server = await startServer({ port: 0, dataDir: 'data', snapshotCount: 1 });
       await write(server);
       await server.close();`,
    ],
    [
      'one that could not start',
      `const first = await startServer({ port: 0, inMemory: true });
       const { port } = new URL(first.url);
       await startServer({ port, inMemory: true }).then(() => process.exit(3), () => {});
       await first.close();`,
    ],
    [
      'some whose start was given up, at whatever moment',
      `let given = 0;
       for (const afterMs of [-1, 0, 1, 5, 10, 20, 30, 40, 50, 60, 80, 100]) {
         for (const where of [{ inMemory: true }, { dataDir: 'given-up' }, { inMemory: true, frontEnds: 3 }]) {
           const reason = new Error('changed my mind');
           const controller = new AbortController();
           if (afterMs < 0) controller.abort(reason);
           const timer = setTimeout(() => controller.abort(reason), afterMs);
           const onFatal = (error) => console.log('fatal:', error.message);
           await startServer({ port: 0, signal: controller.signal, onFatal, ...where }).then(
             (server) => server.close(),
             (error) => error === reason ? given++ : console.log('rejected:', error),
           );
           clearTimeout(timer);
         }
       }
       if (given < 6) console.log('given up only', given);
       const whole = await startServer({ port: 0, dataDir: 'given-up' });
       await write(whole);
       await whole.close();`,
    ],
  ])('%s', async (_, code) => {
    const { exitCode, signal, stdout, stderr } = await run('leftovers.js', `${use}\n${code}\nawait tellLeft();`);
    expect([exitCode, signal, stderr]).toEqual([0, null, '']);
    expect(stdout.replace('the watch was cut\n', '')).toBe('left: \n');
  });
});
