/** The error table of the API document, and the grammar of requests: what is refused before the store is asked. */
import { describe, expect } from 'vitest';
import { line, apiTest as test } from '../support/api-test.ts';

describe('refusals of the store', () => {
  test.for([
    ['GET', '/missing/a/b', 404, 100, 'Key not found', '/missing'],
    ['PUT', '/f?prevValue=x&value=y', 412, 101, 'Compare failed', '[x != 1]'],
    ['PUT', '/d?value=1', 403, 102, 'Not a file', '/d'],
    ['GET', '/f/below/it', 400, 104, 'Not a directory', '/f'],
    ['PUT', '/f?prevExist=false', 412, 105, 'Key already exists', '/f'],
    ['PUT', '?value=1', 400, 107, 'Root is read only', '/'],
    ['DELETE', '/?recursive=true', 400, 107, 'Root is read only', '/'],
    ['DELETE', '/d?dir=true', 403, 108, 'Directory not empty', '/d'],
  ] as const)('%s %s is refused with %i', async ([method, path, status, errorCode, message, cause], { api }) => {
    await api.put('/f', 'value=1');
    await api.put('/d/k', 'value=1');
    const answer = await api.send({ method, target: `/v2/keys${path}` });
    expect([answer.status, answer.text]).toEqual([status, line({ errorCode, message, cause, index: 3 })]);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-etcd-index': '3' });
    expect(answer.headers).toHaveProperty('x-etcd-cluster-id');
    expect(answer.headers).not.toHaveProperty('x-raft-index');
  });
});

describe('refusals of the grammar', () => {
  test.for([
    ['PUT', 'value=%zz', 210, 'Invalid POST form', 'invalid URL escape "%zz"'],
    ['PUT', 'value=a;b', 210, 'Invalid POST form', 'invalid semicolon separator in query'],
    ['PUT', 'prevIndex=x', 203, 'The given index in POST form is not a number', 'invalid value for "prevIndex"'],
    [
      'GET',
      'wait=true&waitIndex=-1',
      203,
      'The given index in POST form is not a number',
      'invalid value for "waitIndex"',
    ],
    ['GET', 'recursive=yes', 209, 'Invalid field', 'invalid value for "recursive"'],
    ['GET', 'sorted', 209, 'Invalid field', 'invalid value for "sorted"'],
    ['PUT', 'wait=true', 209, 'Invalid field', '"wait" can only be used with GET requests'],
    ['PUT', 'prevValue=', 201, 'PrevValue is Required in POST form', '"prevValue" cannot be empty'],
    ['PUT', 'noValueOnSuccess=2', 209, 'Invalid field', 'invalid value for "noValueOnSuccess"'],
    ['PUT', 'ttl=abc', 202, 'The given TTL in POST form is not a number', 'invalid value for "ttl"'],
    ['PUT', 'prevExist=maybe', 209, 'Invalid field', 'invalid value for prevExist'],
    ['PUT', 'refresh=maybe', 209, 'Invalid field', 'invalid value for refresh'],
    [
      'PUT',
      'ttl=x&sorted=x&prevIndex=x',
      203,
      'The given index in POST form is not a number',
      'invalid value for "prevIndex"',
    ],
  ] as const)('%s with %s is refused with %i, index 0', async ([method, query, errorCode, message, cause], { api }) => {
    await api.put('/f', 'value=1');
    const answer = await api.send({ method, target: `/v2/keys/f?${query}` });
    expect([answer.status, answer.text]).toEqual([400, line({ errorCode, message, cause, index: 0 })]);
    expect(answer.headers['x-etcd-index']).toBe('0');
  });

  test.for([
    ['/', 'mime: no media type'],
    ['x/', 'mime: expected token after slash'],
    ['a b/c', 'mime: expected slash after first token'],
    ['a/b/c', 'mime: unexpected content after media subtype'],
    ['a/b; charset', 'mime: invalid media parameter'],
    ['a/b; x=1; x=2', 'mime: duplicate parameter name'],
  ] as const)('a body of type %s is refused: %s', async ([contentType, cause], { api }) => {
    const answer = await api.send({
      method: 'PUT',
      target: '/v2/keys/f',
      headers: { 'content-type': contentType },
      body: 'value=1',
    });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { errorCode: 210, cause, index: 0 }]);
  });

  test('a form over 10 MiB is refused, one of exactly that size is not', async ({ api }) => {
    const form = (sizeBytes: number) => `value=${'x'.repeat(sizeBytes - 'value='.length)}`;
    expect((await api.put('/f', form(10 * 1024 * 1024))).status).toBe(201);
    const answer = await api.put('/f', form(10 * 1024 * 1024 + 1));
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      400,
      { errorCode: 210, cause: 'http: POST too large' },
    ]);
    expect((await api.put('/f', 'value=after')).status).toBe(200);
  });

  test('the first of several values wins, and the body comes before the query', async ({ api }) => {
    expect((await api.put('/f?value=query', 'value=one&value=two')).text).toContain('"value":"one"');
  });
});
