/** Users, roles and the switch on disk: through a stop, a kill, a snapshot, and a disk that fails. */

import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { durableTest, logLines, snapshotsIn, startOn } from '../durability/durable-server.ts';
import { canBeFaulty, FaultyDisk } from '../durability/faulty-disk.ts';
import type { ApiClient } from '../support/http.ts';
import { clientsOf, ROOT_PASSWORD, turnOn, withApi } from './auth-client.ts';

const USERS = { ann: { read: ['/*'], write: ['/a/*'] } };

/** All that is told of users and roles, and the index. */
async function stateOf(api: ApiClient): Promise<string[]> {
  const { root } = clientsOf(api);
  const answers = await Promise.all(['enable', 'users', 'roles'].map((path) => root.send('GET', `/v2/auth/${path}`)));
  const { headers, text } = await root.get('/?recursive=true&sorted=true');
  return [...answers.map((answer) => answer.text), text, headers['x-etcd-index'] ?? ''];
}

durableTest('users and roles are as they were after a stop, a kill and a snapshot', async ({ directory }) => {
  // So few commands that the last life begins with a snapshot.
  const flags = ['--snapshot-count', '25'];
  let server = await startOn(directory, { flags });
  await withApi(server.url, async (api) => {
    const { root } = await turnOn(api, USERS);
    await root.set('/a/k');
  });
  for (const [life, end] of ['stop', 'kill', 'snapshot'].entries()) {
    const expected = await withApi(server.url, async (api) => {
      const { root } = clientsOf(api);
      if (life > 0) await root.putRole(`of-life-${life}`);
      // The first change of each process tries to make the four nodes that are there, in vain as in etcd.
      expect(JSON.parse((await api.fetch('/v2/stats/store')).text).createFail).toBe(4 * life);
      if (end === 'snapshot') for (let times = 0; times < 40; times++) await root.set('/a/k', String(times % 2));
      return stateOf(api);
    });
    if (end === 'snapshot')
      await expect.poll(() => snapshotsIn(directory).length, { timeout: 30_000 }).toBeGreaterThan(0);
    if (end === 'stop') await server.stop();
    else await server.kill();
    server = await startOn(directory, { flags });
    await withApi(server.url, async (api) => {
      expect(await stateOf(api), end).toEqual(expected);
      const { as, guest } = clientsOf(api);
      expect((await as('ann').get('/a/k')).status, end).toBe(200);
      expect((await as('ann').set('/b')).status, end).toBe(401);
      expect((await guest.get('/a/k')).status, end).toBe(401);
    });
  }
  await server.stop();
  // Passwords never came there.
  const bytes = readdirSync(directory).map((file) => readFileSync(join(directory, file), 'latin1'));
  expect(bytes.join('')).toMatch(/\$2a\$10\$[./A-Za-z0-9]{53}/);
  expect(bytes.join('')).not.toContain(ROOT_PASSWORD);
});

describe.skipIf(!canBeFaulty())('a disk that fails', () => {
  durableTest('takes a change of rights back everywhere, and refuses the next', async ({ directory }) => {
    mkdirSync(dirname(directory), { recursive: true });
    const disk = new FaultyDisk(dirname(directory));
    const server = await startOn(directory, { environment: disk.environment, flags: ['--front-ends', '3'] });
    await withApi(server.url, async (api) => {
      const { root, as } = await turnOn(api, USERS);
      const before = await stateOf(api);
      expect((await as('ann').get('/a/k')).status).toBe(404);
      disk.fail('write');
      const lost = await root.putUser('ann', { revoke: ['ann'] });
      expect([lost.status, JSON.parse(lost.text).errorCode]).toEqual([500, 300]);
      // Once through each front end.
      for (let times = 0; times < 3; times++)
        await withApi(server.url, async (other) => {
          expect(await stateOf(other)).toEqual(before);
          expect((await clientsOf(other).as('ann').get('/a/k')).status).toBe(404);
          const refused = await clientsOf(other).root.putUser('ann', { revoke: ['ann'] });
          expect(refused.status).toBe(500);
          expect(refused.text).toMatch(/^\{"message":"the journal cannot be written/);
        });
      expect(logLines(server).filter(({ level }) => level >= 50)).toHaveLength(1);
    });
    disk.recover();
    await server.kill();
    const next = await startOn(directory);
    await withApi(next.url, async (api) => expect((await clientsOf(api).as('ann').get('/a/k')).status).toBe(404));
    await next.stop();
  });
});
