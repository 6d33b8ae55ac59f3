import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesOf } from './comparison.ts';
import { compareKeySequences } from './key-sequences.ts';
import { alignIndexes, hasEtcd, operationsTotal, type Pair, startPair } from './pair.ts';

describe.skipIf(!hasEtcd)('against a real etcd, key by key', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.stop());

  test('any sequence of requests is answered with the same bytes', { timeout: 1_200_000 }, async () => {
    await compareKeySequences(pair, operationsTotal);
  });

  test.each([
    ...['/', '/v2', '/v2/', '/v2/keysx', '/V2/keys', '/v2/stats', '/v2/stats/', '/v2/stats/store/', '/version/'],
    ...['/version', '/version?x=%zz', '/health', '/health/', '/v2/machines/', '/v2/members/nothing', '/v2//keys'],
    ...['/v2/keys/../stats/self/x', '/v2/auth/enable', '/v2/auth/users', '/v2/auth/roles', '/favicon.ico', '/v3x/kv'],
    ...['/%76ersion', '/v2%2Fkeys/none', '/v2/./keys?a=%zz&b', '/v2/keys//a%20b/%3F"?x=1&y=%zz', '/v2//%E2%82%AC'],
  ])('%s is answered the same by every method', async (target) => {
    await alignIndexes(pair);
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'get']) {
      const isWriteOfCluster = target.startsWith('/v2/members');
      if (isWriteOfCluster && method !== 'GET' && method !== 'OPTIONS') continue;
      const [peer, subject] = await Promise.all([
        pair.peer.send({ method, target }),
        pair.subject.send({ method, target }),
      ]);
      expect(differencesOf(peer, subject, true), `${method} ${target}`).toEqual([]);
    }
  });
});
