/** API document: "Getting the etcd version", "Statistics", "Cluster Config" (the member list); and routing at large. */
import { describe, expect } from 'vitest';
import { apiTest as test } from '../support/api-test.ts';

const counterNames = [
  ...[
    'getsSuccess',
    'getsFail',
    'setsSuccess',
    'setsFail',
    'deleteSuccess',
    'deleteFail',
    'updateSuccess',
    'updateFail',
  ],
  ...['createSuccess', 'createFail', 'compareAndSwapSuccess', 'compareAndSwapFail', 'compareAndDeleteSuccess'],
  ...['compareAndDeleteFail', 'expireCount', 'watchers'],
];

describe('version and health', () => {
  test.for([
    ['/version', 'application/json', '{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}'],
    ['/health', 'text/plain; charset=utf-8', '{"health":"true"}'],
  ] as const)('%s', async ([target, contentType, text], { api }) => {
    const answer = await api.fetch(target);
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, contentType, text]);
  });
});

describe('the member list', () => {
  test('has one member, which is the leader and serves here', async ({ api }) => {
    const { members } = JSON.parse((await api.fetch('/v2/members')).text);
    expect(members).toHaveLength(1);
    expect(Object.keys(members[0])).toEqual(['id', 'name', 'peerURLs', 'clientURLs']);
    expect(JSON.parse((await api.fetch('/v2/members/leader')).text)).toEqual(members[0]);
    expect((await api.fetch('/v2/members/')).text).toBe((await api.fetch('/v2/members')).text);
    expect((await api.fetch('/v2/machines')).text).toBe(members[0].clientURLs.join(', '));
    expect(members[0].clientURLs).toContain(api.url);
  });

  test('has no other', async ({ api }) => {
    const answer = await api.fetch('/v2/members/other');
    expect([answer.status, answer.text]).toEqual([404, '{"message":"Not found"}']);
  });

  test('cannot be changed: there is one fixed member, and it says so', async ({ api }) => {
    const answer = await api.send({
      method: 'POST',
      target: '/v2/members',
      headers: { 'content-type': 'application/json' },
      body: '{"peerURLs":["http://127.0.0.1:7001"]}',
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(answer.text)).toHaveProperty('message');
    expect(JSON.parse((await api.fetch('/v2/members')).text).members).toHaveLength(1);
  });
});

describe('statistics', () => {
  test('the store counts each operation by its outcome', async ({ api }) => {
    await api.put('/a', 'value=1');
    await api.put('/a', 'value=2&prevExist=true');
    await api.put('/a', 'value=3&prevValue=2');
    await api.put('/a', 'value=3&prevValue=2');
    await api.put('/b', 'value=1&prevExist=false');
    await api.put('/b', 'value=1&prevExist=false');
    await api.delete('/b?prevValue=1');
    await api.delete('/b');
    await api.delete('/a');
    await api.get('/');
    await api.put('/a', 'value=%zz');
    const counters = JSON.parse((await api.fetch('/v2/stats/store')).text);
    expect(Object.keys(counters)).toEqual(counterNames);
    expect(counters).toMatchObject({
      getsSuccess: 1,
      // One for each request that the grammar accepts: it is looked up whether authentication is on.
      getsFail: 10,
      setsSuccess: 1,
      updateSuccess: 1,
      compareAndSwapSuccess: 1,
      compareAndSwapFail: 1,
      createSuccess: 1,
      createFail: 1,
      compareAndDeleteSuccess: 1,
      deleteSuccess: 1,
      deleteFail: 1,
      setsFail: 0,
      expireCount: 0,
    });
  });

  test('expiries and open watches are counted', async ({ api }) => {
    const watchers = async () => JSON.parse((await api.fetch('/v2/stats/store')).text).watchers;
    const [poll, stream] = [await api.watch('/k?wait=true'), await api.watch('/?wait=true&stream=true&recursive=true')];
    expect(await watchers()).toBe(2);
    await api.put('/k', 'value=1&ttl=1');
    expect(await watchers()).toBe(1);
    await stream.nextLine();
    await stream.nextLine();
    expect(JSON.parse((await api.fetch('/v2/stats/store')).text).expireCount).toBe(1);
    await Promise.all([poll.close(), stream.close()]);
    await expect.poll(watchers).toBe(0);
  });

  test('self and leader speak of a single leader', async ({ api }) => {
    const self = JSON.parse((await api.fetch('/v2/stats/self')).text);
    expect(self).toMatchObject({
      state: 'StateLeader',
      leaderInfo: { leader: self.id, uptime: expect.stringMatching(/^(\d+h)?(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)$/) },
      recvAppendRequestCnt: 0,
      sendAppendRequestCnt: 0,
    });
    expect(JSON.parse((await api.fetch('/v2/stats/leader')).text)).toEqual({ leader: self.id, followers: {} });
  });
});

describe('routing', () => {
  test.for(['/', '/v2', '/v2/keysx', '/V2/keys', '/v2/stats', '/version/'])(
    '%s is not found',
    async (target, { api }) => {
      const answer = await api.fetch(target);
      expect([answer.status, answer.text]).toEqual([404, '404 page not found\n']);
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
    },
  );

  test.for([
    ['PATCH', '/v2/keys/a', 'HEAD,GET,PUT,POST,DELETE'],
    ['HEAD', '/v2/stats/store', 'GET'],
    ['POST', '/version', 'GET'],
    ['POST', '/v2/machines', 'GET,HEAD'],
    ['HEAD', '/v2/members', 'GET,POST,DELETE,PUT'],
  ] as const)('%s %s is not allowed', async ([method, target, allow], { api }) => {
    const answer = await api.send({ method, target });
    expect([answer.status, answer.headers['allow']]).toEqual([405, allow]);
    expect(answer.text).toBe(method === 'HEAD' ? '' : 'Method Not Allowed\n');
  });

  test.for(['/v2/keys/a', '/anything/at/all', '/a//b'])(
    'OPTIONS %s is answered with the CORS headers',
    async (target, { api }) => {
      const answer = await api.send({ method: 'OPTIONS', target, headers: { origin: 'http://example.com' } });
      expect([answer.status, answer.text]).toEqual([200, '']);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
        'access-control-allow-headers': 'accept, content-type, authorization',
      });
    },
  );

  test('authentication is off, and credentials are ignored', async ({ api }) => {
    expect((await api.fetch('/v2/auth/enable')).text).toBe('{"enabled":false}\n');
    const headers = { authorization: 'Basic cm9vdDp3cm9uZw==' };
    expect((await api.send({ method: 'PUT', target: '/v2/keys/a', headers })).status).toBe(201);
  });
});
