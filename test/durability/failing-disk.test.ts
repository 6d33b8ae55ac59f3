/**
 * A disk that fails under a running server: full, broken, or gone. The full one is a small file system of its own, which
 * only root may mount; the broken one is a library between the server and the kernel.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type EventShape, eventOf } from '../support/api-test.ts';
import { type Answer, ApiClient } from '../support/http.ts';
import { removeTemporary } from '../support/temporary-directory.ts';
import { type DurableServer, durableTest, logLines, runOn, snapshotsIn, startOn } from './durable-server.ts';
import { canBeFaulty, FaultyDisk } from './faulty-disk.ts';
import { leavesOf } from './ledger.ts';
import { canMount, SmallDisk } from './small-disk.ts';

const MB = 1024 * 1024;
const ERROR_LEVEL = 50;

const mayMount = canMount();
if (!mayMount) console.log('tests of a full disk skipped: this user may not mount a file system (root may)');

const diskTest = durableTest.extend<{ disk: SmallDisk }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which other fixtures are needed.
  disk: async ({}, use) => {
    const disk = SmallDisk.mount();
    await use(disk);
    disk.unmount();
  },
});

describe.skipIf(!mayMount)('a disk that is full', () => {
  diskTest('refuses writes with error 300, and takes back what it could not keep', async ({ disk }) => {
    const directory = join(disk.path, 'data');
    const server = await startOn(directory);
    const api = new ApiClient(server.url);
    const stream = await api.watch('/?wait=true&recursive=true&stream=true');
    const longPoll = await api.watch('/?wait=true&recursive=true&waitIndex=1000000');
    const elsewhere = await api.watch('/elsewhere?wait=true');
    const writers = await untilRefused(server);

    // What readers saw while it happened was true.
    expect(writers.seenBeyondAcknowledged).toEqual([]);
    expect(writers.acknowledged.size).toBeGreaterThan(10);
    for (const { status, headers, text } of writers.refusals) {
      expect(status).toBe(500);
      expect(headers['content-type']).toBe('application/json');
      expect(JSON.parse(text)).toEqual({
        errorCode: 300,
        message: 'Raft Internal Error',
        cause: expect.stringMatching(/ENOSPC/),
        index: expect.any(Number),
      });
    }

    // It says so.
    const health = await api.fetch('/health');
    expect(health.status).toBe(503);
    expect(health.text).toContain('"health":"false"');
    const errors = logLines(server).filter(({ level }) => level >= ERROR_LEVEL);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.msg).toMatch(/ENOSPC/);

    // Reads go on, and show what was acknowledged and nothing else.
    expect(await valuesIn(api)).toEqual(writers.acknowledged);
    const index = Number((await api.get('/')).headers['x-etcd-index']);
    expect(index).toBe(writers.highestIndex);

    // All writes are refused, whatever they are; a refused compare-and-swap is one too.
    for (const answer of [
      await api.put('/new', 'value=1'),
      await api.post('/new', 'value=1'),
      await api.delete('/value/0?recursive=true'),
      await api.put('/none?prevExist=true', 'value=1'),
    ])
      expect([answer.status, JSON.parse(answer.text).errorCode]).toEqual([500, 300]);

    // Whoever watched what was taken back has lost its connection; the events before came.
    expect(await stream.until(() => stream.ended)).toBe(true);
    expect(indexesOf(stream.lines)).toEqual(Array.from({ length: index - 1 }, (_, position) => position + 2));
    expect(longPoll.lines).toEqual([]);
    expect(elsewhere.lines).toEqual([]);

    // With room again, a restart is enough.
    await Promise.all([stream, longPoll, elsewhere].map((watch) => watch.close()));
    await api.close();
    await server.stop();
    disk.resize(64);
    const next = await startOn(directory);
    const nextApi = new ApiClient(next.url);
    const values = await valuesIn(nextApi);
    for (const [key, value] of writers.acknowledged) {
      // The one write that was under way may have reached the disk after all.
      if (values.get(key) !== value) expect([value, writers.attempted.get(key)]).toContain(values.get(key));
    }
    expect((await nextApi.put('/value/0/0', 'value=again')).status).toBeLessThan(300);
    expect((await nextApi.fetch('/health')).status).toBe(200);
    await nextApi.close();
    await next.stop();
  });

  diskTest('survives a kill after that too', async ({ disk }) => {
    const directory = join(disk.path, 'data');
    const server = await startOn(directory);
    const writers = await untilRefused(server);
    await server.kill();
    disk.resize(64);
    const next = await startOn(directory);
    const api = new ApiClient(next.url);
    const values = await valuesIn(api);
    for (const [key, value] of writers.acknowledged) {
      expect([value, writers.attempted.get(key)]).toContain(values.get(key));
    }
    await api.close();
    await next.stop();
  });

  diskTest('lets no server start, and says why in one line', async ({ disk }) => {
    const directory = join(disk.path, 'data');
    mkdirSync(directory);
    fill(join(disk.path, 'filling'));
    const run = runOn(directory);
    const { code } = await run.exited;
    expect(code).toBeGreaterThan(0);
    expect(run.output().stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.output().stderr).toMatch(/ENOSPC|no space/);
  });

  diskTest('with no room for a snapshot costs no write: it is made when there is room', async ({ disk }) => {
    const directory = join(disk.path, 'data');
    const server = await startOn(directory, { flags: ['--snapshot-count', '50'] });
    const api = new ApiClient(server.url);
    const value = 'x'.repeat(45_000);
    const fillOnce = async (round: number) => {
      for (let count = 0; count < 50; count++) {
        expect((await api.put(`/k${count}`, `value=${round}${value}`)).status).toBeLessThan(300);
      }
    };
    await fillOnce(0);
    const errors = () => logLines(server).filter(({ level }) => level >= ERROR_LEVEL);
    await expect.poll(() => errors().length, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(errors()[0]?.msg).toMatch(/no snapshot could be made/);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(snapshotsIn(directory)).toEqual([]);
    expect((await api.put('/a', 'value=1')).status).toBe(201);
    expect((await api.fetch('/health')).status).toBe(200);
    disk.resize(64);
    await fillOnce(1);
    await expect.poll(() => snapshotsIn(directory).length, { timeout: 30_000 }).toBe(1);
    expect(errors()).toHaveLength(1);
    await api.close();
    await server.kill();
    const next = await startOn(directory);
    const nextApi = new ApiClient(next.url);
    expect(eventOf((await nextApi.get('/k49')).text).node.value).toBe(`1${value}`);
    await nextApi.close();
    await next.stop();
  });
});

const mayBeFaulty = canBeFaulty();
if (!mayBeFaulty) console.log('tests of a broken disk skipped: no C compiler (or not Linux)');

describe.skipIf(!mayBeFaulty).each(['fdatasync', 'write'] as const)('a disk whose %s fails with EIO', (call) => {
  durableTest('is not trusted again before a restart, whatever it says later', async ({ directory }) => {
    const disk = new FaultyDisk(dirname(directory));
    const server = await startOn(directory, { environment: disk.environment });
    const api = new ApiClient(server.url);
    expect((await api.put('/kept', 'value=1')).status).toBe(201);
    const stream = await api.watch('/?wait=true&recursive=true&stream=true');

    disk.fail(call);
    const refused = await api.put('/kept', 'value=2');
    expect(refused.status).toBe(500);
    const error = { errorCode: 300, message: 'Raft Internal Error', cause: expect.stringMatching(/EIO/), index: 2 };
    expect(JSON.parse(refused.text)).toEqual(error);
    const node = { key: '/kept', value: '1', modifiedIndex: 2, createdIndex: 2 };
    expect(eventOf((await api.get('/kept')).text).node).toEqual(node);
    expect((await api.fetch('/health')).status).toBe(503);
    expect(await stream.until(() => stream.ended)).toBe(true);
    expect(stream.lines).toEqual([]);
    const errors = logLines(server).filter(({ level }) => level >= ERROR_LEVEL);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.msg).toMatch(/EIO/);

    // What the kernel has thrown away it does not tell again: a later sync that succeeds proves nothing.
    disk.recover();
    expect(JSON.parse((await api.put('/kept', 'value=3')).text)).toEqual(error);
    expect((await api.fetch('/health')).status).toBe(503);
    await stream.close();
    await api.close();
    await server.kill();

    const next = await startOn(directory);
    const nextApi = new ApiClient(next.url);
    // The write that was under way may have reached the disk after all; the one refused afterwards was never written.
    expect(['1', '2']).toContain(eventOf((await nextApi.get('/kept')).text).node.value);
    expect((await nextApi.put('/kept', 'value=4')).status).toBe(200);
    expect((await nextApi.fetch('/health')).status).toBe(200);
    await nextApi.close();
    await next.stop();
  });
});

describe.skipIf(process.platform === 'win32')('a directory that goes away', () => {
  durableTest('is noticed with the next write ten milliseconds after it was removed', async ({ directory }) => {
    const server = await startOn(directory);
    const api = new ApiClient(server.url);
    await api.put('/a', 'value=1');
    removeTemporary(directory);
    await sleep(20);
    const refused = await api.put('/a', 'value=2');
    expect(refused.status).toBe(500);
    expect(JSON.parse(refused.text)).toMatchObject({
      errorCode: 300,
      cause: expect.stringMatching(/deleted/),
      index: 2,
    });
    const read = await api.get('/a');
    expect(eventOf(read.text).node).toEqual({ key: '/a', value: '1', modifiedIndex: 2, createdIndex: 2 });
    expect(read.headers['x-etcd-index']).toBe('2');
    expect((await api.fetch('/health')).status).toBe(503);
    expect(logLines(server).filter(({ level }) => level >= ERROR_LEVEL)).toHaveLength(1);
    await api.close();
    await server.stop();
    expect((await server.exited).code).toBe(0);
  });

  durableTest('and comes back has all that was acknowledged', async ({ directory }) => {
    const flags = ['--snapshot-count', '20'];
    const server = await startOn(directory, { flags });
    const api = new ApiClient(server.url);
    await api.put('/k0', 'value=x');
    renameSync(directory, `${directory}-moved`);
    // The open segment goes on; the next one cannot be made.
    let acknowledged = 0;
    let refused: Answer | undefined;
    for (let count = 1; count < 100 && refused === undefined; count++) {
      const answer = await api.put(`/k${count}`, 'value=x');
      if (answer.status === 201) acknowledged = count;
      else refused = answer;
    }
    expect(refused?.status).toBe(500);
    expect(existsSync(directory)).toBe(false);
    const seen = leavesOf(eventOf((await api.get('/')).text).node).size;
    expect(seen).toBe(acknowledged + 1);
    await api.close();
    await server.kill();
    renameSync(`${directory}-moved`, directory);
    const next = await startOn(directory, { flags });
    const nextApi = new ApiClient(next.url);
    const leaves = leavesOf(eventOf((await nextApi.get('/')).text).node);
    for (let count = 0; count <= acknowledged; count++) expect(leaves.has(`/k${count}`)).toBe(true);
    await nextApi.close();
    await next.stop();
  });
});

interface Outcome {
  /** By key, its last value that was acknowledged. */
  readonly acknowledged: Map<string, string>;
  /** By key, the last value that was tried. */
  readonly attempted: Map<string, string>;
  readonly refusals: Answer[];
  readonly seenBeyondAcknowledged: string[];
  highestIndex: number;
}

/** Several clients set keys, and others read them, until each writer has been refused twice. */
async function untilRefused({ url }: DurableServer): Promise<Outcome> {
  const outcome: Outcome = {
    acknowledged: new Map(),
    attempted: new Map(),
    refusals: [],
    seenBeyondAcknowledged: [],
    highestIndex: 0,
  };
  let writing = 8;
  const seen: [string, string][] = [];
  const everAcknowledged = new Set<string>();
  const write = async (writer: number) => {
    const api = new ApiClient(url);
    const filling = 'x'.repeat(5_000);
    for (let count = 0, refusals = 0; refusals < 2; count++) {
      const key = `/value/${writer}/${count % 3}`;
      const value = `${count}-${filling}`;
      outcome.attempted.set(key, value);
      const answer = await api.put(key, `value=${value}`);
      if (answer.status >= 300) {
        outcome.refusals.push(answer);
        refusals++;
        continue;
      }
      outcome.acknowledged.set(key, value);
      everAcknowledged.add(`${key}=${value}`);
      outcome.highestIndex = Math.max(outcome.highestIndex, eventOf(answer.text).node.modifiedIndex ?? 0);
    }
    writing--;
    await api.close();
  };
  const read = async () => {
    const api = new ApiClient(url);
    while (writing > 0) {
      const answer = await api.get('/value?recursive=true');
      if (answer.status !== 200) continue;
      for (const [key, { value = '' }] of leavesOf(eventOf(answer.text).node)) seen.push([key, value]);
    }
    await api.close();
  };
  await Promise.all([...Array.from({ length: writing }, (_, writer) => write(writer)), read(), read()]);
  for (const [key, value] of seen) {
    if (!everAcknowledged.has(`${key}=${value}`)) outcome.seenBeyondAcknowledged.push(`${key}=${value.slice(0, 10)}`);
  }
  return outcome;
}

async function valuesIn(api: ApiClient): Promise<Map<string, string>> {
  const leaves = leavesOf(eventOf((await api.get('/value?recursive=true')).text).node);
  return new Map([...leaves].map(([key, { value = '' }]) => [key, value]));
}

function indexesOf(lines: readonly string[]): (number | undefined)[] {
  return lines.map((line) => (JSON.parse(line) as EventShape).node.modifiedIndex);
}

/** Writes until nothing more goes in. */
function fill(path: string): void {
  for (const sizeBytes of [MB, 64 * 1024, 4096]) {
    try {
      for (let count = 0; ; count++) writeFileSync(`${path}-${sizeBytes}-${count}`, Buffer.alloc(sizeBytes, 1));
    } catch {
      // Full, for pieces of this size.
    }
  }
}
