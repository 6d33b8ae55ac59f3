/** Every bound that a client can meet: what it is refused with, and that it is let in again afterwards. */
import { describe, expect, test } from 'vitest';
import { ApiClient, type OpenWatch } from '../support/http.ts';
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
      await expect.poll(attempt, { timeout: 5_000 }).toBe(200);
      for (const watch of watches) await watch.close();
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
