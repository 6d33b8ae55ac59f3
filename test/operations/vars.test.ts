/** `/debug/vars`: Go's expvar as a real etcd has it, as far as there is something true to say. */
import { expect, test } from 'vitest';
import { apiTest } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { isInstalled, startEtcd, startInProcess } from '../support/servers.ts';

async function varsOf(api: ApiClient): Promise<Record<string, Record<string, unknown>>> {
  return JSON.parse((await api.fetch('/debug/vars')).text);
}

apiTest('is JSON, a variable a line, and only to be read', async ({ api }) => {
  const answer = await api.fetch('/debug/vars');
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  expect(answer.text).toMatch(
    /^\{\n"cmdline": \[.*\],\n"file_descriptor_limit": \d+,\n"memstats": \{.*\},\n(.*\n)*\}\n$/,
  );
  for (const method of ['POST', 'HEAD']) {
    const refused = await api.send({ method, target: '/debug/vars' });
    expect([refused.status, refused.headers['allow']]).toEqual([405, 'GET']);
  }
});

apiTest('tells of memory, of the one member, and how long requests take', async ({ api }) => {
  for (let count = 0; count < 10; count++) await api.put('/a', 'value=1');
  const vars = await varsOf(api);
  expect(vars['cmdline']).toEqual(process.argv);
  const { HeapAlloc, HeapSys, Sys } = vars['memstats'] as Record<string, number>;
  expect(HeapAlloc).toBeGreaterThan(1_000_000);
  expect(HeapSys).toBeGreaterThanOrEqual(HeapAlloc as number);
  expect(Sys).toBeGreaterThan(1_000_000);
  const { members } = JSON.parse((await api.fetch('/v2/members')).text);
  expect(vars['raft.status']).toMatchObject({ id: members[0].id, lead: members[0].id, applied: 10, commit: 10 });
  const durations = vars['uetcd']?.['requestDurationsMs'] as Record<string, Record<string, number>>;
  const { count, p50, p99, max } = durations['set'] ?? {};
  expect(count).toBe(10);
  expect(p50).toBeGreaterThan(0);
  expect(p99).toBeGreaterThanOrEqual(p50 as number);
  expect(max).toBeGreaterThanOrEqual(p99 as number);
});

const hasEtcd = isInstalled('etcd');
if (!hasEtcd) console.log('etcd is not installed: its /debug/vars is not compared with ours');

test.skipIf(!hasEtcd)('what a real etcd has as well has the same names and types', async () => {
  const [server, etcd] = [await startInProcess(), await startEtcd()];
  const [ourApi, itsApi] = [new ApiClient(server.url), new ApiClient(etcd.url)];
  const [ours, its] = [await varsOf(ourApi), await varsOf(itsApi)];
  expect(Object.keys(ours).filter((name) => name !== 'uetcd')).toEqual(Object.keys(its));
  for (const name of ['memstats', 'raft.status']) {
    for (const [field, value] of Object.entries(ours[name] ?? {})) {
      expect([name, field, typeof value]).toEqual([name, field, typeof its[name]?.[field]]);
    }
  }
  expect(Object.keys(ours['raft.status'] ?? {})).toEqual(Object.keys(its['raft.status'] ?? {}));
  for (const api of [ourApi, itsApi]) await api.close();
  for (const running of [server, etcd]) await running.stop();
});
