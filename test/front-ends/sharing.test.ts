/** What belongs to the server and not to a front end is the same through each of them. */
import { describe, expect } from 'vitest';
import { eventOf } from '../support/api-test.ts';
import { ApiClient, type OpenWatch } from '../support/http.ts';
import { startInProcess } from '../support/servers.ts';
import { FRONT_ENDS, pairsOf, frontEndsTest as test } from './three-front-ends.ts';

describe('a write', () => {
  test('that is acknowledged through one front end is seen by a read through any other', async ({ clients }) => {
    for (let round = 0; round < 100; round++) {
      for (const [writer, reader] of pairsOf(clients)) {
        const written = eventOf((await writer.put('/k', `value=${round}`)).text).node;
        const read = await reader.get('/k');
        expect(eventOf(read.text).node).toEqual(written);
        expect(read.headers['x-etcd-index']).toBe(String(written.modifiedIndex));
      }
    }
  });

  test('has an index of its own, whichever front ends write at the same time', async ({ clients }) => {
    const writesPerClient = 200;
    const indexes = new Set<number>();
    await Promise.all(
      clients.map(async (client, ordinal) => {
        let last = 0;
        for (let count = 0; count < writesPerClient; count++) {
          const index = eventOf((await client.put(`/k${count % 7}`, `value=${ordinal}`)).text).node.modifiedIndex ?? 0;
          expect(index).toBeGreaterThan(last);
          last = index;
          indexes.add(index);
        }
      }),
    );
    expect(indexes.size).toBe(FRONT_ENDS * writesPerClient);
  });

  test('of a value too large for a ring, and a listing of such, go through each', async ({ clients }) => {
    const values = clients.map((_, ordinal) => String(ordinal).repeat(3_000_000));
    for (const [ordinal, client] of clients.entries()) {
      expect((await client.put(`/large/${ordinal}`, `value=${values[ordinal]}`)).status).toBe(201);
    }
    for (const client of clients) {
      const { nodes = [] } = eventOf((await client.get('/large?sorted=true')).text).node;
      expect(nodes.map(({ value }) => value)).toEqual(values);
    }
  });
});

describe('a watch', () => {
  test('through one front end hears the writes through all others', async ({ clients }) => {
    for (const [watcher, writer] of pairsOf(clients)) {
      const longPoll = await watcher.watch('/k?wait=true');
      // A watch has a connection of its own: these make it certain that every front end has one.
      const streams = await Promise.all(clients.map(() => watcher.watch('/?wait=true&recursive=true&stream=true')));
      const written = (await writer.put('/k', 'value=1')).text;
      for (const watch of [longPoll, ...streams]) expect(`${await watch.nextLine()}\n`).toBe(written);
      for (const watch of [longPoll, ...streams]) await watch.close();
    }
  });

  test('as a stream hears every write in the order of the indexes, also of several writers', async ({ clients }) => {
    const streams = await Promise.all(clients.map((client) => client.watch('/?wait=true&recursive=true&stream=true')));
    const writesPerClient = 100;
    await Promise.all(
      clients.map(async (client, ordinal) => {
        for (let count = 0; count < writesPerClient; count++) await client.put(`/k${ordinal}`, `value=${count}`);
      }),
    );
    for (const stream of streams) {
      for (let index = 2; index < 2 + FRONT_ENDS * writesPerClient; index++) {
        expect(eventOf(await stream.nextLine()).node.modifiedIndex).toBe(index);
      }
      await stream.close();
    }
  });

  test('that is gone is forgotten, whichever front end it belonged to', async ({ clients }) => {
    const watches = await Promise.all(clients.map((client) => client.watch('/k?wait=true')));
    const watchersSeen = async (client: ApiClient) => JSON.parse((await client.fetch('/v2/stats/store')).text).watchers;
    for (const client of clients) expect(await watchersSeen(client)).toBe(FRONT_ENDS);
    for (const watch of watches) await watch.close();
    for (const client of clients) await expect.poll(() => watchersSeen(client), { timeout: 30_000 }).toBe(0);
  });
});

describe('--max-watchers', () => {
  test('is for all front ends together, also when they ask at the same time', async ({ task }) => {
    const server = await startInProcess({ frontEnds: FRONT_ENDS, maxWatchers: 7 });
    const opened: OpenWatch[] = [];
    const open = () => new ApiClient(server.url).watch('/k?wait=true');
    try {
      opened.push(...(await Promise.all(Array.from({ length: 30 }, open))));
      const accepted = opened.filter(({ status }) => status === 200);
      const refused = opened.filter(({ status }) => status === 503);
      expect([accepted.length, refused.length], task.name).toEqual([7, 23]);
      for (const { headers } of refused) expect(headers['retry-after']).toBe('1');
      await accepted[0]?.close();
      const attempt = async () => {
        const watch = await open();
        opened.push(watch);
        return watch.status;
      };
      // Through each front end in turn, until one has the place that has become free.
      await expect.poll(attempt, { timeout: 30_000 }).toBe(200);
      for (let count = 0; count < 2 * FRONT_ENDS; count++) expect(await attempt()).toBe(503);
    } finally {
      for (const watch of opened) await watch.close();
      await server.stop();
    }
  });
});

describe('what a front end says of the server', () => {
  test('is what the others say', async ({ clients }) => {
    await clients[0]?.put('/k', 'value=1');
    for (const target of ['/v2/members', '/v2/machines', '/v2/stats/leader', '/version', '/health', '/v2/keys/k']) {
      const [first, ...others] = await Promise.all(clients.map((client) => client.fetch(target)));
      expect(first?.text).not.toBe('');
      for (const { status, text, headers } of others) {
        expect([target, status, text]).toEqual([target, first?.status, first?.text]);
        for (const name of ['x-etcd-cluster-id', 'x-etcd-index', 'x-raft-index', 'x-raft-term']) {
          expect([name, headers[name]]).toEqual([name, first?.headers[name]]);
        }
      }
    }
    const started = await Promise.all(
      clients.map(async (client) => JSON.parse((await client.fetch('/v2/stats/self')).text).startTime),
    );
    expect(new Set(started).size).toBe(1);
  });

  test('names the address that it is reached at', async ({ clients, server }) => {
    for (const client of clients) expect((await client.fetch('/v2/machines')).text).toBe(server.url);
  });

  test('takes a head as large as the first one takes', async ({ clients }) => {
    const headers = { 'x-large': 'x'.repeat(500_000) };
    for (const client of clients) {
      expect((await client.send({ method: 'GET', target: '/version', headers })).status).toBe(200);
    }
  });
});
