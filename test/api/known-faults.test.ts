/** What etcd 3.4.23 does and no client can want: here it is done right. README, "Differences". */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { eventOf, apiTest as test } from '../support/api-test.ts';

describe('a stream opened into the history', () => {
  test('delivers all it has missed, then goes on with what happens', async ({ api }) => {
    for (const value of [2, 3, 4]) await api.put('/k', `value=${value}`);
    const stream = await api.watch('/k?wait=true&stream=true&waitIndex=3');
    await api.put('/other', 'value=5');
    await api.put('/k', 'value=6');
    const indexes: (number | undefined)[] = [];
    for (let count = 0; count < 3; count++) indexes.push(eventOf(await stream.nextLine()).node.modifiedIndex);
    expect(indexes).toEqual([3, 4, 6]);
    expect(stream.ended).toBe(false);
    await stream.close();
  });

  test('has every index once while others write', async ({ api }) => {
    for (let count = 0; count < 50; count++) await api.put('/d/k', `value=${count}`);
    const writes = Promise.all(
      Array.from({ length: 200 }, () =>
        fetch(`${api.url}/v2/keys/d/k`, { method: 'PUT' }).then((answer) => answer.text()),
      ),
    );
    const stream = await api.watch('/d?wait=true&stream=true&recursive=true&waitIndex=2');
    await writes;
    for (let index = 2; index <= 251; index++) expect(eventOf(await stream.nextLine()).node.modifiedIndex).toBe(index);
    await stream.close();
  });
});

describe('a stream on a node that is deleted', () => {
  test('is told once', async ({ api }) => {
    await api.put('/k', 'value=1');
    const stream = await api.watch('/k?wait=true&stream=true');
    const deleted = await api.delete('/k');
    const written = await api.put('/k', 'value=2');
    expect(`${await stream.nextLine()}\n`).toBe(deleted.text);
    expect(`${await stream.nextLine()}\n`).toBe(written.text);
    await stream.close();
  });

  test('is told once of a directory, recursive or not', async ({ api }) => {
    await api.put('/d/a', 'value=1');
    const streams = [
      await api.watch('/d?wait=true&stream=true'),
      await api.watch('/d?wait=true&stream=true&recursive=true'),
      await api.watch('/d/a?wait=true&stream=true'),
    ];
    const deleted = await api.delete('/d?recursive=true');
    await sleep(150);
    for (const stream of streams) {
      expect(stream.lines.map((text) => `${text}\n`)).toEqual([deleted.text]);
      await stream.close();
    }
  });

  test('is told once when it expires', async ({ api }) => {
    await api.put('/k', 'value=1&ttl=1');
    const stream = await api.watch('/k?wait=true&stream=true');
    expect(eventOf(await stream.nextLine()).action).toBe('expire');
    await sleep(150);
    expect(stream.lines).toEqual([]);
    await stream.close();
  });
});

describe('the deletion of /foo', () => {
  test('says nothing about /foobar to a watch that looks back', async ({ api }) => {
    await api.put('/foo/a', 'value=1');
    await api.delete('/foo?recursive=true');
    const watches = [
      await api.watch('/foobar?wait=true&waitIndex=2'),
      await api.watch('/foo2/x?wait=true&waitIndex=2'),
      await api.watch('/fo?wait=true&waitIndex=2'),
    ];
    await sleep(150);
    for (const watch of watches) {
      expect(watch.lines).toEqual([]);
      expect(watch.ended).toBe(false);
    }
    const written = await api.put('/foobar', 'value=2');
    expect(`${await watches[0]?.nextLine()}\n`).toBe(written.text);
    for (const watch of watches) await watch.close();
  });

  test('says nothing about /foobar to a watch that is open', async ({ api }) => {
    await api.put('/foo/a', 'value=1');
    await api.put('/foobar/a', 'value=1');
    const watch = await api.watch('/foobar?wait=true&recursive=true');
    await api.delete('/foo?recursive=true');
    const written = await api.put('/foobar/b', 'value=2');
    expect(`${await watch.nextLine()}\n`).toBe(written.text);
    await watch.close();
  });

  test('is found by a watch that looks back for anything below it, as with the real server', async ({ api }) => {
    await api.put('/foo/a', 'value=1');
    const deleted = await api.delete('/foo?recursive=true');
    expect((await api.get('/foo/a?wait=true&waitIndex=3')).text).toBe(deleted.text);
    expect((await api.get('/foo/never/there?wait=true&waitIndex=3')).text).toBe(deleted.text);
  });
});

describe('counters', () => {
  test.for([
    ['a compare and delete that fails', 'compareAndDeleteFail', 'DELETE', '/f?prevValue=9'],
    ['a compare and delete of a directory', 'compareAndDeleteFail', 'DELETE', '/d?prevValue=9'],
    ['an update of a directory with a value', 'updateFail', 'PUT', '/d?prevExist=true&value=1'],
    ['an update of the root', 'updateFail', 'PUT', '?prevExist=true&value=1'],
    ['a swap of the root', 'compareAndSwapFail', 'PUT', '?prevValue=1&value=1'],
    ['a set of the root', 'setsFail', 'PUT', '?value=1'],
    ['a create of the root', 'createFail', 'PUT', '?prevExist=false&value=1'],
    ['a deletion of the root', 'deleteFail', 'DELETE', ''],
  ] as const)('%s counts as %s and nothing else', async ([, counter, method, path], { api }) => {
    await api.put('/f', 'value=1');
    await api.put('/d', 'dir=true');
    const before = JSON.parse((await api.fetch('/v2/stats/store')).text);
    const answer = await api.send({ method, target: `/v2/keys${path}` });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const after = JSON.parse((await api.fetch('/v2/stats/store')).text);
    // The look-up of the authentication switch is a get that fails, too.
    expect(after).toEqual({ ...before, getsFail: before.getsFail + 1, [counter]: before[counter] + 1 });
  });

  test.for([
    ['PUT', '/f/x?prevExist=false&value=1'],
    ['POST', '/f?value=1'],
  ] as const)(
    'a failed create below a key counts as a failed set too, as with the real server: %s %s',
    async ([method, path], { api }) => {
      await api.put('/f', 'value=1');
      const before = JSON.parse((await api.fetch('/v2/stats/store')).text);
      expect((await api.send({ method, target: `/v2/keys${path}` })).status).toBe(400);
      const { createFail, setsFail } = JSON.parse((await api.fetch('/v2/stats/store')).text);
      expect({ createFail, setsFail }).toEqual({ createFail: before.createFail + 1, setsFail: before.setsFail + 1 });
    },
  );
});
