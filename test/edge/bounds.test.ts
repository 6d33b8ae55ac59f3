/** Every bound that a client can meet: what it is refused with, and that it is let in again afterwards. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ApiClient, type OpenWatch } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { type ServerOptions, startInProcess } from '../support/servers.ts';

async function withServer(options: ServerOptions, body: (api: ApiClient) => Promise<void>): Promise<void> {
  const server = await startInProcess(options);
  const api = new ApiClient(server.url);
  try {
    await body(api);
  } finally {
    await api.close();
    await server.stop();
  }
}

describe('bounds', () => {
  test('a watcher too many is refused with 503, and may come when another has gone', async () => {
    await withServer({ maxWatchers: 3 }, async (api) => {
      const watches: OpenWatch[] = [];
      for (let count = 0; count < 3; count++) watches.push(await api.watch('/a?wait=true'));
      const refused = await api.get('/a?wait=true');
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toBeDefined();
      expect(JSON.parse(refused.text)).toMatchObject({
        errorCode: 300,
        cause: expect.stringContaining('max-watchers'),
      });
      expect((await api.put('/b', 'value=1')).status).toBe(201);
      await watches[0]?.close();
      const attempt = async () => {
        const watch = await api.watch('/a?wait=true');
        if (watch.status === 200) watches.push(watch);
        else await watch.close();
        return watch.status;
      };
      await expect.poll(attempt).toBe(200);
      for (const watch of watches) await watch.close();
    });
  });

  test('a watcher too many of one address is refused, through whichever front end, while another address has room', async () => {
    await withServer({ maxWatchersPerClient: 2, frontEnds: 3 }, async (api) => {
      const watches = [await api.watch('/a?wait=true'), await api.watch('/a?wait=true&stream=true')];
      for (let connection = 0; connection < 3; connection++) {
        const refused = await api.watch('/a?wait=true');
        expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
        expect(await refused.nextLine()).toContain('2 watchers of your address already (--max-watchers-per-client)');
        await refused.close();
      }
      const other = connect({ port: Number(new URL(api.url).port), host: '127.0.0.1', localAddress: '127.0.0.2' });
      other.write(requestBytes('GET', '/v2/keys/a?wait=true'));
      expect(String((await once(other, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /);
      other.destroy();
      expect((await api.fetch('/metrics')).text).toMatch(/reason="client_watchers"} 3$/m);
      await api.put('/a', 'value=1');
      const again = await api.watch('/a?wait=true'); // The event has ended one of the two.
      expect(again.status).toBe(200);
      for (const watch of [...watches, again]) await watch.close();
    });
  });

  test('a watch that its history answers needs no place among the watchers', async () => {
    await withServer({ maxWatchers: 1 }, async (api) => {
      await api.put('/a', 'value=1');
      for (let count = 0; count < 5; count++) expect((await api.get('/a?wait=true&waitIndex=2')).status).toBe(200);
      const written = await api.put('/a', 'value=2');
      expect(written.status).toBe(200);
    });
  });

  test('a form over --max-request-bytes is refused as the real server refuses its 10 MiB', async () => {
    await withServer({ maxRequestBytes: 1_000 }, async (api) => {
      expect((await api.put('/a', `value=${'x'.repeat(994)}`)).status).toBe(201);
      const refused = await api.put('/a', `value=${'x'.repeat(995)}`);
      expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
        400,
        { errorCode: 210, cause: 'http: POST too large' },
      ]);
    });
  });

  test('a connection beyond --max-connections is told 503 and closed; another may come when one has gone', async () => {
    await withServer({ maxConnections: 3 }, async (api) => {
      await api.put('/a', 'value=1');
      const kept = [await RawConnection.open(api.url), await RawConnection.open(api.url)];
      for (const connection of kept) {
        await connection.write(requestBytes('GET', '/v2/keys/a'));
        expect((await connection.answer())?.status).toBe(200);
      }
      const refused = await RawConnection.open(api.url);
      await refused.write(requestBytes('GET', '/v2/keys/a'));
      const answer = await refused.answer();
      expect([answer?.status, answer?.headers]).toMatchObject([503, { 'retry-after': '1', connection: 'close' }]);
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({
        errorCode: 300,
        cause: 'there are 3 connections already (--max-connections)',
      });
      expect(await refused.until(() => refused.isClosed)).toBe(true);
      const metrics = (await api.fetch('/metrics')).text;
      expect(metrics).toMatch(/^uetcd_connections 3$/m);
      expect(metrics).toMatch(/^uetcd_connections_refused_total 1$/m);
      expect((await api.get('/a')).status).toBe(200);
      kept.pop()?.destroy();
      const attempt = async () => {
        const connection = await RawConnection.open(api.url);
        await connection.write(requestBytes('GET', '/v2/keys/a'));
        const status = (await connection.answer())?.status;
        if (status === 200) kept.push(connection);
        return status;
      };
      await expect.poll(attempt).toBe(200);
      for (const connection of kept) connection.destroy();
    });
  });

  test('a connection too many names no origin to a browser where not all may read answers', async () => {
    await withServer({ maxConnections: 1, cors: 'http://a.example:80' }, async (api) => {
      await api.put('/a', 'value=1');
      const refused = await RawConnection.open(api.url);
      const answer = await refused.answer();
      expect(answer?.status).toBe(503);
      expect(answer?.headers).not.toHaveProperty('access-control-allow-origin');
    });
  });

  test('a client library takes the answer of a connection too many for that of its request', async () => {
    await withServer({ maxConnections: 1 }, async (api) => {
      await api.put('/a', 'value=1');
      const form = new URLSearchParams({ value: 'x'.repeat(100_000) });
      for (let count = 0; count < 10; count++) {
        const url = `${api.url}/v2/keys/b`;
        const answers = [await fetch(url), await fetch(url, { method: 'PUT', body: form })];
        for (const answer of answers) {
          expect([answer.status, ((await answer.json()) as { errorCode: number }).errorCode]).toEqual([503, 300]);
        }
      }
    });
  });

  test('--max-connections is for all front ends together, and not for a port of metrics', async () => {
    const server = await startInProcess({ frontEnds: 3, maxConnections: 7, listenMetricsUrls: ['http://127.0.0.1:0'] });
    const open: RawConnection[] = [];
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < 10; count++) {
      const connection = await RawConnection.open(server.url);
      open.push(connection);
      await connection.write(requestBytes('GET', '/version'));
      statuses.push((await connection.answer())?.status);
    }
    expect(statuses).toEqual([...Array(7).fill(200), ...Array(3).fill(503)]);
    expect(await (await fetch(`${server.metricsUrls[0]}/metrics`)).text()).toMatch(/^uetcd_connections 7$/m);
    for (const connection of open) connection.destroy();
    await server.stop();
  });

  test('a request beyond --max-in-flight is refused with 503, and taken when another has its answer', async () => {
    await withServer({ maxInFlight: 2, frontEnds: 1 }, async (api) => {
      const slow = [await RawConnection.open(api.url), await RawConnection.open(api.url)];
      const bytes = requestBytes('PUT', '/v2/keys/a', 'value=1');
      for (const connection of slow) await connection.write(bytes.slice(0, -1));
      const refused = async () => {
        const answer = await api.put('/b', 'value=2');
        return [answer.status, answer.headers['retry-after'], JSON.parse(answer.text).cause];
      };
      const cause = 'there are 2 requests in flight already (--max-in-flight)';
      await expect.poll(refused).toEqual([503, '1', cause]);
      await slow[0]?.write(bytes.slice(-1));
      expect((await slow[0]?.answer())?.status).toBe(201);
      expect((await api.put('/b', 'value=2')).status).toBe(201);
      expect((await api.fetch('/metrics')).text).toMatch(/^uetcd_requests_refused_total{reason="requests"} [1-9]/m);
      for (const connection of slow) connection.destroy();
    });
  });

  test('large forms take no more than --max-body-bytes-in-flight together, and give it back', async () => {
    await withServer({ maxRequestBytes: 3_000, maxBodyBytesInFlight: 4_000, frontEnds: 1 }, async (api) => {
      const used = async () => Number(/^uetcd_body_bytes (\d+)$/m.exec((await api.fetch('/metrics')).text)?.[1]);
      const large = requestBytes('PUT', '/v2/keys/a', `value=${'x'.repeat(2_500)}`);
      const [first, second] = [await RawConnection.open(api.url), await RawConnection.open(api.url)];
      await first.write(large.slice(0, -10));
      await expect.poll(used).toBeGreaterThan(2_000);
      await second.write(large.slice(0, -10));
      const inFlight = async () => /^uetcd_requests_in_flight (\d+)$/m.exec((await api.fetch('/metrics')).text)?.[1];
      await expect.poll(inFlight).toBe('3'); // Both forms, and the scrape.
      await second.write(large.slice(-10));
      const refused = await second.answer();
      expect([refused?.status, refused?.headers['retry-after']]).toEqual([503, '1']);
      expect(refused?.body).toContain('--max-body-bytes-in-flight');
      expect((await api.put('/b', 'value=small')).status).toBe(201);
      await first.write(large.slice(-10));
      expect((await first.answer())?.status).toBe(201);
      expect(await used()).toBe(0);
      await second.write(large.slice(0, -10));
      await expect.poll(used).toBeGreaterThan(2_000);
      second.destroy();
      await expect.poll(used).toBe(0);
      first.destroy();
      expect((await api.fetch('/metrics')).text).toMatch(/^uetcd_requests_refused_total{reason="body_bytes"} 1$/m);
    });
  });

  test('room for bodies that has none for the largest one is refused at the start', async () => {
    await expect(startInProcess({ maxRequestBytes: 2_000, maxBodyBytesInFlight: 1_999 })).rejects.toThrow(
      '--max-body-bytes-in-flight',
    );
  });

  describe('large answers on their way', () => {
    const MB = 1024 * 1024;
    const used = async (api: ApiClient) =>
      Number(/^uetcd_answer_bytes (\d+)$/m.exec((await api.fetch('/metrics')).text)?.[1]);
    const LISTING = '/v2/keys/many?recursive=true';

    /** Asks, and reads nothing of the answer. */
    async function ask(api: ApiClient, target: string): Promise<RawConnection> {
      const connection = await RawConnection.open(api.url);
      connection.socket.pause();
      await connection.write(requestBytes('GET', target));
      return connection;
    }

    test.each([1, 2])(
      'leave no room for another listing, through %i front ends, until one of them is done',
      async (frontEnds) => {
        await withServer({ maxAnswerBytesInFlight: 4 * MB, frontEnds }, async (api) => {
          for (let key = 0; key < 60; key++) await api.put(`/many/${key}`, `value=${'x'.repeat(200_000)}`);
          const reader = await ask(api, LISTING); // Above the bound, and alone.
          await expect.poll(() => used(api), { timeout: 10_000 }).toBeGreaterThan(12 * MB);
          for (let connection = 0; connection < frontEnds; connection++) {
            const other = await RawConnection.open(api.url);
            await other.write(requestBytes('GET', LISTING));
            const refused = await other.answer();
            expect([refused?.status, refused?.headers['retry-after']]).toEqual([503, '1']);
            expect(refused?.body).toContain('--max-answer-bytes-in-flight');
            other.destroy();
          }
          expect((await api.put('/small', 'value=1')).status).toBe(201);
          reader.destroy();
          await expect.poll(() => used(api), { timeout: 10_000 }).toBe(0);
          const whole = await api.get('/many?recursive=true');
          expect([whole.status, whole.bytes.length > 11 * MB]).toEqual([200, true]);
          expect(await used(api)).toBe(0);
          const refusals = new RegExp(`^uetcd_requests_refused_total{reason="answer_bytes"} ${frontEnds}$`, 'm');
          expect((await api.fetch('/metrics')).text).toMatch(refusals);
        });
      },
    );

    test('leave room again when those who asked for listings go before these are made', async () => {
      await withServer({ maxAnswerBytesInFlight: 30 * MB, frontEnds: 1 }, async (api) => {
        for (let key = 0; key < 60; key++) await api.put(`/many/${key}`, `value=${'x'.repeat(200_000)}`);
        for (let round = 0; round < 5; round++) {
          const connections = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(api.url)));
          await Promise.all(connections.map((connection) => connection.write(requestBytes('GET', LISTING))));
          for (const connection of connections) connection.destroy();
        }
        const askAgain = async () => (await api.get('/many?recursive=true')).status;
        await expect.poll(askAgain, { timeout: 10_000 }).toBe(200);
        await expect.poll(() => used(api), { timeout: 10_000 }).toBe(0);
      });
    });

    test('leave no room for another large value: a read is refused, a write is done and its connection closed', async () => {
      await withServer({ maxAnswerBytesInFlight: 10 * MB, frontEnds: 1 }, async (api) => {
        const value = (letter: string) => `value=${letter.repeat(8 * MB)}`;
        await api.put('/a', value('a'));
        const reader = await ask(api, '/v2/keys/a');
        await expect.poll(() => used(api), { timeout: 10_000 }).toBeGreaterThan(8 * MB);
        expect((await api.get('/a')).status).toBe(503);
        const watch = await RawConnection.open(api.url);
        await watch.write(requestBytes('GET', '/v2/keys/b?wait=true'));
        await watch.until(() => watch.received.includes('{'));
        const writer = await RawConnection.open(api.url);
        await writer.write(requestBytes('PUT', '/v2/keys/b', value('b')));
        expect(await writer.answer()).toBeUndefined();
        expect(await watch.until(() => watch.isClosed)).toBe(true);
        expect((await api.put('/small', 'value=1')).status).toBe(201);
        reader.destroy();
        await expect.poll(() => used(api), { timeout: 10_000 }).toBe(0);
        expect((await api.get('/b')).text).toContain('bbbbbbbb');
        expect(await used(api)).toBe(0);
        expect((await api.fetch('/metrics')).text).toMatch(/^uetcd_watch_events_sent_total 0$/m);
      });
    });

    test('an event that many wait for counts once, and each of them hears it', async () => {
      await withServer({ maxAnswerBytesInFlight: 3 * MB, frontEnds: 1 }, async (api) => {
        const watches = await Promise.all(Array.from({ length: 20 }, () => api.watch('/a?wait=true')));
        const written = await api.put('/a', `value=${'x'.repeat(MB)}`);
        for (const watch of watches) {
          expect(`${await watch.nextLine()}\n` === written.text).toBe(true);
          await watch.close();
        }
        await expect.poll(() => used(api), { timeout: 10_000 }).toBe(0);
      });
    });
  });

  test('--event-history is how far a watch looks back', async () => {
    await withServer({ eventHistory: 10 }, async (api) => {
      for (let count = 0; count < 20; count++) await api.put('/a', `value=${count}`);
      expect((await api.get('/a?wait=true&waitIndex=12')).text).toContain('"modifiedIndex":12,');
      expect((await api.get('/a?wait=true&waitIndex=11')).text).toContain('[12/11]');
    });
  });

  test('a key of very many elements is refused, one of many is not', async () => {
    await withServer({}, async (api) => {
      expect((await api.put('/d'.repeat(2_000), 'value=1')).status).toBe(201);
      const refused = await api.put('/d'.repeat(2_001), 'value=1');
      expect([refused.status, JSON.parse(refused.text).errorCode]).toEqual([400, 210]);
      expect((await api.delete('/d?recursive=true')).status).toBe(200);
    });
  });

  test('two servers in one process know nothing of each other', async () => {
    await withServer({}, (one) =>
      withServer({}, async (two) => {
        await one.put('/a', 'value=1');
        expect((await two.get('/a')).status).toBe(404);
        expect((await two.put('/a', 'value=2')).headers['x-etcd-index']).toBe('2');
        expect((await one.get('/a')).text).toContain('"value":"1"');
      }),
    );
  });

  test('a server that was closed can be started again on its port', async () => {
    const first = await startInProcess();
    const port = Number(new URL(first.url).port);
    await first.stop();
    await expect(fetch(`${first.url}/version`)).rejects.toThrow();
    const second = await startInProcess({ port });
    expect((await fetch(`${second.url}/version`)).status).toBe(200);
    await expect(startInProcess({ port })).rejects.toThrow(String(port));
    await second.stop();
  });
});
