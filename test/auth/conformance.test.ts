/** What a real etcd answers about users, roles and rights, recorded by the conformance kit (test/auth/scenarios). */
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { hasKit, replayKit } from '../support/conformance-kit.ts';
import type { ApiClient } from '../support/http.ts';
import { startInProcess } from '../support/servers.ts';
import { withApi } from './auth-client.ts';

const scenarios = fileURLToPath(new URL('scenarios', import.meta.url));

describe.skipIf(!hasKit)('the scenarios of users and roles', () => {
  test('pass', async () => {
    const server = await startInProcess();
    try {
      // The scenarios begin where the directories of users and roles are, which the first change has made.
      await withApi(server.url, (api: ApiClient) => api.send({ method: 'DELETE', target: '/v2/auth/users/nobody' }));
      await replayKit(server.url, 'in-memory', [], scenarios);
    } finally {
      await server.stop();
    }
  });
});
