/** How an answer ends, over real connections: what matters is what the library makes of a socket that takes nothing. */
import type { HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { endWith } from '../../../src/front/answers/endings.ts';
import { uWS } from '../../../src/front/connections/library.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
/** Long enough for the library to find out that a client has gone. */
const NOTICED_MS = 100;

let app: TemplatedApp | undefined;
afterEach(() => void app?.close());

/** A client of an App that serves like that. */
async function clientOf(serve: (response: HttpResponse) => void): Promise<Socket> {
  const listening = uWS.App().any('/*', serve);
  app = listening;
  const port = await new Promise<number>((resolve) => {
    listening.listen('127.0.0.1', 0, (socket) => resolve(socket === false ? 0 : uWS.us_socket_local_port(socket)));
  });
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  return client;
}

test.each([6_000, 20_000, 60_000, 300_000])('of %i bytes to a client that has just gone is over', async (sizeBytes) => {
  let abortedCount = 0;
  const answered = new Promise<void>((resolve) => {
    void clientOf((response) => {
      response.onAborted(() => abortedCount++);
      setImmediate(() => {
        client.resetAndDestroy(); // The server has not looked at the socket since.
        response.cork(() => {
          response.writeStatus('200 OK');
          endWith(response, new Uint8Array(sizeBytes));
        });
        resolve();
      });
    }).then((socket) => {
      client = socket;
      client.write(REQUEST);
    });
  });
  let client: Socket;
  await answered;
  await sleep(NOTICED_MS);
  expect(abortedCount).toBe(0);
});

test('may be given while the request is handled, to a client that has gone', async () => {
  let isServed = false;
  const client = await clientOf((response) => {
    client.resetAndDestroy();
    endWith(response, new Uint8Array(20_000));
    isServed = true;
  });
  client.write(REQUEST);
  await sleep(NOTICED_MS); // Without a handler for a client that goes the library would have ended the process.
  expect(isServed).toBe(true);
});

test('reaches a reader that pauses as a whole, whoever uses its bytes for something else', async () => {
  const bytes = Buffer.alloc(16_000_000, 'any bytes, in an order of their own');
  const expected = Buffer.from(bytes);
  const client = await clientOf((response) => {
    endWith(response, bytes);
    bytes.fill(0);
  });
  const received: Buffer[] = [];
  let receivedBytes = 0;
  client.on('data', (chunk: Buffer) => {
    received.push(chunk);
    receivedBytes += chunk.length;
  });
  client.pause();
  client.write(REQUEST);
  await sleep(NOTICED_MS);
  client.resume();
  while (receivedBytes <= expected.length) await once(client, 'data'); // There is a head, too.
  const answer = Buffer.concat(received);
  expect(answer.subarray(answer.indexOf('\r\n\r\n') + 4).equals(expected)).toBe(true);
  client.destroy();
});
