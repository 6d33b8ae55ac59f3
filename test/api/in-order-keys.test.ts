/** API document: "Atomically Creating In-Order Keys". */
import { describe, expect } from 'vitest';
import { eventOf, line, apiTest as test } from '../support/api-test.ts';

describe('in-order keys', () => {
  test('are named by the index of their creation, in 20 digits', async ({ api }) => {
    const answer = await api.post('/queue', 'value=Job1');
    expect(answer.status).toBe(201);
    expect(answer.text).toBe(
      line({
        action: 'create',
        node: { key: '/queue/00000000000000000002', value: 'Job1', modifiedIndex: 2, createdIndex: 2 },
      }),
    );
    await api.put('/elsewhere', 'value=1');
    expect(eventOf((await api.post('/queue', 'value=Job2')).text).node.key).toBe('/queue/00000000000000000004');
  });

  test('are listed in their order when sorted', async ({ api }) => {
    for (const job of ['one', 'two', 'three']) await api.post('/queue', `value=${job}`);
    const { node } = eventOf((await api.get('/queue?recursive=true&sorted=true')).text);
    expect(node.nodes?.map(({ value }) => value)).toEqual(['one', 'two', 'three']);
  });

  test('may be directories, have a life, be hidden, or stand at the root', async ({ api }) => {
    expect(eventOf((await api.post('/q', 'dir=true')).text).node).toMatchObject({
      key: '/q/00000000000000000002',
      dir: true,
    });
    expect(eventOf((await api.post('/q', 'value=x&ttl=100')).text).node).toMatchObject({ ttl: 100 });
    expect(eventOf((await api.post('/_q', 'value=x')).text).node.key).toBe('/_q/00000000000000000004');
    expect(eventOf((await api.post('', 'value=x')).text).node.key).toBe('/00000000000000000005');
  });

  test('ignore conditions', async ({ api }) => {
    expect((await api.post('/q', 'value=x&prevExist=true&prevValue=y&prevIndex=7')).status).toBe(201);
  });

  test('cannot be made in a key', async ({ api }) => {
    await api.put('/key', 'value=1');
    const answer = await api.post('/key', 'value=2');
    expect(answer.status).toBe(400);
    expect(answer.text).toBe('{"errorCode":104,"message":"Not a directory","cause":"/key","index":2}\n');
  });

  test('are refused while their name is taken', async ({ api }) => {
    await api.put('/q/00000000000000000003', 'value=taken');
    const answer = await api.post('/q', 'value=x');
    expect(answer.status).toBe(412);
    expect(JSON.parse(answer.text)).toMatchObject({ errorCode: 105, cause: '/q/00000000000000000003', index: 2 });
  });
});
