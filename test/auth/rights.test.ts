/** Who may do what on a server of ours, without a yardstick: the heart of what test/auth/scenarios have at length. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiTest } from '../support/api-test.ts';
import { type Answer, ApiClient, openWatch } from '../support/http.ts';
import { type RunningServer, startInProcess, testFrontEnds } from '../support/servers.ts';
import { basic, clientsOf, type Rights, ROOT_PASSWORD, turnOn } from './auth-client.ts';

const REFUSED =
  '{"errorCode":110,"message":"The request requires user authentication","cause":"Insufficient credentials","index":0}\n';
const EVERYTHING = { read: ['/*'], write: ['/*'] };

/** One server for all who need authentication to be on: each test has users and keys of its own. */
let server: RunningServer;
let api: ApiClient;
let rights: Rights;
beforeAll(async () => {
  server = await startInProcess();
  api = new ApiClient(server.url, testFrontEnds);
  rights = await turnOn(api, {
    ann: { read: ['/a/*', '/b'], write: ['/a/*'] },
    bea: EVERYTHING,
    cal: { read: ['/*'], write: ['/k'] },
    dan: { read: ['/*'] },
    eve: { read: ['/d', '/e/*'], write: ['/d', '/e*'] },
    fay: { read: [''], write: [''] },
    gil: { read: ['/watched'] },
    hal: { read: ['/h/*'], write: ['/h/*'] },
  });
});
afterAll(async () => {
  await api?.close();
  await server?.stop();
});

const refused = (answer: Answer) => answer.status === 401;

describe('a user', () => {
  test('may do what one of its roles says, and is told when it may not', async () => {
    const { as } = rights;
    const ann = as('ann');
    expect((await ann.setByForm('/a/k')).status).toBe(201);
    expect((await ann.get('/a/k')).status).toBe(200);
    expect((await ann.get('/b')).status).toBe(404);
    const answer = await ann.set('/b');
    expect(answer).toMatchObject({ status: 401, text: REFUSED });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-etcd-index': '0' });
    expect(answer.headers).toHaveProperty('x-etcd-cluster-id');
    expect(answer.headers).not.toHaveProperty('www-authenticate');
  });

  test('with the wrong password may do nothing, and neither may one that is not there', async () => {
    const { as } = rights;
    expect((await as('bea').get('/bea')).status).toBe(404);
    for (const stranger of [as('bea', 'wrong'), as('bea', ''), as('nobody')]) {
      expect(refused(await stranger.get('/bea'))).toBe(true);
      expect(refused(await stranger.setByForm('/bea'))).toBe(true);
    }
    expect((await as('bea').get('/bea')).status).toBe(404);
  });

  test('is given kept answers while it has the right, and each read counts the same', async () => {
    const { root, as } = rights;
    const hal = as('hal');
    const keptReads = async () =>
      Number(/^uetcd_kept_reads_total (\d+)/m.exec((await api.fetch('/metrics')).text)?.[1]);
    const gets = async () => JSON.parse((await root.send('GET', '/v2/stats/store')).text);
    const costOfRead = async () => {
      const before = await gets();
      expect((await hal.get('/h/k')).status).toBe(200);
      const after = await gets();
      return [after.getsSuccess - before.getsSuccess, after.getsFail - before.getsFail];
    };
    expect((await hal.setByForm('/h/k')).status).toBe(201);
    const ofFirst = await costOfRead();
    // All connections, so that each front end has asked twice.
    for (let count = 0; count < 4 * testFrontEnds; count++) await hal.get('/h/k');
    const keptBefore = await keptReads();
    expect(await costOfRead()).toEqual(ofFirst);
    expect(await costOfRead()).toEqual(ofFirst);
    expect(await keptReads()).toBe(keptBefore + 2);
    expect(refused(await as('hal', 'wrong').get('/h/k'))).toBe(true);
    expect(refused(await as('gil').get('/h/k'))).toBe(true);
    await root.putRole('hal', { revoke: { kv: { read: ['/h/*'] } } });
    expect(refused(await hal.get('/h/k'))).toBe(true);
  });

  test('loses a right, a password or its life for the very next request', async () => {
    const { root, as } = rights;
    expect((await as('cal').setByForm('/k')).status).toBe(201);
    await root.putRole('cal', { revoke: { kv: { write: ['/k'] } } });
    expect(refused(await as('cal').setByForm('/k'))).toBe(true);
    expect((await as('cal').get('/k')).status).toBe(200);
    await root.putUser('cal', { password: 'another' });
    expect(refused(await as('cal').get('/k'))).toBe(true);
    expect((await as('cal', 'another').get('/k')).status).toBe(200);
    await root.send('DELETE', '/v2/auth/users/cal');
    expect(refused(await as('cal', 'another').get('/k'))).toBe(true);
  });

  test('whose password comes back may come back', async () => {
    const { root, as } = rights;
    expect((await as('dan').get('/dan')).status).toBe(404);
    await root.putUser('dan', { password: 'another' });
    await root.putUser('dan', { password: 'dan' });
    expect((await as('dan').get('/dan')).status).toBe(404);
    expect(refused(await as('dan', 'another').get('/dan'))).toBe(true);
  });

  test('needs a pattern with a star for whatever is recursive', async () => {
    const { root, as } = rights;
    await root.set('/d/k');
    await root.set('/e/k');
    expect((await as('eve').get('/d')).status).toBe(200);
    expect(refused(await as('eve').get('/d?recursive=true'))).toBe(true);
    expect((await as('eve').get('/e/?recursive=true')).status).toBe(200);
    expect(refused(await as('eve').get('/e?recursive=true'))).toBe(true);
    expect(refused(await as('eve').send('DELETE', '/v2/keys/d?recursive=true'))).toBe(true);
    expect((await as('eve').send('DELETE', '/v2/keys/e?recursive=true')).status).toBe(200);
  });

  test('with an empty pattern has no right by it', async () => {
    const { as } = rights;
    for (const key of ['', '/', '/k']) expect(refused(await as('fay').get(key))).toBe(true);
  });
});

describe('without credentials', () => {
  apiTest('the role guest says what may be done, by default everything', async ({ api }) => {
    const { root, guest } = clientsOf(api);
    await root.putUser('root', { password: ROOT_PASSWORD });
    await root.send('PUT', '/v2/auth/enable');
    expect((await guest.setByForm('/k')).status).toBe(201);
    await root.putRole('guest', { revoke: { kv: { write: ['/*'] } } });
    expect((await guest.get('/k')).status).toBe(200);
    expect(refused(await guest.setByForm('/k'))).toBe(true);
    await root.send('DELETE', '/v2/auth/roles/guest');
    expect(refused(await guest.get('/k'))).toBe(true);
  });

  test('nothing is told of users and roles, and no member is changed', async () => {
    const { guest, as } = rights;
    for (const target of ['users', 'users/root', 'roles', 'roles/root'])
      for (const client of [guest, as('bea')]) {
        const answer = await client.send('GET', `/v2/auth/${target}`);
        expect(answer).toMatchObject({ status: 401, text: '{"message":"Insufficient credentials"}' });
      }
    expect((await guest.send('POST', '/v2/members', {})).status).toBe(401);
    expect((await guest.send('GET', '/v2/members')).status).toBe(200);
    expect((await guest.send('GET', '/v2/auth/enable')).text).toBe('{"enabled":true}\n');
  });

  test('all that tells of the server is told as ever', async () => {
    const { guest } = rights;
    for (const target of ['/version', '/health', '/metrics', '/v2/machines', '/v2/members', '/v2/members/leader'])
      expect((await guest.send('GET', target)).status, target).toBe(200);
    for (const name of ['store', 'self', 'leader'])
      expect((await guest.send('GET', `/v2/stats/${name}`)).status, name).toBe(200);
    expect((await guest.send('OPTIONS', '/v2/keys/k')).status).toBe(200);
  });
});

describe('a watch', () => {
  test('needs the right to begin, and goes on without it', async () => {
    const { root, as } = rights;
    expect(refused(await as('gil').get('/other?wait=true'))).toBe(true);
    const watch = await openWatch(api.url, '/v2/keys/watched?wait=true', { headers: basic('gil', 'gil') });
    expect(watch.status).toBe(200);
    await root.send('DELETE', '/v2/auth/users/gil');
    expect(refused(await as('gil').get('/watched'))).toBe(true);
    await root.set('/watched', 'seen');
    expect(await watch.nextLine()).toContain('"value":"seen"');
    await watch.close();
  });

  apiTest('hears nothing of users and roles, neither live nor from the past', async ({ api }) => {
    const live = await openWatch(api.url, '/v2/keys/?wait=true&recursive=true&stream=true');
    const { root } = await turnOn(api, { ann: { read: ['/*'] } });
    const index = Number(JSON.parse((await root.set('/k')).text).node.modifiedIndex);
    expect(await live.nextLine()).toContain(`"modifiedIndex":${index}`);
    expect((await root.get('/?wait=true&recursive=true&waitIndex=2')).text).toContain(`"modifiedIndex":${index}`);
    expect((await root.get('/?recursive=true')).text).not.toContain('root');
    await live.close();
  });
});

apiTest('each change of users, roles and the switch takes an index, the first five', async ({ api }) => {
  const { root } = clientsOf(api);
  const index = async () => Number((await api.get('/missing')).headers['x-etcd-index']);
  const before = await index();
  await root.putUser('root', { password: ROOT_PASSWORD });
  expect(await index()).toBe(before + 5);
  await root.putRole('r');
  await root.putRole('r');
  expect(await index()).toBe(before + 6);
  await root.send('PUT', '/v2/auth/enable');
  expect((await root.set('/k')).headers['x-etcd-index']).toBe(String(before + 9));
});

apiTest('a password is told to nobody, nor is its hash', async ({ api }) => {
  const { root } = await turnOn(api, {});
  const secret = 'a-secret-that-nobody-tells';
  const made = await root.putUser('ann', { password: secret, roles: ['r'] });
  const told = [made.text, (await root.send('GET', '/v2/auth/users/ann')).text, (await api.fetch('/metrics')).text];
  for (const text of told) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain('$2a$');
  }
});
