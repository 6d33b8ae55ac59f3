import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../native-bench/load/dialect.ts';
import { LatencyHistogram } from '../../native-bench/load/latency-histogram.ts';
import { newConnections } from '../../native-bench/load/programs/new-connections.ts';
import { openLoop } from '../../native-bench/load/programs/open-loop.ts';

const RATE_PER_SECOND = 200;
const MEASURE_MS = 500;
const PAUSE_MS = 250;
/** Of the fifty requests due in the pause these two alone are on their way. */
const CONNECTIONS = 2;
const plan = { kind: 'set', keyCount: 1, valueSizeBytes: 8, seed: 1 } as const;

test.each([false, true])(
  'a server that pauses is charged for every request that was due meanwhile; sleeps between two moments: %s',
  async (sleeps) => {
    const result = await openLoop({ ...(await loadOn(pausingServer(0))), connections: CONNECTIONS, plan, sleeps });
    expect(result.answers).toBe(result.due);
    expectPauseCharged(result);
  },
);

test('so it is where each request has a connection of its own, though the window ends within the pause', async () => {
  const result = await newConnections({ ...(await loadOn(pausingServer(PAUSE_MS))), concurrency: CONNECTIONS });
  expectPauseCharged(result);
});

test('what an overloaded server answers after the window is none of its rate', async () => {
  const serviceMs = 50;
  const load = await loadOn((request, response) => {
    request.resume();
    setTimeout(() => response.end('{}'), serviceMs);
  });
  const result = await openLoop({ ...load, connections: CONNECTIONS, plan });
  const rate = (result.answersInWindow / result.usage.elapsedMs) * 1000;
  expect(result.answers).toBeGreaterThan(result.answersInWindow);
  // A request more for each connection: they were under way when the window began.
  expect(rate).toBeLessThan((CONNECTIONS * 1000) / serviceMs + (CONNECTIONS * 1000) / MEASURE_MS + 1);
});

test('a request that is never answered is charged from when it was due, though later ones are answered', async () => {
  const ignored = 20;
  let asked = 0;
  const load = await loadOn((request, response) => {
    request.resume();
    if (++asked !== ignored) response.end('{}');
  });
  const result = await openLoop({ ...load, measureMs: 1_000, connections: CONNECTIONS, plan });
  const latency = LatencyHistogram.decode(result.latency);
  expect(result.due - result.answers).toBe(1);
  expect(latency.count).toBe(result.due);
  const graceMs = 2_000;
  expect(latency.maximumMs).toBeGreaterThan(graceMs + 700);
});

/** @param fromMs  when it begins to pause, after the first request. */
function pausingServer(fromMs: number): RequestListener {
  let pauseFrom = 0;
  return (request, response) => {
    if (pauseFrom === 0) pauseFrom = performance.now() + fromMs;
    request.resume();
    const sincePause = performance.now() - pauseFrom;
    const isPaused = sincePause >= 0 && sincePause < PAUSE_MS;
    setTimeout(() => response.end('{}'), isPaused ? PAUSE_MS - sincePause : 0);
  };
}

/** Half of the window was a pause: of the hundred requests forty waited at least 50 ms, not two. */
function expectPauseCharged({ due, latency: encoded }: { due: number; latency: string }): void {
  const latency = LatencyHistogram.decode(encoded);
  expect(latency.count).toBe(due);
  expect(latency.percentileMs(60)).toBeGreaterThan((PAUSE_MS * 20) / 100);
}

async function loadOn(answer: RequestListener) {
  const server = createServer(answer);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target: Target = { port: (server.address() as AddressInfo).port, dialect: 'bare', pid: process.pid };
  return { target, ratePerSecond: RATE_PER_SECOND, warmupMs: 0, measureMs: MEASURE_MS };
}
