/** `/metrics`: that what it says is true, that Prometheus can read it, and that etcd's names mean what they mean there. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { basic } from '../auth/auth-client.ts';
import { PageText } from '../metrics/page-text.ts';
import { apiTest } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { isInstalled, startCommandLine, startEtcd, startInProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

async function scrape(api: ApiClient): Promise<PageText> {
  return new PageText((await api.fetch('/metrics')).text);
}

/** Of each kind of request one or more. */
async function useAll(api: ApiClient): Promise<void> {
  for (const value of ['1', '2', '3']) await api.put('/a', `value=${value}`);
  await api.get('/a');
  await api.get('/a?quorum=false');
  await api.get('/none');
  await api.get('/?recursive=true');
  await api.send({ method: 'HEAD', target: '/v2/keys/a' });
  await api.put('/a', 'value=4&prevValue=3');
  await api.put('/a', 'value=5&prevValue=3');
  await api.put('/a', 'value=6&prevExist=true');
  await api.put('/b', 'value=1&prevExist=false');
  await api.put('/b', 'value=1&prevExist=false');
  await api.post('/queue', 'value=1');
  await api.delete('/b?prevValue=1');
  await api.delete('/a');
  await api.delete('/queue');
  await api.put('/a', 'value=1&ttl=nonsense');
}

describe('the page', () => {
  apiTest('is of the type that Prometheus asks for, by any method', async ({ api }) => {
    const answer = await api.fetch('/metrics');
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect((await api.send({ method: 'POST', target: '/metrics', body: 'x' })).status).toBe(200);
    const head = await api.send({ method: 'HEAD', target: '/metrics' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(Number(head.headers['content-length'])).toBeGreaterThan(1000);
  });

  apiTest('counts every request once, by method, code, action and operation', async ({ api }) => {
    await useAll(api);
    const page = await scrape(api);
    const expected = {
      'etcd_http_received_total{method="GET"}': 4,
      'etcd_http_received_total{method="HEAD"}': 1,
      'etcd_http_received_total{method="PUT"}': 8,
      'etcd_http_received_total{method="POST"}': 1,
      'etcd_http_received_total{method="DELETE"}': 3,
      'etcd_http_failed_total{code="404",method="GET"}': 1,
      'etcd_http_failed_total{code="412",method="PUT"}': 2,
      'etcd_http_failed_total{code="403",method="DELETE"}': 1,
      'etcd_http_successful_duration_seconds_count{method="GET"}': 3,
      'etcd_http_successful_duration_seconds_count{method="PUT"}': 6,
      'etcd_http_successful_duration_seconds_count{method="DELETE"}': 2,
      'etcd_debugging_store_reads_total{action="get"}': 4,
      'etcd_debugging_store_reads_total{action="getRecursive"}': 1,
      'etcd_debugging_store_writes_total{action="set"}': 3,
      'etcd_debugging_store_writes_total{action="compareAndSwap"}': 2,
      'etcd_debugging_store_writes_total{action="update"}': 1,
      'etcd_debugging_store_writes_total{action="create"}': 3,
      'etcd_debugging_store_writes_total{action="delete"}': 2,
      'etcd_debugging_store_writes_total{action="compareAndDelete"}': 1,
      'uetcd_request_duration_seconds_count{operation="set",outcome="success"}': 3,
      'uetcd_request_duration_seconds_count{operation="createInOrder",outcome="success"}': 1,
      'uetcd_request_duration_seconds_count{operation="compareAndSwap",outcome="failure"}': 1,
      'uetcd_requests_refused_total{reason="grammar"}': 1,
    };
    for (const [series, count] of Object.entries(expected))
      expect([series, page.value(series)]).toEqual([series, count]);
    expect(page.series('etcd_http_failed_total{')).toHaveLength(3);
  });

  test('tells durations: buckets grow up to the count, and the sum is within the time that passed', async () => {
    const server = await startCommandLine();
    // Of a crowd, most requests come while the event loop turns without sleeping.
    const crowd = Array.from({ length: 10 }, () => new ApiClient(server.url));
    const startMs = performance.now();
    await Promise.all(
      crowd.map(async (client) => {
        for (let count = 0; count < 20; count++) await client.put('/a', 'value=1');
      }),
    );
    const passedSeconds = (performance.now() - startMs) / 1000;
    const page = await scrape(crowd[0] as ApiClient);
    for (const name of ['etcd_http_successful_duration_seconds', 'uetcd_request_duration_seconds']) {
      const buckets = page.series(`${name}_bucket{`).filter((series) => /"(PUT|set)"/.test(series));
      const counts = buckets.map((series) => page.value(series));
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect([counts.at(-1), buckets.at(-1)]).toEqual([200, expect.stringContaining('le="+Inf"')]);
      const sum = page.series(`${name}_sum{`).map((series) => page.value(series))[0] ?? 0;
      expect(sum).toBeGreaterThan(0);
      expect(sum).toBeLessThanOrEqual(passedSeconds * crowd.length);
    }
    for (const client of crowd) await client.close();
    await server.stop();
  });

  apiTest('counts watches, their events, expiries and health checks', async ({ api }) => {
    const watches = [await api.watch('/k?wait=true'), await api.watch('/?wait=true&stream=true&recursive=true')];
    let page = await scrape(api);
    expect(page.value('etcd_debugging_store_watchers')).toBe(2);
    expect(page.value('etcd_debugging_store_watch_requests_total')).toBe(2);
    expect(page.value('uetcd_watch_events_sent_total')).toBe(0);
    await api.put('/k', 'value=1&ttl=1');
    for (const watch of watches) await watch.nextLine();
    expect((await scrape(api)).value('uetcd_store_expiring_nodes')).toBe(1);
    await watches[1]?.nextLine(); // It has expired.
    await api.fetch('/health');
    page = await scrape(api);
    expect(page.value('uetcd_watch_events_sent_total')).toBe(3);
    expect(page.value('etcd_debugging_store_expires_total')).toBe(1);
    expect(page.value('etcd_debugging_store_watchers')).toBe(1);
    expect(page.value('etcd_server_health_success')).toBe(1);
    expect(page.value('uetcd_store_index')).toBe(3);
    expect(page.value('uetcd_store_nodes')).toBe(0);
    for (const watch of watches) await watch.close();
  });

  apiTest('tells of threads, rings and memory', async ({ api }) => {
    for (let count = 0; count < 20; count++) await api.put('/a', 'value=1');
    const page = await scrape(api);
    for (const thread of ['main', 'store']) {
      expect(page.value(`uetcd_parks_total{thread="${thread}"}`)).toBeGreaterThan(0);
    }
    expect(page.value('uetcd_wakes_total{thread="store"}')).toBeGreaterThan(0);
    expect(page.value('uetcd_store_batch_size_sum')).toBeGreaterThanOrEqual(20);
    expect(page.value('uetcd_store_batch_size_count')).toBeLessThanOrEqual(page.value('uetcd_store_batch_size_sum'));
    expect(page.value('uetcd_event_loop_turn_seconds_count{thread="main"}')).toBeGreaterThan(0);
    expect(page.value('uetcd_ring_capacity_bytes{ring="requests",front_end="0"}')).toBe(4 * 1024 * 1024);
    expect(page.value('uetcd_store_answers')).toBe(1);
    expect(page.value('uetcd_heap_used_bytes{thread="main"}')).toBeGreaterThan(1_000_000);
    const used = page.value('uetcd_store_heap_used_bytes');
    expect(used).toBeGreaterThan(1_000_000);
    expect(page.value('uetcd_store_heap_limit_bytes')).toBeGreaterThan(used);
    expect(page.value('process_resident_memory_bytes')).toBeGreaterThan(used);
    expect(page.value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(page.has('etcd_disk_wal_fsync_duration_seconds_count')).toBe(false); // It is in memory.
  });

  apiTest('counts collections of garbage', async ({ api }) => {
    const collected = async () => {
      const page = await scrape(api);
      const series = page.series('uetcd_gc_pause_seconds_count{');
      expect(series.length).toBeGreaterThan(0);
      return series.reduce((sum, name) => sum + page.value(name), 0);
    };
    let kept: unknown[] = [];
    const someGarbage = () => {
      for (let count = 0; count < 300_000; count++) kept.push({ count });
      kept = [];
    };
    await expect
      .poll(
        () => {
          someGarbage();
          return collected();
        },
        { timeout: 60_000 },
      )
      .toBeGreaterThan(0);
  });
});

test('a client that goes away before its answer is counted', async () => {
  const server = await startInProcess();
  const api = new ApiClient(server.url);
  const value = 'x'.repeat(50_000);
  for (let count = 0; count < 200; count++) await api.put(`/much/${count}`, `value=${value}`);
  const abandoned = async () => (await scrape(api)).value('uetcd_requests_abandoned_total');
  // Whether its answer is faster than its leaving is chance, so it is tried again.
  await expect
    .poll(
      async () => {
        const connection = await RawConnection.open(server.url);
        await connection.write(requestBytes('GET', '/v2/keys/much?recursive=true'));
        connection.destroy();
        return abandoned();
      },
      { timeout: 60_000 },
    )
    .toBeGreaterThan(0);
  await api.close();
  await server.stop();
});

describe('where users have passwords', () => {
  const GUESSES = 12;

  async function withRoot(body: (api: ApiClient) => Promise<void>) {
    // Connections enough for all guesses at once.
    const server = await startInProcess({ slowRequestMs: 1 });
    const api = new ApiClient(server.url, GUESSES + 1);
    await api.send({ method: 'PUT', target: '/v2/auth/users/root', body: '{"user":"root","password":"geheim"}' });
    await api.send({ method: 'PUT', target: '/v2/auth/enable' });
    await body(api);
    await api.close();
    await server.stop();
  }

  const sendAs = (api: ApiClient, password: string, method: string, target: string) =>
    api.send({ method, target, headers: basic('root', password) });

  test('refusals are counted as what they are, on the key space and elsewhere', async () => {
    await withRoot(async (api) => {
      let denied = 0;
      let busy = 0;
      for (const target of ['/v2/keys/a', '/v2/auth/users/root']) {
        const guesses = Array.from({ length: GUESSES }, (_, count) => sendAs(api, `guess ${count}`, 'GET', target));
        const statuses = (await Promise.all(guesses)).map(({ status }) => status);
        denied += statuses.filter((status) => status === 401).length;
        busy += statuses.filter((status) => status === 503).length;
      }
      expect(denied + busy).toBe(2 * GUESSES);
      const page = await scrape(api);
      const refused = (reason: string) => page.value(`uetcd_requests_refused_total{reason="${reason}"}`);
      expect([refused('rights'), refused('passwords'), refused('grammar')]).toEqual([denied, busy, 0]);
    });
  });

  test('a request takes as long as its password is checked, too', async () => {
    await withRoot(async (api) => {
      const startMs = performance.now();
      expect((await sendAs(api, 'geheim', 'DELETE', '/v2/keys/a')).status).toBe(404);
      const passedMs = performance.now() - startMs;
      const page = await scrape(api);
      const tookSeconds = page.value('uetcd_request_duration_seconds_sum{operation="delete",outcome="failure"}');
      expect(1000 * tookSeconds).toBeGreaterThan(passedMs / 2);
      expect(page.value('uetcd_requests_slow_total')).toBe(1);
    });
  });
});

test('a large form is part of how long its request takes', async () => {
  const server = await startInProcess();
  const api = new ApiClient(server.url);
  const clients = Array.from({ length: 4 }, () => new ApiClient(server.url));
  const form = `value=x&${'a=b&'.repeat(1_000_000)}`;
  const startMs = performance.now();
  // Each is read when the one before has been.
  await Promise.all(clients.map((client, count) => client.put(`/${count}`, form)));
  const passedMs = performance.now() - startMs;
  const took = (await scrape(api)).value('uetcd_request_duration_seconds_sum{operation="set",outcome="success"}');
  expect(1000 * took).toBeGreaterThan(passedMs / 4); // The store has a few of these milliseconds.
  for (const client of clients) await client.close();
  await api.close();
  await server.stop();
});

describe('a large answer', () => {
  const target = '/v2/keys/much?recursive=true';

  /** More than the kernel's buffers of both ends take. */
  async function withMuch(options: Parameters<typeof startInProcess>[0], body: (api: ApiClient) => Promise<void>) {
    const server = await startInProcess(options);
    const api = new ApiClient(server.url);
    const value = 'x'.repeat(200_000);
    for (let count = 0; count < 120; count++) await api.put(`/much/${count}`, `value=${value}`);
    await body(api);
    await api.close();
    await server.stop();
  }

  const cut = async (api: ApiClient) => {
    const page = await scrape(api);
    return ['stalled', 'client_gone'].map((reason) => page.value(`uetcd_answers_cut_total{reason="${reason}"}`));
  };

  test('that its reader does not take is cut off and counted as that', { timeout: 60_000 }, async () => {
    await withMuch({ maxStallMs: 1_000 }, async (api) => {
      await api.fetch(target);
      expect(await cut(api)).toEqual([0, 0]);
      const connection = await RawConnection.open(api.url);
      connection.socket.pause();
      await connection.write(requestBytes('GET', target));
      await expect.poll(() => cut(api), { timeout: 30_000 }).toEqual([1, 0]);
      expect((await scrape(api)).value('uetcd_requests_in_flight')).toBe(1);
      connection.destroy();
    });
  });

  test('for which there is no room is counted as the failure that its client is told', async () => {
    const sizeBytes = 9_000_000; // More than the kernel's buffers of both ends take.
    const server = await startInProcess({ maxAnswerBytesInFlight: sizeBytes });
    const api = new ApiClient(server.url);
    await api.put('/a', `value=${'x'.repeat(sizeBytes)}`);
    const reader = await RawConnection.open(server.url);
    await reader.write(requestBytes('GET', '/v2/keys/a'));
    await reader.until(() => reader.received.length > 0);
    reader.socket.pause();
    expect((await api.get('/a')).status).toBe(503);
    const page = await scrape(api);
    expect(page.value('etcd_http_failed_total{code="503",method="GET"}')).toBe(1);
    expect(page.value('uetcd_request_duration_seconds_count{operation="get",outcome="success"}')).toBe(1);
    expect(page.value('uetcd_request_duration_seconds_count{operation="get",outcome="failure"}')).toBe(1);
    reader.destroy();
    await api.close();
    await server.stop();
  });

  test('whose reader goes away in the middle is counted as that', { timeout: 60_000 }, async () => {
    await withMuch({}, async (api) => {
      const connection = await RawConnection.open(api.url);
      await connection.write(requestBytes('GET', target));
      await connection.until(() => connection.received.length > 100_000);
      connection.socket.pause();
      connection.socket.resetAndDestroy();
      await expect.poll(() => cut(api), { timeout: 30_000 }).toEqual([0, 1]);
    });
  });

  test('that is compressed is counted, with its bytes before and after', async () => {
    await withMuch({ gzipFromBytes: 1_000 }, async (api) => {
      const plain = await api.fetch(target);
      const headers = { 'accept-encoding': 'gzip' };
      const compressed = await api.send({ method: 'GET', target, headers });
      const page = await scrape(api);
      expect(page.value('uetcd_gzip_answers_total')).toBe(1);
      expect(page.value('uetcd_gzip_in_bytes_total')).toBe(plain.bytes.length);
      expect(page.value('uetcd_gzip_out_bytes_total')).toBe(compressed.bytes.length);
    });
  });
});

test('a server that is told to count nothing serves, and still knows how many connections it has', async () => {
  const server = await startCommandLine(['--front-ends', '1', '--max-connections', '2'], { UETCD_METRICS: 'off' });
  const api = new ApiClient(server.url);
  await useAll(api);
  const page = await scrape(api);
  expect(page.series('etcd_http_received_total{')).toEqual([]);
  expect(page.series('uetcd_request_duration_seconds_count{')).toEqual([]);
  expect(page.value('uetcd_store_batch_size_count')).toBe(0);
  expect(page.value('uetcd_store_index')).toBeGreaterThan(0);
  expect(page.value('uetcd_connections')).toBeGreaterThan(0);
  const more = [await RawConnection.open(server.url), await RawConnection.open(server.url)];
  expect(await more[1]?.answer()).toMatchObject({ status: 503 });
  for (const connection of more) connection.destroy();
  await api.close();
  await server.stop();
});

test('a durable server tells of its journal', async () => {
  const directory = makeTemporary('uetcd-metrics');
  const server = await startInProcess({ dataDir: directory, snapshotCount: 20 });
  const api = new ApiClient(server.url);
  for (let count = 0; count < 30; count++) await api.put('/a', 'value=1');
  await expect
    .poll(async () => (await scrape(api)).value('uetcd_snapshots_total{outcome="success"}'), { timeout: 30_000 })
    .toBeGreaterThan(0);
  const page = await scrape(api);
  expect(page.value('uetcd_journal_group_size_sum')).toBeGreaterThanOrEqual(30);
  expect(page.value('etcd_disk_wal_fsync_duration_seconds_count')).toBeGreaterThan(0);
  expect(page.value('etcd_disk_wal_fsync_duration_seconds_count')).toBe(
    page.value('uetcd_journal_fdatasync_seconds_count'),
  );
  expect(page.value('etcd_disk_wal_fsync_duration_seconds_sum')).toBeGreaterThan(0);
  expect(page.value('etcd_disk_wal_write_bytes_total')).toBeGreaterThan(30 * 48);
  expect(page.value('uetcd_parks_total{thread="journal"}')).toBeGreaterThan(0);
  expect(page.value('uetcd_snapshot_last_duration_seconds')).toBeGreaterThan(0);
  expect(page.value('uetcd_journal_failed')).toBe(0);
  expect(page.value('etcd_server_proposals_applied_total')).toBeGreaterThanOrEqual(31); // And a checkpoint.
  expect(page.value('etcd_server_proposals_pending')).toBe(0);
  expect(page.value('etcd_server_proposals_committed_total')).toBe(page.value('etcd_server_proposals_applied_total'));
  await api.close();
  await server.stop();
  removeTemporary(directory);
});

test('URLs of their own serve metrics and health, and nothing else', async () => {
  const server = await startInProcess({ listenMetricsUrls: ['http://127.0.0.1:0', 'http://[::1]:0'] });
  expect(server.metricsUrls).toHaveLength(2);
  const api = new ApiClient(server.url);
  await api.put('/a', 'value=1');
  for (const url of server.metricsUrls) {
    const metrics = new ApiClient(url);
    expect((await scrape(metrics)).value('etcd_http_received_total{method="PUT"}')).toBe(1);
    expect((await metrics.fetch('/health')).text).toBe('{"health":"true"}');
    for (const path of ['/v2/keys/a', '/version', '/debug/vars']) expect((await metrics.fetch(path)).status).toBe(404);
    await metrics.close();
  }
  await api.close();
  await server.stop();
});

const hasPromtool = isInstalled('promtool');
if (!hasPromtool) console.log('promtool is not installed (Debian: prometheus): its check of /metrics is skipped');

test.skipIf(!hasPromtool)('promtool finds fault with etcd’s names only', async () => {
  const directory = makeTemporary('uetcd-metrics');
  const server = await startInProcess({ dataDir: directory });
  const api = new ApiClient(server.url);
  await useAll(api);
  const { text } = await api.fetch('/metrics');
  const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  // 3: it could be read, and there are complaints.
  expect([status, stderr]).toEqual([3, expect.any(String)]);
  const names = stderr
    .trimEnd()
    .split('\n')
    .map((complaint) => complaint.split(' ')[0]);
  expect(names).toEqual([
    'etcd_disk_wal_write_bytes_total',
    'etcd_server_health_failures',
    'etcd_server_health_success',
    'etcd_server_proposals_applied_total',
    'etcd_server_proposals_committed_total',
  ]);
  await api.close();
  await server.stop();
  removeTemporary(directory);
});

const hasEtcd = isInstalled('etcd');
if (!hasEtcd) console.log('etcd is not installed: its /metrics is not compared with ours');

test.skipIf(!hasEtcd)(
  'etcd’s names have etcd’s types, words, labels and bounds, and count the same requests',
  async () => {
    const directory = makeTemporary('uetcd-metrics');
    const [server, etcd] = [await startInProcess({ dataDir: directory }), await startEtcd()];
    const [ourApi, itsApi] = [new ApiClient(server.url), new ApiClient(etcd.url)];
    for (const api of [ourApi, itsApi]) await useAll(api);
    const [ours, its] = [await scrape(ourApi), await scrape(itsApi)];
    const theirMetrics = new Map(its.metrics.map(({ name, type, help }) => [name, { name, type, help }]));
    const shared = ours.metrics.filter(({ name }) => !name.startsWith('uetcd_'));
    expect(shared.length).toBeGreaterThan(25);
    for (const metric of shared) expect(metric).toEqual(theirMetrics.get(metric.name));
    const prefixes = [
      'etcd_http_',
      'etcd_debugging_store_writes_total{',
      'etcd_disk_wal_fsync_duration_seconds_bucket{',
    ];
    for (const prefix of prefixes) expect(ours.series(prefix).toSorted()).toEqual(its.series(prefix).toSorted());
    const counters = [...ours.series('etcd_http_failed_total{'), ...ours.series('etcd_http_received_total{')];
    for (const series of counters) expect([series, ours.value(series)]).toEqual([series, its.value(series)]);
    for (const api of [ourApi, itsApi]) await api.close();
    for (const running of [server, etcd]) await running.stop();
    removeTemporary(directory);
  },
);
