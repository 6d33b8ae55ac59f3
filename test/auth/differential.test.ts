/** A real etcd and uetcd side by side: random users, roles, rights and requests; answers, indexes and counters are the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesOf } from '../differential/comparison.ts';
import { alignIndexes, hasEtcd, operationsTotal, type Pair, seed, startPair } from '../differential/pair.ts';
import type { ApiClient } from '../support/http.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { basic } from './auth-client.ts';

/** etcd takes a tenth of a second for each password that it looks at, so there are few. */
const operationsCount = Math.ceil(operationsTotal / 40);

const USERS = ['root', 'ann', 'bob', '_h'] as const;
const ROLES = ['root', 'guest', 'r', 's'] as const;
const KEYS = ['', '/', '/a', '/a/', '/a/b', '/ab', '/d/e'] as const;
const PATTERNS = ['/*', '*', '/a', '/a*', '/a/*', '/d/e', '/', '/ab'] as const;

interface Operation {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

class Operations {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  next(): Operation {
    const random = this.#random;
    const kind = random.below(10);
    if (kind < 4) return this.#onKeys();
    if (kind < 6) return this.#onUsers();
    if (kind < 8) return this.#onRoles();
    const method = random.oneOf(['GET', 'PUT', 'PUT', 'DELETE', 'POST']);
    return { method, target: '/v2/auth/enable', headers: this.#credentials() };
  }

  #onKeys(): Operation {
    const random = this.#random;
    const method = random.oneOf(['GET', 'GET', 'PUT', 'PUT', 'POST', 'DELETE']);
    const query = random.oneOf([
      '',
      '',
      'recursive=true',
      'dir=true',
      'sorted=true&recursive=true',
      method === 'DELETE' ? '' : 'prevValue=x',
      'wait=x',
    ]);
    // What etcd counts wrongly is no subject here (test/differential/statistics.test.ts).
    const isMisfiled = method === 'DELETE' || query.includes('prevValue');
    const key = random.oneOf(isMisfiled ? KEYS.filter((name) => name.length > 1) : KEYS);
    const target = `/v2/keys${key}?${query}${method === 'GET' ? '' : '&value=x'}`;
    return { method, target, headers: this.#credentials() };
  }

  #onUsers(): Operation {
    const random = this.#random;
    const user = random.oneOf(USERS);
    const method = random.oneOf(['GET', 'PUT', 'PUT', 'PUT', 'DELETE']);
    const change = {
      user: random.chance(0.95) ? user : 'other',
      ...(random.chance(0.5) ? { password: user === 'root' ? user : random.oneOf([user, user, 'x', '']) } : {}),
      ...(random.chance(0.3) ? { roles: this.#some(ROLES) } : {}),
      ...(random.chance(0.4) ? { grant: this.#some(ROLES) } : {}),
      ...(random.chance(0.2) ? { revoke: this.#some(ROLES) } : {}),
    };
    const path = method === 'GET' && random.chance(0.3) ? '' : `/${user}`;
    return this.#onAuth(method, `users${path}`, change);
  }

  #onRoles(): Operation {
    const random = this.#random;
    const role = random.oneOf(ROLES);
    const method = random.oneOf(['GET', 'PUT', 'PUT', 'PUT', 'DELETE']);
    const permissions = () => ({ kv: { read: this.#some(PATTERNS), write: this.#some(PATTERNS) } });
    const change = {
      role: random.chance(0.95) ? role : 'other',
      ...(random.chance(0.3) ? { permissions: permissions() } : {}),
      ...(random.chance(0.4) ? { grant: permissions() } : {}),
      ...(random.chance(0.2) ? { revoke: permissions() } : {}),
    };
    const path = method === 'GET' && random.chance(0.3) ? '' : `/${role}`;
    return this.#onAuth(method, `roles${path}`, change);
  }

  #onAuth(method: string, path: string, change: object): Operation {
    const target = `/v2/auth/${path}`;
    const headers = this.#credentials();
    return method === 'PUT' ? { method, target, headers, body: JSON.stringify(change) } : { method, target, headers };
  }

  /** Mostly those of root, or nothing would change once authentication is on. */
  #credentials(): Readonly<Record<string, string>> {
    const random = this.#random;
    if (random.chance(0.5)) return basic('root', 'root');
    if (random.chance(0.4)) return {};
    if (random.chance(0.1)) return { authorization: 'Basic nonsense' };
    const name = random.oneOf(USERS);
    return basic(name, random.chance(0.8) ? name : 'x');
  }

  #some<T>(choices: readonly T[]): readonly T[] {
    return Array.from({ length: this.#random.below(3) }, () => this.#random.oneOf(choices));
  }
}

describe.skipIf(!hasEtcd)('against a real etcd', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.stop());

  test('a field that comes again in a body is taken in again', async () => {
    await alignIndexes(pair);
    for (const [target, body] of REPEATED_FIELDS) {
      const sent = { method: 'PUT', target, body, headers: { 'content-type': 'application/json' } };
      const [peer, subject] = await Promise.all([pair.peer.send(sent), pair.subject.send(sent)]);
      expect(differencesOf(peer, subject, true), body).toEqual([]);
    }
    await Promise.all(bothOf(pair).map((server) => server.send({ method: 'DELETE', target: '/v2/auth/roles/twice' })));
    await Promise.all(bothOf(pair).map((server) => server.send({ method: 'DELETE', target: '/v2/auth/users/twice' })));
  });

  test('any sequence of changes and requests is answered and counted the same', { timeout: 1_200_000 }, async () => {
    // Nothing is left of the padding, whichever of the two needed it.
    await Promise.all(bothOf(pair).map((server) => server.put('/padding', 'value=')));
    await alignIndexes(pair);
    await Promise.all(bothOf(pair).map((server) => server.delete('/padding')));
    const before = await Promise.all(bothOf(pair).map(countersOf));
    const operations = new Operations(new SeededRandom(seed));
    const beginning = [makeRoot, ...Array.from({ length: 10 }, () => operations.next()), enable];
    const done: string[] = [];
    const statuses = new Set<number>();
    for (let count = 0; count < operationsCount; count++) {
      const operation = beginning[count] ?? operations.next();
      done.push(JSON.stringify(operation));
      const [peer, subject] = await Promise.all(bothOf(pair).map((server) => server.send(operation)));
      if (peer === undefined || subject === undefined) throw new Error('two servers give two answers');
      statuses.add(peer.status);
      const differences = differencesOf(peer, subject, operation.target.includes('sorted'));
      if (differences.length > 0) throw new Error(`${differences.join('\n')}\nafter\n${done.join('\n')}`);
    }
    expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 201, 400, 401, 404, 409]));
    const after = await Promise.all(bothOf(pair).map(countersOf));
    const growth = after.map((counters, server) =>
      Object.fromEntries(
        Object.entries(counters).map(([name, count]) => [name, count - (before[server]?.[name] ?? 0)]),
      ),
    );
    expect(growth[1], done.join('\n')).toEqual(growth[0]);
  });
});

/** None of them changes the list of members. */
const REPEATED_FIELDS = [
  ['/v2/auth/users/twice', '{"user":1,"user":"twice"}'],
  ['/v2/auth/users/twice', '{"user":"twice","roles":{},"roles":[]}'],
  [
    '/v2/auth/users/twice',
    '{"user":"x","user":"twice","user":null,"roles":["r","s"],"Roles":[null,"t","u"],"grant":["r"],"grant":null}',
  ],
  ['/v2/auth/roles/twice', '{"role":"twice","permissions":{"kv":[],"kv":{}}}'],
  ['/v2/auth/roles/twice', '{"role":"twice","permissions":{"kv":{"read":["/a"]},"kv":{"write":["/b"]}}}'],
  ['/v2/auth/roles/twice', '{"role":"twice","grant":{"kv":{"read":["/c","/d"]}},"Grant":{"kv":{"read":[null,"/e"]}}}'],
  ['/v2/auth/users/twice', '{"user":"twice","grant":["a","b"],"grant":["c"],"grant":[null,null]}'],
  [
    '/v2/auth/roles/twice',
    '{"role":"twice","grant":{"kv":{"read":["f","g"]},"kv":{"read":["h"]},"kv":{"read":[null,null,null]}}}',
  ],
  ['/v2/members/1', '{"peerURLs":["a","b"],"peerURLs":["http://a:1"],"peerURLs":[null,null]}'],
  ['/v2/members/1', '{"peerURLs":1,"peerURLs":["http://a:1"]}'],
  ['/v2/members/1', '{"peerURLs":["a"],"PEERurls":[null]}'],
] as const;

const makeRoot: Operation = {
  method: 'PUT',
  target: '/v2/auth/users/root',
  headers: {},
  body: '{"user":"root","password":"root"}',
};
const enable: Operation = { method: 'PUT', target: '/v2/auth/enable', headers: {} };

function bothOf({ peer, subject }: Pair): ApiClient[] {
  return [peer, subject];
}

async function countersOf(server: ApiClient): Promise<Record<string, number>> {
  return JSON.parse((await server.fetch('/v2/stats/store')).text);
}
