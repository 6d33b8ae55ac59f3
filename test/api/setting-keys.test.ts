/** API document: "Key Space Operations", from setting the value of a key to deleting it. */
import { describe, expect } from 'vitest';
import { line, apiTest as test } from '../support/api-test.ts';

describe('setting, reading, changing and deleting a key', () => {
  test('the first write of a fresh server has index 2', async ({ api }) => {
    const answer = await api.put('/message', 'value=Hello world');
    expect(answer.status).toBe(201);
    expect(answer.text).toBe(
      line({ action: 'set', node: { key: '/message', value: 'Hello world', modifiedIndex: 2, createdIndex: 2 } }),
    );
  });

  test('an answer about keys bears index, raft and cluster headers', async ({ api }) => {
    const write = await api.put('/message', 'value=1');
    expect(write.headers).toMatchObject({
      'content-type': 'application/json',
      'x-etcd-index': '2',
      'x-raft-index': expect.stringMatching(/^\d+$/),
      'x-raft-term': expect.stringMatching(/^\d+$/),
      'x-etcd-cluster-id': expect.stringMatching(/^[0-9a-f]+$/),
    });
    const [read, write2] = [await api.get('/message'), await api.put('/message', 'value=2')];
    expect(read.headers['x-etcd-index']).toBe('2');
    expect(write2.headers['x-etcd-index']).toBe('3');
    expect(Number(write2.headers['x-raft-index'])).toBe(Number(write.headers['x-raft-index']) + 1);
    expect(write2.headers['x-raft-term']).toBe(write.headers['x-raft-term']);
    expect(write2.headers['x-etcd-cluster-id']).toBe(write.headers['x-etcd-cluster-id']);
  });

  test('a key that was set is read back', async ({ api }) => {
    await api.put('/message', 'value=Hello world');
    const answer = await api.get('/message');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      line({ action: 'get', node: { key: '/message', value: 'Hello world', modifiedIndex: 2, createdIndex: 2 } }),
    );
  });

  test('setting a key again replaces it, shows what it was and renews both indexes', async ({ api }) => {
    await api.put('/message', 'value=Hello world');
    const answer = await api.put('/message', 'value=Hello etcd');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      line({
        action: 'set',
        node: { key: '/message', value: 'Hello etcd', modifiedIndex: 3, createdIndex: 3 },
        prevNode: { key: '/message', value: 'Hello world', modifiedIndex: 2, createdIndex: 2 },
      }),
    );
  });

  test('an update keeps the createdIndex', async ({ api }) => {
    await api.put('/message', 'value=one');
    const answer = await api.put('/message', 'value=two&prevExist=true');
    expect(answer.text).toBe(
      line({
        action: 'update',
        node: { key: '/message', value: 'two', modifiedIndex: 3, createdIndex: 2 },
        prevNode: { key: '/message', value: 'one', modifiedIndex: 2, createdIndex: 2 },
      }),
    );
  });

  test('deleting a key shows what it was', async ({ api }) => {
    await api.put('/message', 'value=Hello etcd');
    const answer = await api.delete('/message');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      line({
        action: 'delete',
        node: { key: '/message', modifiedIndex: 3, createdIndex: 2 },
        prevNode: { key: '/message', value: 'Hello etcd', modifiedIndex: 2, createdIndex: 2 },
      }),
    );
    expect((await api.get('/message')).status).toBe(404);
  });

  test('only changes take an index: neither reads nor refusals do', async ({ api }) => {
    await api.put('/a', 'value=1');
    await api.get('/a');
    await api.put('/a', 'value=2&prevValue=other');
    await api.delete('/missing');
    await api.put('/a/b', 'value=below a key');
    expect((await api.put('/a', 'value=3')).headers['x-etcd-index']).toBe('3');
  });

  test('noValueOnSuccess leaves only the action, and not on failures', async ({ api }) => {
    expect((await api.put('/a', 'value=1&noValueOnSuccess=true')).text).toBe('{"action":"set"}\n');
    expect((await api.put('/a', 'value=2&prevValue=1&noValueOnSuccess=true')).text).toBe(
      '{"action":"compareAndSwap"}\n',
    );
    expect((await api.put('/a', 'value=3&prevValue=1&noValueOnSuccess=true')).status).toBe(412);
    expect((await api.get('/a?noValueOnSuccess=true')).text).toContain('"value":"2"');
  });

  test('setting a key from a file keeps its bytes', async ({ api }) => {
    const file = 'hello = "world"\n# \u00e9 + 100%\tend\n';
    await api.put('/config', `value=${encodeURIComponent(file)}`);
    expect(JSON.parse((await api.get('/config')).text).node.value).toBe(file);
  });

  test('a body that is not a form is ignored', async ({ api }) => {
    const answer = await api.send({
      method: 'PUT',
      target: '/v2/keys/a',
      headers: { 'content-type': 'application/json' },
      body: '{"value":"x"}',
    });
    expect(answer.text).toBe(
      line({ action: 'set', node: { key: '/a', value: '', modifiedIndex: 2, createdIndex: 2 } }),
    );
  });

  test('a linearized read is an ordinary one, and never waits', async ({ api }) => {
    await api.put('/a', 'value=1');
    const plain = await api.get('/a');
    expect((await api.get('/a?quorum=true')).text).toBe(plain.text);
    expect((await api.get('/a?quorum=true&wait=true')).text).toBe(plain.text);
  });

  test('HEAD has the headers of GET, its length, and no body', async ({ api }) => {
    await api.put('/a', 'value=1');
    const get = await api.get('/a');
    const head = await api.send({ method: 'HEAD', target: '/v2/keys/a' });
    expect(head.status).toBe(200);
    expect(head.bytes).toHaveLength(0);
    expect(head.headers['content-length']).toBe(String(get.bytes.length));
    expect(head.headers['x-etcd-index']).toBe('2');
    expect((await api.send({ method: 'HEAD', target: '/v2/keys/missing' })).status).toBe(404);
  });
});

describe('keys and values are bytes', () => {
  test.for([
    ['<b>&', '%3Cb%3E%26', String.raw`\u003cb\u003e\u0026`],
    ['line separators', '%E2%80%A8%E2%80%A9', String.raw`\u2028\u2029`],
    ['control characters', '%00%08%09%0A%0C%0D%1F%7F', `${String.raw`\u0000\u0008\t\n\u000c\r\u001f`}\x7f`],
    ['quote and backslash', '%22%5C%2F', String.raw`\"\\/`],
    ['bytes that are no UTF-8', '%ff%fe%C3', String.raw`\ufffd\ufffd\ufffd`],
    ['an encoded surrogate', '%ED%A0%80', String.raw`\ufffd\ufffd\ufffd`],
    ['a real replacement character', '%EF%BF%BD', '\ufffd'],
    ['a character beyond 16 bits', '%F0%9F%98%80', '\u{1f600}'],
    ['plus and escaped plus', 'a+b%2Bc', 'a b+c'],
  ])('%s', async ([, form, shown], { api }) => {
    await api.put('/v', `value=${form}`);
    expect((await api.get('/v')).text).toBe(
      `{"action":"get","node":{"key":"/v","value":"${shown}","modifiedIndex":2,"createdIndex":2}}\n`,
    );
  });

  test('two invalid bytes are two keys, though both are shown alike', async ({ api }) => {
    await api.put('/%ff', 'value=1');
    expect((await api.get('/%fe')).status).toBe(404);
    expect((await api.get('/%ff')).text).toContain(String.raw`"key":"/\ufffd"`);
  });

  test('an escaped slash separates, and an unclean path is redirected', async ({ api }) => {
    await api.put('/a%2Fb', 'value=1');
    expect((await api.get('/a/b')).status).toBe(200);
    const answer = await api.get('//a/../a%20b?x=%zz');
    expect(answer.status).toBe(301);
    expect(answer.headers['location']).toBe('/v2/keys/a%20b?x=%zz');
  });
});
