/** Front ends are threads: those that are not on the main thread serve while it does nothing. */
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { startInProcess } from '../support/servers.ts';
import { FRONT_ENDS } from './three-front-ends.ts';

const CONNECTED = 0;
const ANSWERED = 1;
const WAIT_MS_MAX = 60_000;

/** Opens as many connections as it is told, then writes through each when it is told again, and counts the answers. */
const client = `
  const { connect } = require('node:net');
  const { parentPort, workerData: { port, connections, counts } } = require('node:worker_threads');
  const count = (at) => { Atomics.add(counts, at, 1); Atomics.notify(counts, at); };
  (async () => {
    const sockets = [];
    for (let number = 0; number < connections; number++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => {
        socket.write('GET /version HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
        socket.once('data', resolve);
      });
      sockets.push(socket);
      count(${CONNECTED});
    }
    parentPort.once('message', () => {
      for (const socket of sockets) {
        socket.once('data', () => count(${ANSWERED}));
        socket.write('PUT /v2/keys/k?value=1 HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n');
      }
    });
  })();
`;

test('with the main thread at a standstill all connections but its own are served', async () => {
  const server = await startInProcess({ frontEnds: FRONT_ENDS });
  const connections = 4 * FRONT_ENDS;
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const port = Number(new URL(server.url).port);
  const worker = new Worker(client, { eval: true, execArgv: [], workerData: { port, connections, counts } });
  try {
    await expect.poll(() => counts[CONNECTED], { timeout: WAIT_MS_MAX }).toBe(connections);
    worker.postMessage('write');
    const expected = connections - connections / FRONT_ENDS;
    const endMs = Date.now() + WAIT_MS_MAX;
    for (let seen = 0; seen < expected && Date.now() < endMs; seen = Atomics.load(counts, ANSWERED)) {
      Atomics.wait(counts, ANSWERED, seen, WAIT_MS_MAX);
    }
    expect(Atomics.load(counts, ANSWERED)).toBe(expected);
    // Now the main thread goes on.
    await expect.poll(() => counts[ANSWERED], { timeout: WAIT_MS_MAX }).toBe(connections);
  } finally {
    await worker.terminate();
    await server.stop();
  }
});
