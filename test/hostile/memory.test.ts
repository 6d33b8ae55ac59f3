/** What a peak has taken goes back to the kernel when it is over: README, "Memory after a peak". */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { type RunningProcess, type RunningServer, startCommandLine } from '../support/servers.ts';

const MB = 1024 * 1024;
const KEYS = 600;
const VALUE_BYTES = 100_000;
const READERS = 5;
const WATCHERS = 1_000;
/** Ten to twenty seconds of quiet, in which it happens; machines with much else to do take longer. */
const TIMEOUT_MS = 120_000;
/** What may stay of 300: a little of each connection, the pages of the rings, and what a server has that has done something; 25 to 40 were seen. */
const LEFT_BYTES_MAX = 64 * MB;

let server: RunningServer & RunningProcess;
beforeAll(async () => {
  server = await startCommandLine(['--in-memory', '--event-history', '10']);
});
afterAll(() => server.stop());

const residentBytes = () => Number(readFileSync(`/proc/${server.pid}/statm`, 'latin1').split(' ')[1]) * 4096;

async function open(count: number, target: (ordinal: number) => string): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  while (connections.length < count) {
    const batch = Array.from({ length: Math.min(100, count - connections.length) }, () =>
      RawConnection.open(server.url),
    );
    connections.push(...(await Promise.all(batch)));
  }
  await Promise.all(connections.map((connection, ordinal) => connection.write(requestBytes('GET', target(ordinal)))));
  return connections;
}

describe.skipIf(process.platform !== 'linux')('the memory of a server', () => {
  test('goes back to the kernel when keys, watchers and readers of large listings have gone', {
    timeout: 2 * TIMEOUT_MS,
  }, async () => {
    const api = new ApiClient(server.url);
    await api.put('/small', 'value=1');
    const before = residentBytes();
    const value = `value=${'x'.repeat(VALUE_BYTES)}`;
    for (let key = 0; key < KEYS; key++) expect((await api.put(`/large/${key}`, value)).status).toBe(201);
    const readers = await open(READERS, () => '/v2/keys/large?recursive=true');
    for (const reader of readers) reader.socket.pause();
    const watchers = await open(WATCHERS, (ordinal) => `/v2/keys/idle/${ordinal}?wait=true`);
    await expect
      .poll(residentBytes, { timeout: TIMEOUT_MS })
      .toBeGreaterThan(before + (READERS * KEYS * VALUE_BYTES) / 2);
    for (const connection of [...readers, ...watchers]) connection.destroy();
    expect((await api.send({ method: 'DELETE', target: '/v2/keys/large?recursive=true' })).status).toBe(200);
    for (let count = 0; count < 20; count++) await api.put('/small', 'value=1'); // The history forgets.
    await expect.poll(residentBytes, { timeout: TIMEOUT_MS, interval: 500 }).toBeLessThan(before + LEFT_BYTES_MAX);
    expect((await api.get('/small')).status).toBe(200);
    const metrics = (await api.fetch('/metrics')).text;
    expect(metrics).toMatch(/^uetcd_idle_collections_total\{thread="(main|store)"\} [1-9]/m);
    expect(metrics).toMatch(/^uetcd_given_back_bytes_total\{thread="(main|store)"\} [1-9]/m);
    await api.close();
  });
});
