/** Listings for clients that ask for gzip: compressed only where the operator wants it, and the same bytes in the end. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isGzipAccepted } from '../../src/front/answers/compression.ts';
import { ApiClient } from '../support/http.ts';
import { isInstalled, type RunningServer, startInProcess } from '../support/servers.ts';

const FROM_BYTES = 100_000;
const LARGE = '/v2/keys/large?recursive=true&sorted=true';
const SMALLER = '/v2/keys/smaller?recursive=true&sorted=true';

let server: RunningServer;
let api: ApiClient;
beforeAll(async () => {
  server = await startInProcess({ gzipFromBytes: FROM_BYTES });
  api = new ApiClient(server.url);
  await fill(api);
});
afterAll(async () => {
  await api.close();
  await server.stop();
});

async function fill(client: ApiClient): Promise<void> {
  for (let count = 0; count < 200; count++) await client.put(`/large/${count}`, `value=${'v'.repeat(1_000)}`);
  for (let count = 0; count < 80; count++) await client.put(`/smaller/${count}`, `value=${'v'.repeat(1_000)}`);
}

function ask(client: ApiClient, target: string, encoding = 'gzip', method = 'GET') {
  return client.send({ method, target, headers: { 'accept-encoding': encoding } });
}

describe('a server that compresses', () => {
  test('gives a large listing to who asks for gzip, the same in the end, and keeps the connection', async () => {
    const plain = await api.fetch(LARGE);
    expect(plain.headers['content-encoding']).toBe(undefined);
    for (const target of [LARGE, '/v2/keys/large']) {
      const answer = await ask(api, target);
      expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
      expect(answer.headers['x-etcd-index']).toBe(plain.headers['x-etcd-index']);
      expect(answer.bytes.length).toBeLessThan(plain.bytes.length / 5);
      expect(JSON.parse(gunzipSync(answer.bytes).toString()).node.nodes).toHaveLength(200);
    }
    expect(gunzipSync((await ask(api, LARGE)).bytes).equals(plain.bytes)).toBe(true);
  });

  test('gives it as it is to who does not ask, and says that it depends', async () => {
    const { headers, bytes } = await ask(api, LARGE, 'identity');
    expect([headers['content-encoding'], headers['vary']]).toEqual([undefined, 'Accept-Encoding']);
    expect(bytes.length).toBeGreaterThan(200_000);
  });

  test('compresses nothing below the size, no key, no write and no HEAD', async () => {
    const answers = [
      await ask(api, SMALLER),
      await ask(api, '/v2/keys/large/1'),
      await ask(api, '/v2/keys/none'),
      await ask(api, LARGE, 'gzip', 'HEAD'),
      await api.put('/large/1', `value=${'w'.repeat(200_000)}`),
    ];
    expect(answers.map(({ headers }) => headers['content-encoding'])).toEqual(answers.map(() => undefined));
    expect(answers[0]?.bytes.length).toBeGreaterThan(64 * 1024);
    await api.put('/large/1', `value=${'v'.repeat(1_000)}`);
  });

  test('serves others while it compresses, and forgets who has gone meanwhile', async () => {
    const gone = Array.from({ length: 20 }, async () => {
      const controller = new AbortController();
      const answer = fetch(`${server.url}${LARGE}`, { signal: controller.signal }).catch(() => undefined);
      setImmediate(() => controller.abort());
      await answer;
    });
    await Promise.all(gone);
    expect((await api.put('/other', 'value=1')).status).toBeLessThan(300);
    const inFlight = async () => /^uetcd_requests_in_flight (\d+)$/m.exec((await api.fetch('/metrics')).text)?.[1];
    await expect.poll(inFlight).toBe('1');
  });

  test('is understood by fetch', async () => {
    const answer = await fetch(`${server.url}${LARGE}`);
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(((await answer.json()) as { node: { nodes: unknown[] } }).node.nodes).toHaveLength(200);
  });

  test.skipIf(!isInstalled('curl'))('is understood by curl', async () => {
    const { stdout } = await promisify(execFile)('curl', ['-sS', '--compressed', `${server.url}${LARGE}`]);
    expect(stdout).toBe((await api.fetch(LARGE)).text);
  });
});

test('a server that was not told to compresses nothing', async () => {
  const plain = await startInProcess();
  const client = new ApiClient(plain.url);
  await fill(client);
  const answer = await ask(client, LARGE);
  expect([answer.headers['content-encoding'], answer.headers['vary']]).toEqual([undefined, undefined]);
  await client.close();
  await plain.stop();
});

test.each([
  ['', false],
  ['gzip', true],
  ['deflate, GZIP;q=0.5', true],
  ['x-gzip', true],
  ['*', true],
  ['br, *;q=0', false],
  ['gzip;q=0, *', false],
  ['gzip; q=0.000', false],
  ['gzip;q=0.001', true],
  ['identity', false],
])('Accept-Encoding "%s" takes gzip: %s', (header, isAccepted) => {
  expect(isGzipAccepted(header)).toBe(isAccepted);
});
