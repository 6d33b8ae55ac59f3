/** Over TLS all is as it is without: keys, watches, streams, listings of any size to readers of any speed. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { ApiClient } from '../support/http.ts';
import { Certificates, PLAIN_URL, SECURE_URL, type SecureServer, startSecure, statusOf } from './secure-server.ts';

describe.skipIf(!hasOpenssl).each([1, 3])('https with %i front ends', (frontEnds) => {
  let certificates: Certificates;
  let server: SecureServer;
  let api: ApiClient;
  beforeAll(async () => {
    certificates = new Certificates();
    server = await startSecure(certificates, {
      frontEnds,
      listenClientUrls: [SECURE_URL, PLAIN_URL],
      listenMetricsUrls: [SECURE_URL],
    });
    api = new ApiClient(server.url, frontEnds, certificates.client());
  });
  afterAll(async () => {
    await api.close();
    await server.close();
    certificates.remove();
  });

  test('tells its https URLs to those who ask for members, and serves http beside them', async () => {
    expect(server.urls).toEqual([
      expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    ]);
    for (let count = 0; count < frontEnds; count++) {
      expect((await api.fetch('/v2/machines')).text).toBe(server.urls.join(', '));
      expect(JSON.parse((await api.fetch('/v2/members')).text).members[0].clientURLs).toEqual(server.urls);
    }
    const plain = new ApiClient(server.urls[1] as string);
    await api.put('/both', 'value=1');
    expect(JSON.parse((await plain.get('/both')).text).node.value).toBe('1');
    await plain.close();
    expect(await statusOf(server.metricsUrls[0] as string, certificates.client(), '/metrics')).toBe(200);
  });

  test('a watch is given its headers at once and its event later; a stream all of them', async () => {
    const watch = await api.watch('/watched?wait=true');
    const stream = await api.watch('/watched?wait=true&stream=true');
    const events: string[] = [];
    for (let count = 0; count < 300; count++) events.push((await api.put('/watched', `value=${count}`)).text);
    expect(`${await watch.nextLine()}\n`).toBe(events[0]);
    for (const event of events) expect(`${await stream.nextLine()}\n`).toBe(event);
    await watch.close();
    await stream.close();
  });

  // So many keys take their time to write, and handing connections over makes no listing larger.
  const keyCount = frontEnds === 1 ? 20_000 : 200;
  test(`a listing of ${keyCount} keys and a value of 9 MiB arrive whole`, async () => {
    const many = new ApiClient(server.url, 32, certificates.client());
    const keys = Array.from({ length: keyCount }, (_, ordinal) => `/listed/${ordinal}`);
    while (keys.length > 0) await Promise.all(keys.splice(-64).map((key) => many.put(key, 'value=some')));
    await many.close();
    const listing = JSON.parse((await api.get('/listed?recursive=true')).text);
    const listed = new Set(listing.node.nodes.map(({ key }: { key: string }) => key));
    expect(listed.size).toBe(keyCount);
    expect(listed).toContain(`/listed/${keyCount - 1}`);
    const value = Array.from({ length: 9 * 1024 }, (_, ordinal) => String(ordinal).padStart(1024, '.')).join('');
    expect((await api.put('/large', `value=${value}`)).status).toBe(201);
    expect(JSON.parse((await api.get('/large')).text).node.value === value).toBe(true);
  });

  test('a reader that stops in the middle gets the rest when it goes on, and holds nobody up', async () => {
    const whole = await api.get('/large');
    const request = get(`${server.url}/v2/keys/large`, { ...certificates.client(), agent: false });
    // What nobody reads yet stays in the sockets, and most of it in the server.
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    for (let count = 0; count < 20; count++) {
      await sleep(10);
      expect((await api.put('/others', 'value=1')).status).toBeLessThan(300);
    }
    expect((await buffer(answer)).equals(whole.bytes)).toBe(true);
  });
});
