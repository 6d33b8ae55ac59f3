/** API document: "Using key TTL", "Refreshing key TTL" and "Using a directory TTL". */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { eventOf, apiTest as test } from '../support/api-test.ts';

const goTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/;

describe('the life of a key', () => {
  test('a ttl is shown with its expiration, in UTC as Go prints it', async ({ api }) => {
    const beforeMs = Date.now();
    const { node } = eventOf((await api.put('/foo', 'value=bar&ttl=5')).text);
    const afterMs = Date.now();
    expect(Object.keys(node)).toEqual(['key', 'value', 'expiration', 'ttl', 'modifiedIndex', 'createdIndex']);
    expect(node.ttl).toBe(5);
    expect(node.expiration).toMatch(goTime);
    const acceptedMs = Date.parse(node.expiration ?? '') - 5_000;
    // One look at the clock serves a whole turn of the event loop, so it may lie a little back.
    expect(acceptedMs).toBeGreaterThan(beforeMs - 2_000);
    expect(acceptedMs).toBeLessThanOrEqual(afterMs);
  });

  test('a key expires by itself, never early, and its watchers are told', async ({ api }) => {
    await api.put('/foo', 'value=bar&ttl=1');
    const setAt = Date.now();
    const watch = await api.watch('/foo?wait=true');
    const event = eventOf(await watch.nextLine());
    const livedMs = Date.now() - setAt;
    await watch.close();
    expect(event).toMatchObject({
      action: 'expire',
      node: { key: '/foo', modifiedIndex: 3, createdIndex: 2 },
      prevNode: { key: '/foo', value: 'bar', modifiedIndex: 2, createdIndex: 2 },
    });
    expect(event.node.value).toBeUndefined();
    expect(livedMs).toBeGreaterThan(900);
    const answer = await api.get('/foo');
    expect(answer.text).toBe('{"errorCode":100,"message":"Key not found","cause":"/foo","index":3}\n');
  });

  test('an update with an empty ttl makes a key permanent', async ({ api }) => {
    await api.put('/foo', 'value=bar&ttl=1');
    const { node, prevNode } = eventOf((await api.put('/foo', 'value=bar&ttl=&prevExist=true')).text);
    expect(node).toEqual({ key: '/foo', value: 'bar', modifiedIndex: 3, createdIndex: 2 });
    expect(prevNode).toMatchObject({ ttl: 1, modifiedIndex: 2 });
    await sleep(1_300);
    expect((await api.get('/foo')).status).toBe(200);
  });

  test('every write without a ttl makes a key permanent', async ({ api }) => {
    await api.put('/foo', 'value=1&ttl=100');
    const { node } = eventOf((await api.put('/foo', 'value=2&prevValue=1')).text);
    expect(node).not.toHaveProperty('ttl');
  });

  test('keys expire in the order of their times, one index each', async ({ api }) => {
    const stream = await api.watch('/?wait=true&recursive=true&stream=true');
    await api.put('/second', 'value=&ttl=2');
    await api.put('/first', 'value=&ttl=1');
    await api.put('/deleted', 'value=&ttl=1');
    await api.delete('/deleted');
    for (let count = 0; count < 4; count++) await stream.nextLine();
    const [first, second] = [eventOf(await stream.nextLine()), eventOf(await stream.nextLine())];
    await stream.close();
    expect([first.action, first.node.key, first.node.modifiedIndex]).toEqual(['expire', '/first', 6]);
    expect([second.action, second.node.key, second.node.modifiedIndex]).toEqual(['expire', '/second', 7]);
  });

  test('a ttl of 0 is valid and expires at once', async ({ api }) => {
    const watch = await api.watch('/foo?wait=true&waitIndex=3');
    const { node } = eventOf((await api.put('/foo', 'value=bar&ttl=0')).text);
    expect(node).toHaveProperty('expiration');
    expect(node).not.toHaveProperty('ttl');
    expect(eventOf(await watch.nextLine()).action).toBe('expire');
    await watch.close();
  });

  test.for([
    ['a ttl of 0', 'ttl=0'],
    ['a ttl that wraps to the past', 'ttl=18446744073709551615'],
    ['an update whose ttl overflows', 'ttl=9000000000&prevExist=true'],
  ] as const)('%s leaves the key for who reads it at once', async ([, form], { api }) => {
    // Some come at the end of the grace of another, as with a real server just before its sweep.
    const statuses: number[] = [];
    for (let count = 0; count < 40; count++) {
      await api.put(`/foo${count}`, 'value=first');
      await api.put(`/foo${count}`, `value=last&${form}`);
      statuses.push((await api.get(`/foo${count}`)).status);
    }
    expect(statuses).toContain(200);
  });

  test('a ttl that overflows 64 bits of nanoseconds makes a set permanent, as the real server does', async ({
    api,
  }) => {
    const { node } = eventOf((await api.put('/foo', 'value=bar&ttl=9000000000')).text);
    expect(node).toEqual({ key: '/foo', value: 'bar', modifiedIndex: 2, createdIndex: 2 });
  });
});

describe('refreshing', () => {
  test('a refresh keeps the value, takes an index and wakes no watcher', async ({ api }) => {
    await api.put('/foo', 'value=bar&ttl=100');
    const watch = await api.watch('/foo?wait=true');
    const { action, node, prevNode } = eventOf((await api.put('/foo', 'ttl=200&refresh=true&prevExist=true')).text);
    expect(action).toBe('update');
    expect(node).toMatchObject({ key: '/foo', value: 'bar', ttl: 200, modifiedIndex: 3, createdIndex: 2 });
    expect(prevNode).toMatchObject({ value: 'bar', ttl: 100 });
    await api.put('/foo', 'value=baz');
    expect(eventOf(await watch.nextLine()).node).toMatchObject({ value: 'baz', modifiedIndex: 4 });
    await watch.close();
  });

  test('a watch that looks back does not see refreshes', async ({ api }) => {
    await api.put('/foo', 'value=bar&ttl=100');
    await api.put('/foo', 'ttl=200&refresh=true&prevExist=true');
    await api.put('/foo', 'value=baz');
    const watch = await api.watch('/foo?wait=true&waitIndex=3');
    expect(eventOf(await watch.nextLine()).node).toMatchObject({ value: 'baz', modifiedIndex: 4 });
    await watch.close();
  });

  test.for([
    ['of a missing key', 'ttl=5&refresh=true', 404, 100, '/foo'],
    ['with a value', 'ttl=5&refresh=true&value=x', 400, 211, 'A value was provided on a refresh'],
    ['without a ttl', 'refresh=true', 400, 212, 'No TTL value set'],
  ] as const)('a refresh %s is refused', async ([, form, status, errorCode, cause], { api }) => {
    const answer = await api.put('/foo', form);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ errorCode, cause });
  });
});

describe('the life of a directory', () => {
  test('a directory expires with all in it, as one event', async ({ api }) => {
    const stream = await api.watch('/dir?wait=true&recursive=true&stream=true');
    await api.put('/dir', 'dir=true&ttl=1');
    await api.put('/dir/asdf', 'value=1&ttl=100');
    await stream.nextLine();
    await stream.nextLine();
    const event = eventOf(await stream.nextLine());
    expect(event).toMatchObject({
      action: 'expire',
      node: { key: '/dir', dir: true, modifiedIndex: 4, createdIndex: 2 },
      prevNode: { key: '/dir', dir: true, modifiedIndex: 2, createdIndex: 2 },
    });
    expect((await api.get('/dir/asdf')).text).toContain('"cause":"/dir"');
    await stream.close();
  });

  test('an update renews it, without telling the directory a new modifiedIndex', async ({ api }) => {
    await api.put('/dir', 'dir=true&ttl=100');
    const { node } = eventOf((await api.put('/dir', 'dir=true&ttl=200&prevExist=true')).text);
    expect(node).toMatchObject({ key: '/dir', dir: true, ttl: 200, modifiedIndex: 3, createdIndex: 2 });
    expect(eventOf((await api.get('/dir')).text).node).toMatchObject({ ttl: 200, modifiedIndex: 2, createdIndex: 2 });
  });

  test('a watcher of a key in an expired directory gets the event of the directory', async ({ api }) => {
    await api.put('/dir', 'dir=true&ttl=1');
    await api.put('/dir/asdf', 'value=1');
    const watch = await api.watch('/dir/asdf?wait=true');
    expect(eventOf(await watch.nextLine())).toMatchObject({ action: 'expire', node: { key: '/dir', dir: true } });
    await watch.close();
  });
});
