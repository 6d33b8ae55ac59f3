/** What a server with several front ends tells about itself: one truth, whichever front end is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PageText } from '../metrics/page-text.ts';
import { ApiClient } from '../support/http.ts';
import { startCommandLine, startInProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';
import { clientsOf, FRONT_ENDS, flags, frontEndsTest } from './three-front-ends.ts';

const THREADS = ['main', 'front-end-1', 'front-end-2'];

async function scrape(api: ApiClient): Promise<PageText> {
  return new PageText((await api.fetch('/metrics')).text);
}

/** Series that no scrape changes, with their values. */
function lastingOf(page: PageText): [string, number][] {
  const prefixes = [
    ...['etcd_http_', 'etcd_debugging_store_', 'etcd_server_', 'etcd_cluster_version', 'process_start_time_seconds'],
    ...['uetcd_requests_refused_total', 'uetcd_watch_events_sent_total', 'uetcd_ring_capacity_bytes', 'uetcd_snapshot'],
    ...['uetcd_store_nodes', 'uetcd_store_index', 'uetcd_journal_', 'uetcd_build_info'],
    'uetcd_request_duration_seconds_bucket{operation="set"',
  ];
  return prefixes.flatMap((prefix) => page.series(prefix)).map((series) => [series, page.value(series)]);
}

frontEndsTest('requests of many connections add up on one page', async ({ server }) => {
  const crowd = Array.from({ length: 4 * FRONT_ENDS }, () => new ApiClient(server.url));
  await Promise.all(
    crowd.map(async (client, number) => {
      for (let count = 0; count < 10; count++) await client.put(`/${number}`, `value=${count}`);
      await client.get('/none');
      await client.put('/a', 'value=1&ttl=nonsense');
    }),
  );
  for (const client of crowd.slice(0, FRONT_ENDS)) {
    const page = await scrape(client);
    expect(page.value('etcd_http_received_total{method="PUT"}')).toBe(10 * crowd.length);
    expect(page.value('etcd_http_successful_duration_seconds_count{method="PUT"}')).toBe(10 * crowd.length);
    expect(page.value('uetcd_request_duration_seconds_count{operation="set",outcome="success"}')).toBe(
      10 * crowd.length,
    );
    expect(page.value('etcd_http_failed_total{code="404",method="GET"}')).toBe(crowd.length);
    expect(page.value('uetcd_requests_refused_total{reason="grammar"}')).toBe(crowd.length);
    for (const thread of THREADS) {
      expect(page.value(`uetcd_parks_total{thread="${thread}"}`)).toBeGreaterThan(0);
      expect(page.value(`uetcd_event_loop_turn_seconds_count{thread="${thread}"}`)).toBeGreaterThan(0);
      expect(page.value(`uetcd_heap_used_bytes{thread="${thread}"}`)).toBeGreaterThan(1_000_000);
    }
    for (let number = 0; number < FRONT_ENDS; number++) {
      for (const ring of ['requests', 'replies']) {
        expect(page.has(`uetcd_ring_used_bytes{ring="${ring}",front_end="${number}"}`)).toBe(true);
      }
    }
  }
  for (const client of crowd) await client.close();
});

frontEndsTest('an event is counted for each of its watchers, at whichever front end', async ({ clients }) => {
  const watches = await Promise.all(clients.map((client) => client.watch('/k?wait=true')));
  await clients[0]?.put('/k', 'value=1');
  for (const watch of watches) await watch.nextLine();
  for (const client of clients) {
    await expect.poll(async () => (await scrape(client)).value('uetcd_watch_events_sent_total')).toBe(FRONT_ENDS);
  }
  for (const watch of watches) await watch.close();
});

frontEndsTest(
  'what large answers leave behind is nothing in flight, though nothing else happens there',
  async ({ server, clients }) => {
    const [first] = clients as [ApiClient];
    await first.put('/large', `value=${'v'.repeat(200_000)}`);
    const readers = Array.from({ length: 3 * FRONT_ENDS }, () => new ApiClient(server.url));
    const answers = await Promise.all(readers.map((reader) => reader.get('/large')));
    for (const { text } of answers) expect(text.length).toBeGreaterThan(200_000);
    for (const client of clients) {
      await expect.poll(async () => (await scrape(client)).value('uetcd_requests_in_flight')).toBe(1);
    }
    await Promise.all(readers.map((reader) => reader.close()));
  },
);

test('a durable server tells the same at every front end, its snapshots included', async () => {
  const directory = makeTemporary('uetcd-metrics');
  const server = await startInProcess({ frontEnds: FRONT_ENDS, dataDir: directory, snapshotCount: 20 });
  const clients = await clientsOf(server.url);
  const [first] = clients as [ApiClient];
  for (let count = 0; count < 30; count++) await clients[count % FRONT_ENDS]?.put('/a', 'value=1');
  await expect
    .poll(async () => (await scrape(first)).value('uetcd_snapshots_total{outcome="success"}'), { timeout: 30_000 })
    .toBe(1);
  // After a moment's rest the journal is sealed, which is a write.
  await sleep(1_000);
  const pages = await Promise.all(clients.map(scrape));
  const [expected] = pages.map(lastingOf) as [[string, number][]];
  expect(expected.length).toBeGreaterThan(60);
  for (const page of pages) {
    expect(lastingOf(page)).toEqual(expected);
    expect(page.metrics).toEqual(pages[0]?.metrics);
  }
  const vars = await Promise.all(
    clients.map(async (client) => JSON.parse((await client.fetch('/debug/vars')).text) as Record<string, object>),
  );
  for (const { cmdline, 'raft.status': raft, uetcd } of vars) {
    expect([cmdline, raft]).toEqual([process.argv, vars[0]?.['raft.status']]);
    expect(uetcd).toMatchObject({ requestDurationsMs: { set: { count: 30 } } });
  }
  for (const client of clients) await client.close();
  await server.stop();
  removeTemporary(directory);
});

test('a watcher too many is counted, wherever it asks', async () => {
  const server = await startInProcess({ frontEnds: FRONT_ENDS, maxWatchers: 1 });
  const clients = await clientsOf(server.url);
  const watch = await clients[0]?.watch('/k?wait=true');
  for (const client of clients) expect((await client.get('/k?wait=true')).status).toBe(503);
  for (const client of clients) {
    const page = await scrape(client);
    expect(page.value('uetcd_requests_refused_total{reason="watchers"}')).toBe(FRONT_ENDS);
    expect(page.value('uetcd_request_duration_seconds_count{operation="watch",outcome="failure"}')).toBe(FRONT_ENDS);
  }
  await watch?.close();
  for (const client of clients) await client.close();
  await server.stop();
});

test('URLs for metrics alone tell of all front ends', async () => {
  const server = await startInProcess({ frontEnds: FRONT_ENDS, listenMetricsUrls: ['http://127.0.0.1:0'] });
  const clients = await clientsOf(server.url);
  for (const client of clients) await client.put('/a', 'value=1');
  const [url = ''] = server.metricsUrls;
  for (let connection = 0; connection < 2 * FRONT_ENDS; connection++) {
    const metrics = new ApiClient(url);
    expect((await scrape(metrics)).value('etcd_http_received_total{method="PUT"}')).toBe(FRONT_ENDS);
    expect((await metrics.fetch('/v2/keys/a')).status).toBe(404);
    await metrics.close();
  }
  for (const client of clients) await client.close();
  await server.stop();
});

test('a slow request at any front end is told in the log', async () => {
  const server = await startCommandLine([...flags, '--slow-request-ms', '1']);
  const clients = await clientsOf(server.url);
  const value = 'x'.repeat(100_000);
  for (let count = 0; count < 100; count++) await clients[0]?.put(`/much/${count}`, `value=${value}`);
  for (const client of clients) {
    await sleep(1_100); // Only so many are told in a second.
    await client.get('/much?recursive=true');
  }
  const slow = (await scrape(clients[0] as ApiClient)).value('uetcd_requests_slow_total');
  for (const client of clients) await client.close();
  await server.stop();
  const lines = server.output().stdout.trimEnd().split('\n');
  const told = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'slow request');
  const listings = told.filter(({ method, path }) => method === 'GET' && path === '/much');
  expect(listings).toHaveLength(FRONT_ENDS);
  expect(slow).toBeGreaterThanOrEqual(told.length);
});
