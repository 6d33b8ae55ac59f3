/** A stop lets every request finish that is under way, inside the key space and outside of it. */
import { describe, expect, test } from 'vitest';
import { basic, ROOT_PASSWORD, turnOn } from '../auth/auth-client.ts';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { type RunningServer, startInProcess } from '../support/servers.ts';

const json = (body: object) => ['application/json', JSON.stringify(body)] as const;

describe.each([1, 3])('a stop with %i front ends', (frontEnds) => {
  test.each([
    ['PUT', '/v2/keys/a', ['application/x-www-form-urlencoded', 'value=1'], 201],
    ['PUT', '/v2/auth/roles/some', json({ role: 'some' }), 201],
    ['GET', '/v2/auth/users', json({}), 200],
    ['POST', '/v2/members', json({}), 400],
    ['GET', '/v2/members', json({}), 200],
  ] as const)('waits for the rest of a %s %s, and answers it', async (method, target, [type, body], status) => {
    const server = await startInProcess({ frontEnds });
    const connections = await openOneEach(server, frontEnds);
    const head = `${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (const connection of connections) await connection.write(head + body.slice(0, 1));
    await untilHeard(server, frontEnds);
    const stopped = server.stop();
    const statuses: unknown[] = [];
    for (const connection of connections) {
      await connection.write(body.slice(1));
      statuses.push((await connection.answer(20_000))?.status);
    }
    // What the first one makes the others may find there already.
    expect(statuses).toEqual([status, ...statuses.slice(1).map(() => expect.any(Number))]);
    await stopped;
    for (const connection of connections) connection.destroy();
  });
});

// Where others want the cores the thread that hashes, which is polite, may take longer than a stop waits for anything.
test('a stop waits for a password that is checked, and for one that is hashed', { retry: 3 }, async () => {
  const server = await startInProcess({ frontEnds: 1 });
  const api = new ApiClient(server.url);
  await turnOn(api, {});
  await api.close();
  const [connection] = (await openOneEach(server, 1)) as [RawConnection];
  const { authorization } = basic('root', ROOT_PASSWORD);
  const body = JSON.stringify({ user: 'ann', password: 'secret' });
  const head = `PUT /v2/auth/users/ann HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n`;
  await connection.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  await untilHeard(server, 1);
  const stopped = server.stop();
  expect((await connection.answer(20_000))?.status).toBe(201);
  await stopped;
  connection.destroy();
});

test('a stop gives streams what was on its way to them', async () => {
  const server = await startInProcess({ frontEnds: 1 });
  const api = new ApiClient(server.url);
  const streams: RawConnection[] = [];
  // More than have their turn at a time: so some of them wait when the first one hears.
  for (let count = 0; count < 1_000; count++) streams.push(await RawConnection.open(server.url));
  for (const stream of streams) await stream.write(requestBytes('GET', '/v2/keys/k?wait=true&stream=true'));
  for (const stream of streams) await stream.until(() => stream.received.endsWith('{'), 60_000);
  const first = new Promise<void>((resolve) => {
    for (const { socket } of streams) socket.once('data', () => resolve());
  });
  const written = api.put('/k', 'value=1');
  await first;
  const stopped = server.stop();
  for (const stream of streams) await stream.until(() => stream.isClosed, 60_000);
  expect(streams.filter(({ received }) => !received.includes('"value":"1"'))).toHaveLength(0);
  expect((await written).status).toBe(201);
  await stopped;
  await api.close();
});

/** So many connections in turn: each front end has one. */
async function openOneEach({ url }: RunningServer, frontEnds: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  for (let count = 0; count < frontEnds; count++) connections.push(await RawConnection.open(url));
  return connections;
}

/** What was written before has been read: on each thread others have come after it and been answered, twice. */
async function untilHeard({ url }: RunningServer, frontEnds: number): Promise<void> {
  const api = new ApiClient(url, frontEnds);
  for (let count = 0; count < 2 * frontEnds; count++) await api.fetch('/version');
  await api.close();
}
