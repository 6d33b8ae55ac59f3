/**
 * Clients that mean ill: while they are at it others are served, the memory of the server stays within its bounds, and when
 * they have gone nothing of them is left. Full counts, and latencies: native-bench, "hostile".
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ATTACKS, DEAF_KEY, startAttack } from '../../native-bench/load/attacks.ts';
import { ApiClient } from '../support/http.ts';
import { type RunningProcess, type RunningServer, startCommandLine } from '../support/servers.ts';

const MB = 1024 * 1024;
const CONNECTIONS = 200;
const ATTACK_MS_MIN = 1_500;
const PROBES = 40;

const BODY_BYTES = 64 * MB;
const BACKLOG_BYTES = MB / 4;
const HEAD_BYTES = MB;
/** What the process may grow by of itself: code that is compiled, heaps that wait for a collection, freed memory kept. */
const SLACK_BYTES = 150 * MB;

/** What an attack may take at most: README, "Limits". */
const BOUND_BYTES: Record<(typeof ATTACKS)[number], number> = {
  'slow-heads': CONNECTIONS * 4096,
  'slow-forms': BODY_BYTES,
  'deaf-streams': CONNECTIONS * BACKLOG_BYTES,
  'large-heads': CONNECTIONS * HEAD_BYTES,
  'half-closed': CONNECTIONS * 4096,
  garbage: CONNECTIONS * 4096,
  'form-bombs': BODY_BYTES,
  'wrong-passwords': CONNECTIONS * 4096,
};

let server: RunningServer & RunningProcess;
beforeAll(async () => {
  const bounds = [
    '--max-body-bytes-in-flight',
    String(BODY_BYTES),
    '--max-stream-backlog-bytes',
    String(BACKLOG_BYTES),
  ];
  server = await startCommandLine(['--in-memory', ...bounds]);
});
afterAll(() => server.stop());

const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
const residentBytes = () => Number(readFileSync(`/proc/${server.pid}/statm`, 'latin1').split(' ')[1]) * 4096;

/** Another client, which does all that clients do, one request after the other. */
async function probe(api: ApiClient, ordinal: number): Promise<void> {
  const key = `/probe/${ordinal % 10}`;
  expect((await api.put(key, `value=${ordinal}`)).status).toBeLessThan(300);
  expect(JSON.parse((await api.get(key)).text).node.value).toBe(String(ordinal));
}

/** There is a password to be guessed; whoever is nobody may do what he could before. */
async function switchUsersOn(api: ApiClient): Promise<void> {
  const body = JSON.stringify({ user: 'root', password: 'right' });
  expect((await api.send({ method: 'PUT', target: '/v2/auth/users/root', body })).status).toBe(201);
  expect((await api.send({ method: 'PUT', target: '/v2/auth/enable' })).status).toBe(200);
}

async function switchUsersOff(api: ApiClient): Promise<void> {
  const authorization = `Basic ${Buffer.from('root:right').toString('base64')}`;
  const disable = { method: 'DELETE', target: '/v2/auth/enable', headers: { authorization } };
  // The last guesses may still be in the line.
  await expect.poll(async () => (await api.send(disable)).status, { timeout: 30_000 }).toBe(200);
}

describe.skipIf(process.platform !== 'linux')('a hostile crowd', () => {
  test.each(ATTACKS)('of %s', { timeout: 120_000 }, async (name) => {
    const api = new ApiClient(server.url);
    if (name === 'wrong-passwords') await switchUsersOn(api);
    await probe(api, 0);
    const [descriptorsBefore, residentBefore] = [descriptors(), residentBytes()];
    const { hostname, port } = new URL(server.url);
    const attack = startAttack(name, hostname, Number(port), CONNECTIONS);
    await expect.poll(() => attack.openedCount, { timeout: 30_000 }).toBeGreaterThanOrEqual(CONNECTIONS);
    const startMs = Date.now();
    let residentMax = 0;
    for (let ordinal = 0; ordinal < PROBES || Date.now() - startMs < ATTACK_MS_MIN; ordinal++) {
      await probe(api, ordinal);
      if (name === 'deaf-streams') {
        await api.send({ method: 'PUT', target: DEAF_KEY, headers: FORM, body: `value=${'x'.repeat(64 * 1024)}` });
      }
      residentMax = Math.max(residentMax, residentBytes());
      await sleep(5);
    }
    expect(residentMax - residentBefore).toBeLessThan(BOUND_BYTES[name] + SLACK_BYTES);
    attack.stop();
    await expect.poll(descriptors, { timeout: 30_000, interval: 100 }).toBeLessThanOrEqual(descriptorsBefore + 2);
    await expect.poll(residentBytes, { timeout: 30_000, interval: 200 }).toBeLessThan(residentBefore + SLACK_BYTES);
    await probe(api, 0);
    const metrics = (await api.fetch('/metrics')).text;
    expect(metrics).toMatch(/^uetcd_body_bytes 0$/m);
    // The probe's, and perhaps that of whoever waited for the start of the server.
    expect(Number(/^uetcd_connections (\d+)$/m.exec(metrics)?.[1])).toBeLessThanOrEqual(2);
    expect(JSON.parse((await api.fetch('/v2/stats/store')).text).watchers).toBe(0);
    // Where the library is used against its rules it says so, once for each call.
    expect(server.output().stderr).toBe('');
    if (name === 'wrong-passwords') await switchUsersOff(api);
    await api.close();
  });
});

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
