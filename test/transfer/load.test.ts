/** Loads into a server. */
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { eventOf } from '../support/api-test.ts';
import type { ApiClient } from '../support/http.ts';
import { freePort } from '../support/servers.ts';
import { dumpTo, fileIn, fillVisibly, loadFrom, startFake, transferTest, treeOf } from './transfer-fixture.ts';

const header = '{"uetcd-dump":1,"source":"here","etcdIndex":4,"hidden":true,"time":"2026-11-24T11:17:42Z"}';

/** A dump of these nodes. */
function writeDump(file: string, nodes: readonly object[]): string {
  const lines = [header, ...nodes.map((node) => JSON.stringify(node)), `{"end":true,"nodes":${nodes.length}}`];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

async function valueAt(api: ApiClient, key: string): Promise<string | undefined> {
  const answer = await api.get(key);
  return answer.status === 200 ? eventOf(answer.text).node.value : undefined;
}

describe('a dump that is loaded', () => {
  transferTest('gives the same keys, from a file and from a stream', async ({ directory, source, target }) => {
    await fillVisibly(source);
    const file = fileIn(directory);
    await dumpTo(file, { endpoint: source.url });
    const expected = await treeOf(source);
    expect(await loadFrom(file, target)).toMatch(/^loaded \d+ keys and \d+ directories into http:/);
    expect(await treeOf(target)).toEqual(expected);
    await target.delete('/directory?recursive=true');
    await loadFrom(createReadStream(file), target);
    expect(await treeOf(target)).toEqual(expected);
  });

  transferTest('keeps the names of in-order keys', async ({ directory, source, target }) => {
    await source.put('/padding', 'value=');
    for (let count = 0; count < 5; count++) await source.post('/queue', `value=${count}`);
    await dumpTo(fileIn(directory), { endpoint: source.url });
    await loadFrom(fileIn(directory), target);
    expect(await treeOf(target, '/queue')).toEqual(await treeOf(source, '/queue'));
  });

  transferTest('keeps what is left of a life, to the second', async ({ directory, target }) => {
    const expiration = inSeconds(500.5);
    writeDump(fileIn(directory), [
      { key: '/a', value: '1', expiration },
      { key: '/d', dir: true, expiration },
    ]);
    await loadFrom(fileIn(directory), target);
    for (const key of ['/a', '/d']) {
      const { node } = eventOf((await target.get(key)).text);
      const lateMs = Date.parse(node.expiration as string) - Date.parse(expiration);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(node.ttl).toBeLessThanOrEqual(501);
    }
  });

  transferTest('leaves out what has expired, with all that was in it', async ({ directory, target }) => {
    writeDump(fileIn(directory), [
      { key: '/gone', value: '1', expiration: inSeconds(-1) },
      { key: '/old', dir: true, expiration: inSeconds(-1) },
      { key: '/old/key', value: '1' },
      { key: '/old/below', dir: true },
      { key: '/old/below/key', value: '1', expiration: inSeconds(100) },
      { key: '/older', value: 'stays' },
    ]);
    expect(await loadFrom(fileIn(directory), target)).toContain('1 key and 0 directories (5 had expired)');
    expect([...(await treeOf(target)).keys()]).toEqual(['/', '/older']);
  });

  transferTest('goes beneath a prefix', async ({ directory, source, target }) => {
    await fillVisibly(source);
    await dumpTo(fileIn(directory), { endpoint: source.url });
    expect(await loadFrom(fileIn(directory), target, { prefix: '/backup/käse/' })).toContain('/backup/käse in');
    const beneath = [...(await treeOf(target, `/${encodeURIComponent('backup/käse')}`))];
    const expected = [...(await treeOf(source))].map(([key, content]) => [
      `/backup/käse${key === '/' ? '' : key}`,
      content,
    ]);
    expect(beneath).toEqual(expected);
    await expect(loadFrom(fileIn(directory), target, { prefix: 'backup' })).rejects.toThrow('"backup" is not a prefix');
  });

  transferTest('writes over what is there, and keeps what it does not name', async ({ directory, target }) => {
    await target.put('/key', 'value=old');
    await target.put('/became-directory', 'value=old');
    await target.put('/directory/other', 'value=stays');
    await target.put('/timed', 'dir=true&ttl=1000');
    writeDump(fileIn(directory), [
      { key: '/key', value: 'new' },
      { key: '/became-directory', dir: true },
      { key: '/became-directory/key', value: 'new' },
      { key: '/directory', dir: true, expiration: inSeconds(1000) },
      { key: '/directory/key', value: 'new' },
      { key: '/timed', dir: true },
    ]);
    await loadFrom(fileIn(directory), target);
    expect(Object.fromEntries(await treeOf(target))).toEqual({
      '/': 'a directory',
      '/key': 'the value "new"',
      '/became-directory': 'a directory',
      '/became-directory/key': 'the value "new"',
      '/directory': 'a directory, for a time',
      '/directory/key': 'the value "new"',
      '/directory/other': 'the value "stays"',
      '/timed': 'a directory',
    });
  });

  transferTest('with --if-absent leaves alone what is there, and counts it', async ({ directory, target }) => {
    await target.put('/key', 'value=old');
    await target.put('/directory/key', 'value=old');
    writeDump(fileIn(directory), [
      { key: '/key', value: 'new', expiration: inSeconds(100) },
      { key: '/directory', dir: true, expiration: inSeconds(100) },
      { key: '/directory/key', value: 'new' },
      { key: '/directory/other', value: 'new' },
    ]);
    expect(await loadFrom(fileIn(directory), target, { ifAbsent: true })).toContain(
      'loaded 1 key and 0 directories (3 were there already)',
    );
    expect(Object.fromEntries(await treeOf(target))).toEqual({
      '/': 'a directory',
      '/key': 'the value "old"',
      '/directory': 'a directory',
      '/directory/key': 'the value "old"',
      '/directory/other': 'the value "new"',
    });
  });

  transferTest(
    'sends nothing of a directory before the directory is made, and all else at once',
    async ({ directory, target }) => {
      writeDump(fileIn(directory), [
        { key: '/d', dir: true },
        { key: '/d/e', dir: true },
        { key: '/d/e/key', value: '1' },
        { key: '/other', value: '1' },
      ]);
      const order: string[] = [];
      let noteOther = () => {};
      const otherHasCome = new Promise<void>((resolve) => {
        noteOther = resolve;
      });
      const fake = await startFake((request, response) => {
        const [key] = (request.url as string).replace('/v2/keys', '').split('?');
        order.push(`${key} comes`);
        const answer = () => {
          order.push(`${key} is done`);
          response.writeHead(200).end('{}');
        };
        // The first directory takes until another key is there, which must not wait for it.
        if (key === '/d') void otherHasCome.then(answer);
        else if (key === '/d/e') setTimeout(answer, 50);
        else answer();
        if (key === '/other') noteOther();
      });
      await loadFrom(fileIn(directory), target, { endpoint: fake.url });
      const of = (event: string) => order.indexOf(event);
      expect(of('/d is done')).toBeLessThan(of('/d/e comes'));
      expect(of('/d/e is done')).toBeLessThan(of('/d/e/key comes'));
      fake.close();
    },
  );

  transferTest('makes each directory with its TTL before what is in it', async ({ directory, target }) => {
    const nodes: object[] = [];
    for (let outer = 0; outer < 50; outer++) {
      nodes.push({ key: `/d${outer}`, dir: true, expiration: inSeconds(5_000) });
      nodes.push({ key: `/d${outer}/e`, dir: true, expiration: inSeconds(5_000) });
      for (let inner = 0; inner < 5; inner++) nodes.push({ key: `/d${outer}/e/${inner}`, value: '1' });
    }
    writeDump(fileIn(directory), nodes);
    // A directory made along the way of a key would be there already, without its TTL.
    expect(await loadFrom(fileIn(directory), target, { ifAbsent: true })).toMatch(
      /loaded 250 keys and 100 directories into/,
    );
    const directories = [...(await treeOf(target)).values()].filter((content) => content.startsWith('a directory'));
    expect(directories.filter((content) => content.endsWith('for a time'))).toHaveLength(100);
  });

  transferTest(
    'of 20,000 keys is loaded with few and with many requests at a time',
    async ({ directory, source, target }) => {
      const nodes = Array.from({ length: 20_000 }, (_, count) => ({
        key: `/d${count % 100}/k${count}`,
        value: `${count}`,
      }));
      writeDump(fileIn(directory, 'made.jsonl'), nodes);
      expect(await loadFrom(fileIn(directory, 'made.jsonl'), source, { concurrency: 100 })).toContain('20000 keys');
      await dumpTo(fileIn(directory), { endpoint: source.url });
      expect(await loadFrom(fileIn(directory), target, { concurrency: 4 })).toContain('20000 keys and 100 directories');
      expect(await treeOf(target)).toEqual(await treeOf(source));
    },
  );

  transferTest('of values as large as a request may be, which need escapes, fits', async ({ directory, target }) => {
    // Escaped as a browser does it would be three times as long, and over the limit.
    const value = '\u0001ä'.repeat(3_000_000);
    writeDump(fileIn(directory), [{ key: '/large', value }]);
    await loadFrom(fileIn(directory), target);
    expect(await valueAt(target, '/large')).toBe(value);
  });
});

describe('from another server', () => {
  transferTest('all keys are loaded directly', async ({ source, target }) => {
    await fillVisibly(source);
    await source.put('/_hidden', 'value=secret');
    const summary = await loadFrom('', target, { from: source.url });
    expect(summary).toMatch(/^loaded .* into .*, from http:.* at index \d+; its API does not list hidden keys$/);
    expect(await treeOf(target)).toEqual(await treeOf(source));
    expect((await target.get('/_hidden')).status).toBe(404);
  });

  transferTest('20,000 keys, and beneath a prefix of the same server', async ({ source }) => {
    const puts = Array.from(
      { length: 20_000 },
      (_, count) => () => source.put(`/d${count % 50}/k${count}`, `value=${count}`),
    );
    for (const put of puts) await put();
    const before = await treeOf(source);
    expect(await loadFrom('', source, { from: source.url, prefix: '/copy' })).toContain(
      '20000 keys and 50 directories',
    );
    expect((await treeOf(source, '/copy')).size).toBe(before.size);
  });
});

describe('a load that cannot be', () => {
  transferTest('of a truncated file writes nothing', async ({ directory, source, target }) => {
    await source.put('/a', 'value=1');
    await source.put('/b', 'value=2');
    await dumpTo(fileIn(directory), { endpoint: source.url });
    const whole = readFileSync(fileIn(directory));
    for (let size = 0; size < whole.length; size += 7) {
      writeFileSync(fileIn(directory, 'cut.jsonl'), whole.subarray(0, size));
      await expect(loadFrom(fileIn(directory, 'cut.jsonl'), target)).rejects.toThrow(/^line \d: .*truncated/);
    }
    expect([...(await treeOf(target)).keys()]).toEqual(['/']);
  });

  transferTest('of a truncated stream says what was loaded before', async ({ target }) => {
    const cut = Buffer.from(`${header}\n{"key":"/a","value":"1"}\n{"key":"/b","va`);
    const stream = (async function* () {
      yield cut;
    })();
    await expect(loadFrom(stream, target)).rejects.toThrow(
      'line 3: the dump is truncated: the line has no end; loaded before that: 1 key and 0 directories',
    );
  });

  transferTest('with a line that is none tells which', async ({ directory, target }) => {
    writeFileSync(fileIn(directory), `${header}\n{"key":"/a","value":"1"}\n{"key":\n`);
    await expect(loadFrom(fileIn(directory), target)).rejects.toThrow('line 3: it is not JSON');
    expect((await target.get('/a')).status).toBe(404);
  });

  transferTest('into a port where nobody listens says so', async ({ directory, target }) => {
    writeDump(fileIn(directory), []);
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    await expect(loadFrom(fileIn(directory), target, { endpoint })).rejects.toThrow(
      `cannot reach ${endpoint}: connect`,
    );
    await expect(loadFrom('', target, { from: endpoint })).rejects.toThrow(`cannot reach ${endpoint}: connect`);
  });

  transferTest.for(['ftp://127.0.0.1:1', 'localhost:2379', 'http://a/b', 'http://a/?b'])(
    'into %s says what a server looks like',
    async (endpoint, { target }) => {
      await expect(loadFrom('', target, { endpoint })).rejects.toThrow('http://HOST:PORT is');
    },
  );

  transferTest(
    'because the server refuses says why, for which key, and what was loaded',
    async ({ directory, target }) => {
      await target.put('/b/below', 'value=1');
      writeDump(fileIn(directory), [
        { key: '/a', value: '1' },
        { key: '/b', value: '2' },
        { key: '/c', value: '3' },
      ]);
      await expect(loadFrom(fileIn(directory), target, { concurrency: 1 })).rejects.toThrow(
        /refused PUT \/v2\/keys\/b\?.* with error 102: Not a file \(\/b\); loaded before that: 1 key and 0 directories$/,
      );
      expect(await valueAt(target, '/a')).toBe('1');
      expect(await valueAt(target, '/c')).toBe(undefined);
    },
  );

  transferTest('because the server is none', async ({ directory, target }) => {
    writeDump(fileIn(directory), [{ key: '/a', value: '1' }]);
    const fake = await startFake((request, response) =>
      response.writeHead(request.method === 'GET' ? 200 : 404).end('{}'),
    );
    await expect(loadFrom(fileIn(directory), target, { endpoint: fake.url })).rejects.toThrow(
      'is the v2 API on there?',
    );
    fake.close();
  });
});

transferTest('a connection that the server has closed meanwhile is replaced', async ({ directory, target }) => {
  writeDump(fileIn(directory), [
    { key: '/a', value: '1' },
    { key: '/b', value: '2' },
  ]);
  const requests: string[] = [];
  const used = new WeakSet<object>();
  // Hangs up without an answer whenever a connection is used a second time.
  const fake = await startFake((request, response) => {
    if (used.has(request.socket)) return request.socket.destroy();
    used.add(request.socket);
    requests.push(`${request.method} ${request.url?.split('?')[0]}`);
    return response.writeHead(200).end('{}');
  });
  await loadFrom(fileIn(directory), target, { endpoint: fake.url, concurrency: 1 });
  expect(requests).toEqual(['GET /version', 'PUT /v2/keys/a', 'PUT /v2/keys/b']);
  fake.close();
});

transferTest('a password is used, and not shown', async ({ directory, target }) => {
  writeDump(fileIn(directory), [{ key: '/a', value: '1' }]);
  const seen = new Set<string | undefined>();
  const fake = await startFake((request, response) => {
    seen.add(request.headers.authorization);
    response.writeHead(200).end('{}');
  });
  const summary = await loadFrom(fileIn(directory), target, { endpoint: fake.url.replace('//', '//root:p%40ss@') });
  expect([...seen]).toEqual([`Basic ${Buffer.from('root:p@ss').toString('base64')}`]);
  expect(summary).not.toContain('ss@');
  fake.close();
});
