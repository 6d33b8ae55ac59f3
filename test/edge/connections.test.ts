/** Many clients at once, and clients that go away: nothing of them stays. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { type RunningServer, startCommandLine } from '../support/servers.ts';

/** UETCD_HEAVY_TESTS=1 runs the sizes that the README claims. */
const isHeavy = process.env['UETCD_HEAVY_TESTS'] === '1';
const connectionsTotal = isHeavy ? 100_000 : 5_000;
const watchersTotal = isHeavy ? 10_000 : 2_000;

// In a process of its own: both ends of ten thousand connections would not fit into the descriptors of one.
let server: RunningServer;
let api: ApiClient;
beforeAll(async () => {
  server = await startCommandLine();
  api = new ApiClient(server.url);
});
afterAll(async () => {
  await api.close();
  await server.stop();
});

async function watcherCount(): Promise<number> {
  return JSON.parse((await api.fetch('/v2/stats/store')).text).watchers;
}

describe('connections', () => {
  test(`${connectionsTotal} opened and dropped in every state leave the server answering`, {
    timeout: 600_000,
  }, async () => {
    const { hostname, port } = new URL(server.url);
    const openings = [
      '',
      'GET /v2/ke',
      requestBytes('GET', '/v2/keys/a'),
      requestBytes('PUT', '/v2/keys/a', 'value=1'),
    ];
    const watch = requestBytes('GET', '/v2/keys/a?wait=true&recursive=true');
    const drop = async (ordinal: number) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write([...openings, watch][ordinal % 5] ?? '');
      if (ordinal % 3 === 0) await sleep(1);
      // A reset rather than a FIN, so that no port of ours is left waiting for two minutes.
      socket.resetAndDestroy();
    };
    const lanes = Array.from({ length: 50 }, async (_, lane) => {
      for (let ordinal = lane; ordinal < connectionsTotal; ordinal += 50) await drop(ordinal);
    });
    await Promise.all(lanes);
    expect((await api.put('/after', 'value=1')).status).toBeLessThan(300);
    await expect.poll(watcherCount, { timeout: 10_000 }).toBe(0);
  });

  test(`${watchersTotal} idle watchers are there, hear their event, and are gone when they go`, {
    timeout: 300_000,
  }, async () => {
    const connections: RawConnection[] = [];
    while (connections.length < watchersTotal) {
      const opened = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(server.url)));
      await Promise.all(
        opened.map((connection, lane) =>
          connection.write(requestBytes('GET', `/v2/keys/idle/${connections.length + lane}?wait=true`)),
        ),
      );
      connections.push(...opened);
    }
    await expect.poll(watcherCount, { timeout: 30_000 }).toBe(watchersTotal);
    for (const ordinal of [0, 1, watchersTotal - 1]) {
      await api.put(`/idle/${ordinal}`, 'value=woken');
      const connection = connections[ordinal];
      expect(await connection?.until(() => connection.received.includes('woken'))).toBe(true);
    }
    expect(await watcherCount()).toBe(watchersTotal - 3);
    for (const connection of connections) connection.destroy();
    await expect.poll(watcherCount, { timeout: 30_000 }).toBe(0);
  });

  test('a watcher that goes away is freed, in whatever way it goes', async () => {
    for (const leave of ['end', 'resetAndDestroy', 'destroy'] as const) {
      const connection = await RawConnection.open(server.url);
      await connection.write(requestBytes('GET', '/v2/keys/a?wait=true&stream=true'));
      await expect.poll(watcherCount).toBe(1);
      connection.socket[leave]();
      await expect.poll(watcherCount, { timeout: 10_000 }).toBe(0);
      connection.destroy();
    }
  });

  test('a client that goes in the middle of its body leaves nothing that a shutdown would wait for', async () => {
    const own = await startCommandLine();
    for (let ordinal = 0; ordinal < 20; ordinal++) {
      const connection = await RawConnection.open(own.url);
      const head = requestBytes('PUT', '/v2/keys/a', 'value=12345').slice(0, -5);
      await connection.write(head);
      connection.socket[ordinal % 2 === 0 ? 'resetAndDestroy' : 'destroy']();
    }
    const other = new ApiClient(own.url);
    expect((await other.get('/a')).status).toBe(404);
    await other.close();
    await own.stop();
    expect(own.output().stdout).not.toContain('unanswered');
  });
});
