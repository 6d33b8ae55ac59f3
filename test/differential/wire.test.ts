/**
 * Requests as no client library would send them, byte for byte over a socket: every method on paths that Go refuses,
 * cleans or takes as they are. Compared are status, headers, body, and whether the connection may be used again. What
 * uWebSockets.js refuses by itself (README, limits) is left out.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { alignIndexes, hasEtcd, type Pair, startPair } from './pair.ts';

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'CONNECT', 'PATCH', 'TRACE', 'ODD', 'get'];
const HEADERS = [
  'content-type',
  'content-length',
  'location',
  'allow',
  'x-content-type-options',
  'connection',
  'x-etcd-index',
];

describe.skipIf(!hasEtcd)('against a real etcd, over bare sockets', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.stop());

  test.each([
    ...[
      '/%',
      '/%zz',
      '/v2/keys/a%zz',
      '/v2/keys/a%2',
      '/v2/keys/%2e%2e/%zz',
      '/v2/members/%',
      '/version%',
      '/nothing%g0',
    ],
    ...['/\x7f', '/v2/keys/\x7f', '/v2/keys/a\x7fb', '/v2/keys/a?x=\x7f', '/version?\x7f', '/v2/members/\x7f'],
    ...[
      '/v2/keys/a%7f',
      '/v2/keys/a%7fb?x=%7f',
      '/v2/keys/a%00',
      '/v2/keys/a%0a',
      '/v2/keys/a#b',
      '/v2/keys/a?%zz#%zz',
    ],
    ...[
      '/v2//keys',
      '/v2//keys?x=\xc3\xa9&<%zz>',
      '//v2/keys',
      '/v2/keys//',
      '/v2/keys/../x',
      '/v2/keys/a/..',
      '/%2e%2e/x',
      '/./version',
      '/v2/stats//self',
    ],
    ...[
      '/v2/members/../x',
      '/v2/machines/..',
      '/v2/auth/../keys/x',
      '/v2/auth/enable/.',
      '/metrics//',
      '/',
      '/?',
      '/a:b',
    ],
  ])('%j is answered the same by every method', async (target) => {
    await alignIndexes(pair);
    for (const method of METHODS) {
      const [peer, subject] = await Promise.all(
        [pair.peer, pair.subject].map((server) => exchangeWith(server.url, method, target)),
      );
      expect(subject, `${method} ${target}`).toEqual(peer);
    }
  });
});

/** What one request on a connection of its own has brought. */
async function exchangeWith(url: string, method: string, target: string): Promise<unknown> {
  const connection = await RawConnection.open(url);
  try {
    await connection.write(requestBytes(method, target));
    await connection.until(() => connection.isClosed || isWhole(connection.received, method), WAIT_MS);
    const [head = '', body = ''] = cut(connection.received, '\r\n\r\n');
    const [statusLine, ...lines] = head.split('\r\n');
    const headers = lines
      .map((line) => cut(line, ':'))
      .map(([name, value]) => [name.toLowerCase(), value.trim()] as const);
    // A body that ends with its connection needs no length; here it has one.
    const isLast = /^connection: close/im.test(head);
    const compared = headers
      .filter(([name]) => HEADERS.includes(name) && !(isLast && name === 'content-length'))
      .sort();
    return { statusLine, headers: compared, body, isReusable: await isReusable(connection) };
  } finally {
    connection.destroy();
  }
}

/** A guard against hangs only. */
const WAIT_MS = 20_000;

function isWhole(received: string, method: string): boolean {
  const [head, body] = cut(received, '\r\n\r\n');
  if (!received.includes('\r\n\r\n') || /^connection: close/im.test(head)) return false; // It ends with the connection.
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  return method === 'HEAD' || body.length >= length;
}

/** Known by trying: a connection that stays open and is never read from again would be of no use. */
async function isReusable(connection: RawConnection): Promise<boolean> {
  connection.received = '';
  await connection.write(requestBytes('GET', '/version'));
  await connection.until(() => connection.isClosed || connection.received.startsWith('HTTP/1.1 200'), WAIT_MS);
  return !connection.isClosed;
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
