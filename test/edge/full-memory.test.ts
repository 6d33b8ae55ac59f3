/** A store whose memory is nearly full refuses what would add to it, goes on with all else, and never dies of it. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { type RunningProcess, runCommandLine, startCommandLine, startInProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

const HEAP_MB = 32;
const LANES = 8;

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) removeTemporary(directory);
});

function newDirectory(): string {
  const directory = makeTemporary('uetcd-full');
  directories.push(directory);
  return directory;
}

function snapshotBytesIn(directory: string): number {
  const sizes = readdirSync(directory)
    .filter((name) => name.endsWith('.snap'))
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
  return Math.max(0, ...sizes);
}

/** Sets keys until one is refused. @returns how many were taken, and the refusal. */
async function fill(api: ApiClient, directory: string, valueBytes: number) {
  let taken = 0;
  let next = 0;
  let refusal: Awaited<ReturnType<ApiClient['put']>> | undefined;
  const lane = async () => {
    while (refusal === undefined) {
      const ordinal = next++;
      const answer = await api.put(`/${directory}/${ordinal}`, `value=${ordinal}${'x'.repeat(valueBytes)}`);
      if (answer.status < 300) taken++;
      else refusal = answer;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { taken, refusal };
}

describe('a store whose memory is nearly full', () => {
  test('refuses a listing of more directories than the rest of its memory is for, and lives', {
    timeout: 120_000,
  }, async () => {
    const server = await startCommandLine(['--store-heap-mb', String(HEAP_MB), '--event-history', '100']);
    const api = new ApiClient(server.url, LANES);
    let next = 0;
    let refused = 0;
    const lane = async () => {
      // Nothing but directories, each in the one before.
      while (refused === 0) if ((await api.put(`/${next++}${'/d'.repeat(40)}`, 'dir=true')).status === 507) refused++;
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const listings = await Promise.all(Array.from({ length: LANES }, () => api.get('/?recursive=true&sorted=true')));
    expect(listings.map(({ status }) => status)).toContain(507);
    expect((await api.get('/0/d?recursive=true')).text).toContain(`/0${'/d'.repeat(40)}`);
    expect((await api.get('/')).status).toBe(200);
    await api.close();
    await server.stop();
  });

  test.each(['/d/k', '/d/%3C'])(
    'tells in every way of a value at %s of which each byte becomes six, and lives',
    { timeout: 120_000 },
    async (key) => {
      const server = await startCommandLine(['--in-memory', '--store-heap-mb', String(1.5 * HEAP_MB)]);
      const api = new ApiClient(server.url);
      const told = '\\ufffd'.repeat(2_500_000);
      // Compared here: a failure that shows such answers would take longer than the test.
      const tells = ({ status, text }: { status: number; text: string }) =>
        text.includes(`"${told}"`) || text.includes(`[x != ${told}]`) ? 'all' : `${status} ${text.slice(0, 100)}`;
      expect(tells(await api.put(key, `value=${'%80'.repeat(2_500_000)}`))).toBe('all');
      const shown = await api.get(key);
      expect(tells(shown)).toBe('all');
      const head = await api.send({ method: 'HEAD', target: `/v2/keys${key}` });
      expect(head.headers['content-length']).toBe(String(shown.text.length));
      expect(tells(await api.get('/d?recursive=true'))).toBe('all');
      expect(tells(await api.get('/d?wait=true&recursive=true&waitIndex=2'))).toBe('all');
      expect(tells(await api.put(`${key}?prevValue=x`, 'value=1'))).toBe('all');
      expect(tells(await api.delete(key))).toBe('all');
      await api.close();
      await server.stop();
    },
  );

  test('refuses writes and watches that would add, and takes them again when there is room', {
    timeout: 120_000,
  }, async () => {
    const dataDir = newDirectory();
    const flags = ['--data-dir', dataDir, '--store-heap-mb', String(HEAP_MB), '--snapshot-count', '1000'];
    const server = await startCommandLine([...flags, '--event-history', '100']);
    const api = new ApiClient(server.url, LANES);
    await api.put('/lease', 'value=mine&ttl=1000');
    const { taken, refusal } = await fill(api, 'much', 3_000);
    expect(taken).toBeGreaterThan(1_000);
    expect(refusal?.status).toBe(507);
    expect(JSON.parse(refusal?.text ?? '')).toMatchObject({
      errorCode: 300,
      cause: "the store's memory is nearly full (--store-heap-mb)",
    });
    expect(refusal?.headers['x-etcd-index']).toBe(String(taken + 2));
    expect((await api.get('/much/1?wait=true')).status).toBe(507);
    expect((await api.get('/much/1')).status).toBe(200);
    expect(JSON.parse((await api.get('/much')).text).node.nodes).toHaveLength(taken);
    expect((await api.put('/lease', 'ttl=1000&refresh=true&prevExist=true')).status).toBe(200);
    const metrics = (await api.fetch('/metrics')).text;
    expect(metrics).toMatch(/^uetcd_store_full 1$/m);
    expect(metrics).toMatch(/^uetcd_requests_refused_total{reason="memory"} [1-9]/m);
    expect((await api.delete('/much?recursive=true')).status).toBe(200);
    const write = async () => (await api.put('/more', `value=${'x'.repeat(20_000)}`)).status;
    await expect.poll(write, { timeout: 30_000, interval: 100 }).toBeLessThan(300);
    await fill(api, 'again', 20_000);
    server.child.kill('SIGKILL');
    await server.exited;

    // As full as it was, by another way: from the snapshot and the journal.
    const next = await startCommandLine([...flags, '--event-history', '100']);
    const nextApi = new ApiClient(next.url);
    expect((await nextApi.get('/more')).status).toBe(200);
    expect((await nextApi.delete('/again?recursive=true')).status).toBe(200);
    const nextWrite = async () => (await nextApi.put('/more', `value=${'y'.repeat(20_000)}`)).status;
    await expect.poll(nextWrite, { timeout: 30_000, interval: 100 }).toBe(200);
    await Promise.all([api.close(), nextApi.close()]);
    await next.stop();
  });

  test('is not one whose memory is full of garbage', { timeout: 120_000 }, async () => {
    const server = await startCommandLine([
      ...['--in-memory', '--store-heap-mb', String(HEAP_MB), '--event-history', '10'],
    ]);
    const api = new ApiClient(server.url, LANES);
    const statuses = new Set<number>();
    let next = 0;
    const lane = async () => {
      for (let count = next++; count < 8_000; count = next++) {
        statuses.add((await api.put(`/k/${count % 50}`, `value=${count}${'x'.repeat(15_000)}`)).status);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    expect([...statuses].sort()).toEqual([200, 201]);
    await api.close();
    await server.stop();
  });

  test('goes on with one key whose past alone fills it', { timeout: 120_000 }, async () => {
    const server = await startCommandLine(['--in-memory', '--store-heap-mb', String(HEAP_MB)]);
    const api = new ApiClient(server.url);
    const statuses = new Map<number, number>();
    for (let count = 0; count < 2_500; count++) {
      const { status } = await api.put('/k', `value=${count}${'x'.repeat(count < 1_000 ? 24_000 : 1_000)}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    // Large values of the past leave with each event; so there is room at last.
    const write = async () => (await api.put('/k', `value=${'x'.repeat(24_000)}`)).status;
    await expect.poll(write, { timeout: 30_000, interval: 20 }).toBe(200);
    expect(statuses.get(507)).toBeGreaterThan(0);
    expect(statuses.get(200)).toBeGreaterThan(1_000);
    await api.close();
    await server.stop();
  });
});

test.each([
  ['journal', 100_000],
  ['snapshot', 200],
])(
  'what a %s holds that does not fit is said at the start, in clear words',
  { timeout: 120_000 },
  async (_, commands) => {
    const dataDir = newDirectory();
    const server = await startCommandLine([
      ...['--data-dir', dataDir, '--store-heap-mb', '64', '--snapshot-count', String(commands)],
    ]);
    const api = new ApiClient(server.url, LANES);
    await fill(api, 'much', 10_000);
    if (commands < 1000) await expect.poll(() => snapshotBytesIn(dataDir), { timeout: 60_000 }).toBeGreaterThan(20e6);
    await api.close();
    await server.stop();
    const small: RunningProcess = runCommandLine([
      '--data-dir',
      dataDir,
      '--store-heap-mb',
      '16',
      '--log-level',
      'silent',
    ]);
    expect((await small.exited).code).toBe(1);
    expect(small.output().stderr).toContain('needs more memory than 16 MB: give it more with --store-heap-mb');
  },
);

test.each([0, 15, Number.NaN])('a heap of %d MB is refused before it could end the process', async (storeHeapMb) => {
  await expect(startInProcess({ storeHeapMb })).rejects.toThrow(
    /must be 16 MB or more|the option storeHeapMb must be a whole number above 0/,
  );
});
