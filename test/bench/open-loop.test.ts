import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { LatencyHistogram } from '../../native-bench/load/latency-histogram.ts';
import { openLoop } from '../../native-bench/load/programs/open-loop.ts';

const RATE_PER_SECOND = 200;
const MEASURE_MS = 500;
const PAUSE_MS = 250;

test.each([false, true])(
  'a server that pauses is charged for every request that was due meanwhile; sleeps between two moments: %s',
  async (sleeps) => {
    const server = createServer();
    onTestFinished(() => server.closeAllConnections());
    let pauseUntil = 0;
    server.on('request', (request, response) => {
      if (pauseUntil === 0) pauseUntil = performance.now() + PAUSE_MS;
      request.resume();
      setTimeout(() => response.end('{}'), Math.max(0, pauseUntil - performance.now()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');

    const result = await openLoop({
      target: { port: (server.address() as AddressInfo).port, dialect: 'bare', pid: process.pid },
      connections: 2, // Of the fifty requests due in the pause these two alone are on their way.
      plan: { kind: 'set', keyCount: 1, valueSizeBytes: 8, seed: 1 },
      ratePerSecond: RATE_PER_SECOND,
      warmupMs: 0,
      measureMs: MEASURE_MS,
      sleeps,
    });

    server.close();
    const latency = LatencyHistogram.decode(result.latency);
    expect(result.answers).toBe(result.due);
    expect(latency.count).toBe(result.due);
    // Half of the window was a pause: of the hundred requests forty waited at least 50 ms, not two.
    expect(latency.percentileMs(60)).toBeGreaterThan((PAUSE_MS * 20) / 100);
  },
);
