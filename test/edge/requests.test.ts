/** The HTTP edge, request by request: whatever arrives, in whatever pieces, the next client gets its answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { type RunningServer, startInProcess } from '../support/servers.ts';

let server: RunningServer;
let api: ApiClient;
beforeAll(async () => {
  server = await startInProcess();
  api = new ApiClient(server.url);
});
afterEach(async () => {
  const answer = await api.put('/still-here', 'value=yes');
  expect(answer.status).toBeLessThan(300);
});
afterAll(async () => {
  await api.close();
  await server.stop();
});

describe('a request in pieces', () => {
  test('cut in two at every byte is answered the same', async () => {
    const bytes = requestBytes('PUT', '/v2/keys/split?prevExist=false', 'value=hello%20world&ttl=');
    const connection = await RawConnection.open(server.url);
    for (let cut = 1; cut < bytes.length; cut++) {
      await connection.write(bytes.slice(0, cut));
      await sleep(1);
      await connection.write(bytes.slice(cut));
      const answer = await connection.answer();
      expect(answer?.status, `cut at ${cut}`).toBe(201);
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({ node: { key: '/split', value: 'hello world' } });
      await api.delete('/split');
    }
    connection.destroy();
  });

  test.each([
    ['PUT', '/v2/keys/empty?value=1', [201, 200]],
    ['PUT', '/v2/keys/empty', [200]],
    ['POST', '/v2/keys/empty-ones?value=1', [201]],
    ['DELETE', '/v2/keys/empty', [200, 404]],
    ['GET', '/v2/keys/empty', [404]],
    ['GET', '/v2/auth/enable', [200]],
    ['PUT', '/v2/auth/users/ann', [400]],
    ['POST', '/v2/members', [415]],
  ])('cut anywhere is answered where it says that its body is empty: %s %s', async (method, target, statuses) => {
    const head = `${method} ${target} HTTP/1.1\r\nHost: test\r\n`;
    const bytes = `${head}Content-Length: 0\r\n\r\n`;
    const connection = await RawConnection.open(server.url);
    for (let cut = head.length - 2; cut < bytes.length; cut++) {
      await connection.write(bytes.slice(0, cut));
      await sleep(1);
      await connection.write(bytes.slice(cut));
      expect(statuses, `cut at ${cut}`).toContain((await connection.answer())?.status);
    }
    connection.destroy();
  });

  test('sent byte by byte is answered', async () => {
    const connection = await RawConnection.open(server.url);
    for (const byte of requestBytes('PUT', '/v2/keys/slow', 'value=1')) await connection.write(byte);
    expect((await connection.answer())?.status).toBe(201);
    connection.destroy();
  });

  test.each(['100-continue', '100-Continue'])(
    'whose body waits for leave gets it, asked as %s',
    async (expectation) => {
      const connection = await RawConnection.open(server.url);
      const requests = [
        ['PUT', '/v2/keys/waits', 'application/x-www-form-urlencoded', 'value=1', 201],
        ['POST', '/v2/keys/waits', 'application/x-www-form-urlencoded', 'value=1', 400],
        ['PUT', '/v2/keys/waits', 'application/x-www-form-urlencoded', 'value=2', 200],
        ['PUT', '/v2/auth/users/waits', 'application/json', '{"user":"other"}', 400],
        ['POST', '/v2/members', 'application/json', '{}', 400],
      ] as const;
      for (const [method, target, type, body, status] of requests) {
        await connection.write(
          `${method} ${target} HTTP/1.1\r\nHost: test\r\nContent-Type: ${type}\r\n` +
            `Content-Length: ${body.length}\r\nExpect: ${expectation}\r\n\r\n`,
        );
        const leave = 'HTTP/1.1 100 Continue\r\n\r\n';
        await connection.until(() => connection.received === leave);
        expect(connection.received).toBe(leave);
        connection.received = '';
        await connection.write(body);
        const answer = await connection.answer();
        expect([answer?.status, answer?.headers['content-type']], target).toEqual([status, 'application/json']);
      }
      await api.delete('/waits');
      connection.destroy();
    },
  );

  test('sent with a chunked body, cut anywhere, is answered', async () => {
    const head =
      'PUT /v2/keys/chunked HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n';
    const bytes = `${head}6\r\nvalue=\r\n5\r\nhello\r\n0\r\n\r\n`;
    const connection = await RawConnection.open(server.url);
    for (let cut = head.length; cut < bytes.length; cut++) {
      await connection.write(bytes.slice(0, cut));
      await sleep(1);
      await connection.write(bytes.slice(cut));
      const answer = await connection.answer();
      expect(JSON.parse(answer?.body ?? '{}').node?.value, `cut at ${cut - head.length}`).toBe('hello');
    }
    connection.destroy();
  });

  test('followed by others in the same packet is answered, or the connection is closed, but never mixed up', async () => {
    const connection = await RawConnection.open(server.url);
    const requests = ['/one', '/two', '/three'].map((key) => requestBytes('PUT', `/v2/keys${key}`, `value=${key}`));
    await connection.write(requests.join(''));
    const keys: string[] = [];
    for (let answer = await connection.answer(1_000); answer !== undefined; answer = await connection.answer(1_000))
      keys.push(JSON.parse(answer.body).node.key);
    expect(['/one', '/two', '/three'].slice(0, keys.length)).toEqual(keys);
    if (keys.length < 3) expect(connection.isClosed).toBe(true);
    connection.destroy();
  });
});

describe('HEAD', () => {
  test.each([
    '/v2/keys/head',
    '/v2/keys/missing',
    '/v2/keys/head?wait=true',
    '/v2/keys//head',
    '/v2/machines',
    '/version',
  ])('%s has no body, and the connection stays usable', async (target) => {
    await api.put('/head', 'value=1');
    const connection = await RawConnection.open(server.url);
    await connection.write(requestBytes('HEAD', target));
    expect(await connection.until(() => connection.received.includes('\r\n\r\n'))).toBe(true);
    await sleep(20);
    expect(connection.received.endsWith('\r\n\r\n')).toBe(true);
    const isClosing = /^connection: close/im.test(connection.received);
    connection.received = '';
    if (!isClosing) {
      await connection.write(requestBytes('GET', '/v2/keys/head'));
      expect((await connection.answer())?.status).toBe(200);
    }
    connection.destroy();
  });
});

describe('a URL that Go cannot read', () => {
  const methods = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT', 'PATCH'];
  test.each(['/v2/keys/a%zz', '/%', '/v2/keys/a\x7f', '/version?\x7f', '/v2/keys/a?x=\x7f'])(
    '%j is refused by every method, and the connection closed',
    async (target) => {
      const indexBefore = (await api.get('/')).headers['x-etcd-index'];
      for (const method of methods) {
        const connection = await RawConnection.open(server.url);
        await connection.write(requestBytes(method, target));
        expect(await connection.answer(), method).toMatchObject({ status: 400, body: '400 Bad Request' });
        expect(await connection.until(() => connection.isClosed), method).toBe(true);
      }
      expect((await api.get('/')).headers['x-etcd-index']).toBe(indexBefore);
    },
  );
});

test.each([
  ['/v2//keys', 404],
  ['/v2/keys/../x', 405],
  ['/%2e%2e/version', 404],
])('CONNECT %s is not sent to the clean path: %i', async (target, status) => {
  const connection = await RawConnection.open(server.url);
  await connection.write(requestBytes('CONNECT', target));
  expect((await connection.answer())?.status).toBe(status);
  connection.destroy();
});

describe('what is no request', () => {
  test.each([
    ['garbage', '\x00\x01\x02\xff\xfe garbage \r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a bad request line', 'GET\r\n\r\n'],
    ['a header without colon', 'GET /v2/keys HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n'],
    ['no host', 'GET /v2/keys HTTP/1.1\r\n\r\n'],
    [
      'two kinds of length',
      'PUT /v2/keys/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['a length that is no number', 'PUT /v2/keys/a HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n'],
    ['a negative length', 'PUT /v2/keys/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    ['a bad chunk', 'PUT /v2/keys/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a bad escape', 'GET /v2/keys/%zz HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['too many headers', `GET /v2/keys HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(500)}\r\n`],
    ['a head without end', `GET /v2/keys HTTP/1.1\r\nHost: x\r\na: ${'b'.repeat(2_000_000)}`],
    ['nothing but newlines', '\r\n\r\n\r\n\r\n'],
  ])('%s is refused or cut off, and changes nothing', async (_, bytes) => {
    const indexBefore = (await api.get('/')).headers['x-etcd-index'];
    const connection = await RawConnection.open(server.url);
    await connection.write(bytes);
    const answer = await connection.answer(300);
    if (answer !== undefined) expect(answer.status).toBeGreaterThanOrEqual(400);
    connection.destroy();
    expect((await api.get('/')).headers['x-etcd-index']).toBe(indexBefore);
  });

  test('random bytes, whole or cut, never harm anybody', { timeout: 60_000 }, async () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
        fc.constantFrom(
          'GET ',
          'PUT ',
          '/v2/keys/a',
          ' HTTP/1.1\r\n',
          'Host: x\r\n',
          '\r\n',
          'Content-Length: 5\r\n',
          '%',
        ),
        fc.constantFrom('Transfer-Encoding: chunked\r\n', '5\r\n', '0\r\n\r\n', 'value=', '\0', '?wait=true', 'HEAD '),
      ),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (pieces) => {
        const connection = await RawConnection.open(server.url);
        for (const piece of pieces) await connection.write(piece);
        await connection.until(() => connection.isClosed || connection.received !== '', 5);
        connection.destroy();
        expect((await api.get('/still-here')).status).toBeLessThan(500);
      }),
      { seed: 7, numRuns: 400, endOnFailure: true },
    );
  });

  test('bodies that never come hold nobody up, and are cut off in the end', { timeout: 60_000 }, async () => {
    const head = requestBytes('PUT', '/v2/keys/never', 'value=1').slice(0, -3);
    const connections = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(server.url)));
    await Promise.all(connections.map((connection) => connection.write(head)));
    for (let count = 0; count < 100; count++)
      expect((await api.put('/others', `value=${count}`)).status).toBeLessThan(300);
    const closings = connections.map((connection) => connection.until(() => connection.isClosed, 30_000));
    expect((await Promise.all(closings)).every((isClosed) => isClosed)).toBe(true);
    expect((await api.get('/never')).status).toBe(404);
  });

  test('a body far over the limit is answered or cut off', async () => {
    const connection = await RawConnection.open(server.url);
    const sizeBytes = 60 * 1024 * 1024;
    const head = `PUT /v2/keys/large HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
    await connection.write(`${head}Content-Length: ${sizeBytes}\r\n\r\n`);
    const block = Buffer.alloc(1024 * 1024, 0x61);
    for (let sent = 0; sent < sizeBytes && !connection.isClosed; sent += block.length)
      await Promise.race([connection.write(block), connection.until(() => connection.isClosed, 10_000)]);
    const answer = await connection.answer(5_000);
    if (answer === undefined) expect(connection.isClosed).toBe(true);
    else expect(answer.status).toBe(400);
    connection.destroy();
    expect((await api.get('/large')).status).toBe(404);
  });

  test.each([
    ['escapes', `value=${'%41'.repeat(1_000_000)}`, 'A'.repeat(1_000_000)],
    ['spaces', `ttl=&value=${'+'.repeat(3_000_000)}`, ' '.repeat(3_000_000)],
    ['fields', `${'a=1&'.repeat(500_000)}v%61lue=%22found%22&value=second`, '"found"'],
    ['fields that come in one piece', `${'a=1&'.repeat(10_000)}value=1+1`, '1 1'],
  ])('a large form of %s is read as a small one is', async (_, form, value) => {
    const answer = await api.put('/large-form', form);
    expect(answer.status).toBeLessThan(300);
    expect(JSON.parse((await api.get('/large-form')).text).node.value).toBe(value);
  });

  test('a fault in a large form is told, before one in the query', async () => {
    const answer = await api.put('/large-form?ttl=%zz', `value=${'%41'.repeat(1_000_000)}%4`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ errorCode: 210, cause: 'invalid URL escape "%4"' });
  });

  test('a large body that is no form is not read as one', async () => {
    const headers = { 'content-type': 'text/plain' };
    const body = `value=${'%zz'.repeat(1_000_000)}`;
    const answer = await api.send({ method: 'PUT', target: '/v2/keys/no-form?value=x', headers, body });
    expect(JSON.parse(answer.text).node.value).toBe('x');
  });

  test('clients that go while their large forms are read leave nothing behind', async () => {
    const form = 'a=%41&'.repeat(1_500_000);
    const connections = await Promise.all(Array.from({ length: 8 }, () => RawConnection.open(server.url)));
    await Promise.all(connections.map((connection) => connection.write(requestBytes('PUT', '/v2/keys/gone', form))));
    for (const connection of connections) connection.destroy();
    const isNothingLeft = async () => /^uetcd_body_bytes 0$/m.test((await api.fetch('/metrics')).text);
    await expect.poll(isNothingLeft, { timeout: 30_000 }).toBe(true);
    expect((await api.put('/still-here', 'value=1')).status).toBeLessThan(300);
  });
});
