/** API document: "Waiting for a change", "Watch from cleared event index" and streams. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { eventOf, apiTest as test } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { testFrontEnds } from '../support/servers.ts';

describe('a long poll', () => {
  test('has its headers at once and ends with the event', async ({ api }) => {
    await api.put('/foo', 'value=1');
    const watch = await api.watch('/foo?wait=true');
    expect(watch.status).toBe(200);
    expect(watch.headers).toMatchObject({ 'content-type': 'application/json', 'x-etcd-index': '2' });
    const written = await api.put('/foo', 'value=2');
    expect(`${await watch.nextLine()}\n`).toBe(written.text);
    expect(await watch.until(() => watch.ended)).toBe(true);
    await watch.close();
  });

  test('may wait for a key that does not exist, nor its parents', async ({ api }) => {
    const watch = await api.watch('/not/there/yet?wait=true');
    await api.put('/not/there/yet', 'value=1');
    expect(eventOf(await watch.nextLine()).node).toMatchObject({ key: '/not/there/yet', modifiedIndex: 2 });
    await watch.close();
  });

  test('gets its event whole although noValueOnSuccess was asked of the write', async ({ api }) => {
    const watch = await api.watch('/foo?wait=true');
    await api.put('/foo', 'value=1&noValueOnSuccess=true');
    expect(eventOf(await watch.nextLine()).node.value).toBe('1');
    await watch.close();
  });

  // Several front ends answer at the same time.
  test.skipIf(testFrontEnds > 1)('is answered before those that came after it', async ({ api }) => {
    const watches = [];
    for (let count = 0; count < 8; count++) watches.push(await api.watch('/lock?wait=true'));
    await watches[2]?.close();
    await watches[5]?.close();
    const order: number[] = [];
    const told = watches.map(async (watch, number) => {
      if (number === 2 || number === 5) return;
      await watch.nextLine();
      order.push(number);
    });
    await api.put('/lock', 'value=free');
    await Promise.all(told);
    expect(order).toEqual([0, 1, 3, 4, 6, 7]);
    for (const watch of watches) await watch.close();
  });

  test('is told of every kind of change', async ({ api }) => {
    const stream = await api.watch('/k?wait=true&recursive=true&stream=true');
    await api.put('/k', 'value=1');
    await api.put('/k', 'value=2&prevExist=true');
    await api.put('/k', 'value=3&prevValue=2');
    await api.delete('/k?prevValue=3');
    await api.put('/k', 'value=4&prevExist=false');
    await api.delete('/k');
    await api.post('/k', 'value=5');
    const actions: string[] = [];
    for (let count = 0; count < 7; count++) actions.push(eventOf(await stream.nextLine()).action);
    const [set, update, swap] = ['set', 'update', 'compareAndSwap'];
    expect(actions).toEqual([set, update, swap, 'compareAndDelete', 'create', 'delete', 'create']);
    await stream.close();
  });

  test.for([
    ['a key below, not recursive', '/a?wait=true', '/a/b'],
    ['a hidden key below, recursive', '/a?wait=true&recursive=true', '/a/_b'],
    ['a key in a hidden directory below', '/a?wait=true&recursive=true', '/a/_b/c'],
    ['a key beside it', '/a?wait=true&recursive=true', '/ab'],
    ['its parent', '/a/b?wait=true&recursive=true', '/a'],
  ] as const)('hears nothing of %s', async ([, watched, written], { api }) => {
    const watch = await api.watch(watched);
    await api.put(written, 'value=1');
    await sleep(150);
    expect(watch.lines).toEqual([]);
    expect(watch.ended).toBe(false);
    await watch.close();
  });

  test.for([
    ['a key below, recursive', '/a?wait=true&recursive=true', '/a/b/c'],
    ['a hidden key asked for by name', '/a/_b?wait=true', '/a/_b'],
    ['a visible key in a hidden directory asked for by name', '/a/_b?wait=true&recursive=true', '/a/_b/c'],
    ['anything, at the root', '/?wait=true&recursive=true', '/x/y'],
  ] as const)('hears of %s', async ([, watched, written], { api }) => {
    const watch = await api.watch(watched);
    await api.put(written, 'value=1');
    expect(eventOf(await watch.nextLine()).node.key).toBe(written);
    await watch.close();
  });

  test('inside a directory that is deleted, gets the event of the directory', async ({ api }) => {
    await api.put('/a/b/c', 'value=1');
    const watches = [await api.watch('/a/b/c?wait=true'), await api.watch('/a/b?wait=true&recursive=true')];
    const deleted = await api.delete('/a?recursive=true');
    for (const watch of watches) {
      expect(`${await watch.nextLine()}\n`).toBe(deleted.text);
      await watch.close();
    }
  });

  test('leaves the connection usable', async ({ api }) => {
    const polling = api.get('/foo?wait=true');
    const writer = new ApiClient(api.url);
    // Until the poll has reached the server: only then is the event sure to be for it.
    await expect.poll(async () => JSON.parse((await writer.fetch('/v2/stats/store')).text).watchers).toBe(1);
    const written = await writer.put('/foo', 'value=1');
    expect((await polling).text).toBe(written.text);
    expect((await api.get('/foo')).status).toBe(200);
    await writer.close();
  });
});

describe('waitIndex', () => {
  test('finds the first change at or after it', async ({ api }) => {
    await api.put('/foo', 'value=1');
    await api.put('/bar', 'value=2');
    await api.put('/foo', 'value=3');
    await api.put('/foo', 'value=4');
    for (const [waitIndex, modifiedIndex] of [
      [1, 2],
      [2, 2],
      [3, 4],
      [4, 4],
      [5, 5],
    ]) {
      const answer = await api.get(`/foo?wait=true&waitIndex=${waitIndex}`);
      expect(eventOf(answer.text).node.modifiedIndex).toBe(modifiedIndex);
      expect(answer.headers['x-etcd-index']).toBe('5');
    }
  });

  test('in the future skips what comes before it', async ({ api }) => {
    const watch = await api.watch('/foo?wait=true&waitIndex=4');
    for (const value of [2, 3, 4]) await api.put('/foo', `value=${value}`);
    expect(eventOf(await watch.nextLine()).node).toMatchObject({ value: '4', modifiedIndex: 4 });
    await watch.close();
  });

  test('0 means from now on', async ({ api }) => {
    await api.put('/foo', 'value=old');
    const watch = await api.watch('/foo?wait=true&waitIndex=0');
    await api.put('/foo', 'value=new');
    expect(eventOf(await watch.nextLine()).node.value).toBe('new');
    await watch.close();
  });

  test('looking back, a recursive watch does see hidden keys, as the real server does', async ({ api }) => {
    await api.put('/a/_hidden', 'value=1');
    const answer = await api.get('/a?wait=true&recursive=true&waitIndex=2');
    expect(eventOf(answer.text).node.key).toBe('/a/_hidden');
  });

  test('older than the last 1000 events is refused', async ({ api }) => {
    for (let count = 0; count < 1_005; count++) await api.put('/foo', `value=${count}`);
    const cleared = await api.get('/foo?wait=true&waitIndex=6');
    expect(cleared.status).toBe(400);
    expect(cleared.text).toBe(
      '{"errorCode":401,"message":"The event in requested index is outdated and cleared",' +
        '"cause":"the requested history has been cleared [7/6]","index":1006}\n',
    );
    expect((await api.get('/foo?wait=true&stream=true&waitIndex=6')).status).toBe(400);
    expect(eventOf((await api.get('/foo?wait=true&waitIndex=7')).text).node.modifiedIndex).toBe(7);
  });
});

describe('a stream', () => {
  test('stays open and sends one line per event', async ({ api }) => {
    const stream = await api.watch('/foo?wait=true&stream=true');
    for (const value of [1, 2, 3]) {
      const written = await api.put('/foo', `value=${value}`);
      expect(`${await stream.nextLine()}\n`).toBe(written.text);
    }
    expect(stream.ended).toBe(false);
    await stream.close();
  });

  test('without wait is an ordinary get', async ({ api }) => {
    await api.put('/foo', 'value=1');
    expect((await api.get('/foo?stream=true')).text).toBe((await api.get('/foo')).text);
  });

  test('keeps the order of the writes, whoever writes them', async ({ api }) => {
    const stream = await api.watch('/?wait=true&stream=true&recursive=true');
    const writes = Array.from({ length: 500 }, (_, count) =>
      fetch(`${api.url}/v2/keys/k${count % 7}`, { method: 'PUT' }),
    );
    await Promise.all(writes.map(async (write) => (await write).arrayBuffer()));
    for (let count = 0; count < 500; count++)
      expect(eventOf(await stream.nextLine()).node.modifiedIndex).toBe(count + 2);
    await stream.close();
  });
});
