/** Which scripts in browsers may read answers. Expected is what a real etcd does, and where there is one it is asked. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { isInstalled, type RunningServer, startEtcd, startInProcess, testFrontEnds } from '../support/servers.ts';

const CORS = 'http://a.example:80,https://b.example:8443';
const ALLOWED = ['http://a.example:80', 'https://b.example:8443'];
const OTHERS = [undefined, 'http://a.example', 'http://A.example:80', 'http://c.example:80', 'null'];

const REQUESTS: readonly (readonly [method: string, target: string, form?: string])[] = [
  ['GET', '/v2/keys/'],
  ['HEAD', '/v2/keys/'],
  ['PUT', '/v2/keys/foo', 'value=1'],
  ['PUT', '/v2/keys/foo', 'prevValue=2&value=1'],
  ['POST', '/v2/keys/queue', 'value=1'],
  ['GET', '/v2/keys/nothing'],
  ['GET', '/v2/keys/foo?wait=maybe'],
  ['GET', '/v2/keys/foo?wait=true&waitIndex=1'],
  ['DELETE', '/v2/keys/foo'],
  ['PATCH', '/v2/keys/foo'],
  ['OPTIONS', '/v2/keys/foo'],
  ['OPTIONS', '/anything'],
  ['GET', '/v2//keys'],
  ['GET', '/v2/members'],
  ['GET', '/v2/machines'],
  ['GET', '/v2/auth/users'],
  ['GET', '/v2/stats/store'],
  ['GET', '/version'],
  ['GET', '/health'],
  ['GET', '/metrics'],
  ['GET', '/debug/vars'],
  ['GET', '/nothing'],
];

function headersFor(origin: string | undefined) {
  if (origin === undefined) return {};
  return {
    'access-control-allow-headers': 'accept, content-type, authorization',
    'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
    'access-control-allow-origin': origin,
  };
}

async function corsOf(api: ApiClient, [method, target, form]: (typeof REQUESTS)[number], origin: string | undefined) {
  const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const headers = { ...type, ...(origin === undefined ? {} : { origin }) };
  const answer = await api.send({ method, target, headers, ...(form === undefined ? {} : { body: form }) });
  return Object.fromEntries(Object.entries(answer.headers).filter(([name]) => name.startsWith('access-control-')));
}

const hasEtcd = isInstalled('etcd');
const subjects: readonly (readonly [name: string, start: () => Promise<RunningServer>])[] = [
  ['uetcd', () => startInProcess({ cors: CORS })],
  ['etcd', () => startEtcd(undefined, ['--cors', CORS])],
];

describe.each(subjects.slice(0, hasEtcd ? 2 : 1))('%s that allows two origins', (_, start) => {
  let server: RunningServer;
  let api: ApiClient;
  beforeAll(async () => {
    server = await start();
    api = new ApiClient(server.url, testFrontEnds);
  });
  afterAll(async () => {
    await api.close();
    await server.stop();
  });

  test('names the origin of the request if it is one of them, on every answer', async () => {
    for (const request of REQUESTS) {
      for (const origin of ALLOWED)
        expect(await corsOf(api, request, origin), request.join(' ')).toEqual(headersFor(origin));
    }
  });

  test('names none to all others', async () => {
    for (const request of REQUESTS) {
      for (const origin of OTHERS) expect(await corsOf(api, request, origin), request.join(' ')).toEqual({});
    }
  });

  test('tells each watch of one event its own origin', async () => {
    const watching = [...ALLOWED, undefined].map((origin) =>
      corsOf(api, ['GET', `/v2/keys/foo?wait=true&waitIndex=1`], origin),
    );
    expect(await Promise.all(watching)).toEqual([...ALLOWED, undefined].map(headersFor));
  });
});

describe('uetcd', () => {
  test('allows all origins unless told', async () => {
    const server = await startInProcess();
    const api = new ApiClient(server.url);
    for (const origin of [undefined, 'http://a.example'])
      expect(await corsOf(api, ['GET', '/v2/keys/'], origin)).toEqual(headersFor('*'));
    await api.close();
    await server.stop();
  });

  test('allows an origin without a port, as browsers send it', async () => {
    const server = await startInProcess({ cors: 'https://a.example' });
    const api = new ApiClient(server.url);
    const allowed = await corsOf(api, ['GET', '/v2/keys/'], 'https://a.example');
    expect(allowed).toEqual(headersFor('https://a.example'));
    expect(await corsOf(api, ['GET', '/v2/keys/'], 'https://a.example:443')).toEqual({});
    await api.close();
    await server.stop();
  });

  test('allows none on URLs that are for metrics alone, as etcd does', async () => {
    const server = await startInProcess({ listenMetricsUrls: ['http://127.0.0.1:0'] });
    const api = new ApiClient(server.metricsUrls[0] as string);
    for (const target of ['/metrics', '/health', '/nothing'])
      expect(await corsOf(api, ['GET', target], 'http://a.example')).toEqual({});
    await api.close();
    await server.stop();
  });
});
