/** Heads of requests that are large, and those that do not end: README, "Limits". */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { type RunningServer, startCommandLine } from '../support/servers.ts';

const HEAD_BYTES_MAX = 1024 * 1024;
/** After ten seconds of silence, which are counted in steps of four. */
const SILENCE_MS_MAX = 40_000;

let server: RunningServer;
beforeAll(async () => {
  server = await startCommandLine();
});
afterAll(() => server.stop());

/** A request whose head has about so many bytes. */
function requestOf(headBytes: number): string {
  return `GET /v2/keys/none HTTP/1.1\r\nHost: test\r\nX: ${'x'.repeat(headBytes)}\r\n\r\n`;
}

describe.concurrent('the head of a request', () => {
  test.each([
    [HEAD_BYTES_MAX - 1024, 404],
    [HEAD_BYTES_MAX + 1024, 431],
  ])('of about %i bytes is answered with %i', async (headBytes, status) => {
    const connection = await RawConnection.open(server.url);
    await connection.write(requestOf(headBytes));
    await connection.until(() => connection.received.includes('\r\n') || connection.isClosed, 20_000);
    expect(connection.received.split(' ')[1]).toBe(String(status));
    connection.destroy();
  });

  test('may be limited further by UWS_HTTP_MAX_HEADERS_SIZE', async () => {
    const strict = await startCommandLine([], { UWS_HTTP_MAX_HEADERS_SIZE: '8192' });
    for (const [headBytes, status] of [
      [7_000, '404'],
      [9_000, '431'],
    ] as const) {
      const connection = await RawConnection.open(strict.url);
      await connection.write(requestOf(headBytes));
      await connection.until(() => connection.received.includes('\r\n') || connection.isClosed, 20_000);
      expect(connection.received.split(' ')[1]).toBe(status);
      connection.destroy();
    }
    await strict.stop();
  });

  test.each([
    ['its head', 'GET /v2/keys/a HTTP/1.1\r\nHost: te'],
    ['its form', requestBytes('PUT', '/v2/keys/a', 'value=1').slice(0, -2)],
  ])('a client that falls silent in the middle of %s loses its connection', { timeout: 60_000 }, async (_, bytes) => {
    const connection = await RawConnection.open(server.url);
    await connection.write(bytes);
    expect(await connection.until(() => connection.isClosed, SILENCE_MS_MAX)).toBe(true);
    expect(connection.received).toBe('');
  });
});
