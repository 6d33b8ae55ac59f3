/** Several front ends judge alike: each by a copy, and none by an old one. */
import { describe, expect } from 'vitest';
import { clientsOf as apiClientsOf, frontEndsTest, pairsOf } from '../front-ends/three-front-ends.ts';
import { AuthClient, basic, clientsOf, turnOn } from './auth-client.ts';

describe('front ends', () => {
  frontEndsTest('all refuse what was withdrawn through one of them, from the answer on', async ({ clients }) => {
    const [first] = clients;
    await turnOn(first as (typeof clients)[number], { ann: { read: ['/*'], write: [] } });
    const ann = clients.map((api) => clientsOf(api).as('ann'));
    for (const client of ann) expect((await client.get('/k')).status).toBe(404);
    for (let times = 0; times < 20; times++) {
      for (const [one, other] of pairsOf(clients)) {
        const { root } = clientsOf(one);
        expect((await root.putRole('ann', { grant: { kv: { write: ['/k'] } } })).status).toBe(200);
        expect((await clientsOf(other).as('ann').setByForm('/k')).status).toBeLessThan(300);
        expect((await root.putRole('ann', { revoke: { kv: { write: ['/k'] } } })).status).toBe(200);
        expect((await clientsOf(other).as('ann').setByForm('/k')).status).toBe(401);
      }
    }
  });

  frontEndsTest('all turn authentication on and off at once', async ({ clients }) => {
    await turnOn(clients[0] as (typeof clients)[number], {});
    for (let times = 0; times < 10; times++) {
      for (const [one, other] of pairsOf(clients)) {
        const { root } = clientsOf(one);
        expect((await clientsOf(other).guest.setByForm('/k')).status).toBe(401);
        expect((await root.send('DELETE', '/v2/auth/enable')).status).toBe(200);
        expect((await clientsOf(other).guest.setByForm('/k')).status).toBeLessThan(300);
        expect((await clientsOf(other).root.send('PUT', '/v2/auth/enable')).status).toBe(200);
      }
    }
  });

  frontEndsTest('keep counting while rights change under a crowd', async ({ server, clients }) => {
    const [first] = clients;
    const { root } = await turnOn(first as (typeof clients)[number], { ann: { read: ['/*'], write: ['/*'] } });
    const crowd = await Promise.all(Array.from({ length: 4 }, () => apiClientsOf(server.url)));
    const users = crowd.flat().map((api) => new AuthClient(api, basic('ann', 'ann')));
    let isOver = false;
    const statuses = new Set<number>();
    const writing = users.map(async (user, number) => {
      while (!isOver) statuses.add((await user.setByForm(`/${number}`)).status);
    });
    for (let times = 0; times < 30; times++) {
      await root.putUser('ann', { revoke: ['ann'] });
      await root.putUser('ann', { grant: ['ann'] });
    }
    isOver = true;
    await Promise.all(writing);
    for (const status of statuses) expect([200, 201, 401]).toContain(status);
    for (const user of users) expect((await user.setByForm('/end')).status).toBeLessThan(300);
    await Promise.all(crowd.flat().map((api) => api.close()));
  });
});
