/** API document: "Creating Directories", "Listing a directory", "Deleting a Directory" and "Creating a hidden node". */
import { describe, expect } from 'vitest';
import { eventOf, line, apiTest as test } from '../support/api-test.ts';

describe('creating directories', () => {
  test('dir=true makes one', async ({ api }) => {
    const answer = await api.put('/dir', 'dir=true');
    expect(answer.status).toBe(201);
    expect(answer.text).toBe(
      line({ action: 'set', node: { key: '/dir', dir: true, modifiedIndex: 2, createdIndex: 2 } }),
    );
    const again = await api.put('/dir', 'dir=true');
    expect(again.status).toBe(403);
    expect(again.text).toBe('{"errorCode":102,"message":"Not a file","cause":"/dir","index":2}\n');
  });

  test('parents come with the write that needs them, and have its index', async ({ api }) => {
    await api.put('/a/b/c', 'value=1');
    expect(eventOf((await api.get('/a/b')).text).node).toMatchObject({ dir: true, modifiedIndex: 2, createdIndex: 2 });
  });

  test('a directory replaces a key', async ({ api }) => {
    await api.put('/a', 'value=1');
    const answer = await api.put('/a', 'dir=true');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      line({
        action: 'set',
        node: { key: '/a', dir: true, modifiedIndex: 3, createdIndex: 3 },
        prevNode: { key: '/a', value: '1', modifiedIndex: 2, createdIndex: 2 },
      }),
    );
  });
});

describe('listing', () => {
  test('the root has neither key nor indexes', async ({ api }) => {
    expect((await api.get('')).text).toBe('{"action":"get","node":{"dir":true}}\n');
    await api.put('/foo', 'value=bar');
    expect((await api.get('/')).text).toBe(
      '{"action":"get","node":{"dir":true,"nodes":[' +
        '{"key":"/foo","value":"bar","modifiedIndex":2,"createdIndex":2}]}}\n',
    );
  });

  test('shows directories without their contents, unless recursive', async ({ api }) => {
    await api.put('/foo', 'value=1');
    await api.put('/foo_dir/foo', 'value=bar');
    const directory = { key: '/foo_dir', dir: true, modifiedIndex: 3, createdIndex: 3 };
    const key = { key: '/foo', value: '1', modifiedIndex: 2, createdIndex: 2 };
    expect((await api.get('/?sorted=true')).text).toBe(
      line({ action: 'get', node: { dir: true, nodes: [key, directory] } }),
    );
    const { key: path, dir, ...indexes } = directory;
    const nodes = [{ key: '/foo_dir/foo', value: 'bar', modifiedIndex: 3, createdIndex: 3 }];
    expect((await api.get('/?recursive=true&sorted=true')).text).toBe(
      line({ action: 'get', node: { dir: true, nodes: [key, { key: path, dir, nodes, ...indexes }] } }),
    );
  });

  test('sorted is the order of the bytes', async ({ api }) => {
    // In UTF-16 the second is smaller: its surrogates come before U+FF41.
    const names = ['%F0%90%80%80', '%EF%BD%81', 'b', 'B', '10', '9', 'a%20', 'a'];
    for (const name of names) await api.put(`/d/${name}`, 'value=');
    const { node } = eventOf((await api.get('/d?sorted=true')).text);
    expect(node.nodes?.map(({ key }) => key?.slice(3))).toEqual([
      '10',
      '9',
      'B',
      'a',
      'a ',
      'b',
      '\uff41',
      '\u{10000}',
    ]);
  });

  test('an empty directory has no nodes', async ({ api }) => {
    await api.put('/d/k', 'value=1');
    await api.delete('/d/k');
    expect((await api.get('/d')).text).toBe(
      line({ action: 'get', node: { key: '/d', dir: true, modifiedIndex: 2, createdIndex: 2 } }),
    );
  });
});

describe('deleting directories', () => {
  test('an empty one goes with dir=true, a full one only with recursive=true', async ({ api }) => {
    await api.put('/d/k', 'value=1');
    expect((await api.delete('/d')).text).toBe('{"errorCode":102,"message":"Not a file","cause":"/d","index":2}\n');
    const full = await api.delete('/d?dir=true');
    expect([full.status, full.text]).toEqual([
      403,
      '{"errorCode":108,"message":"Directory not empty","cause":"/d","index":2}\n',
    ]);
    expect((await api.delete('/d?recursive=true')).text).toBe(
      line({
        action: 'delete',
        node: { key: '/d', dir: true, modifiedIndex: 3, createdIndex: 2 },
        prevNode: { key: '/d', dir: true, modifiedIndex: 2, createdIndex: 2 },
      }),
    );
    await api.put('/e', 'dir=true');
    expect((await api.delete('/e?dir=true')).status).toBe(200);
  });

  test('hidden contents count', async ({ api }) => {
    await api.put('/d/_k', 'value=1');
    expect((await api.delete('/d?dir=true')).status).toBe(403);
  });
});

describe('hidden nodes', () => {
  test('are left out of listings with all they contain, but answer to their name', async ({ api }) => {
    await api.put('/_message', 'value=Hello hidden world');
    await api.put('/message', 'value=Hello world');
    await api.put('/_dir/seen', 'value=1');
    const { node } = eventOf((await api.get('/?recursive=true')).text);
    expect(node.nodes?.map(({ key }) => key)).toEqual(['/message']);
    expect(eventOf((await api.get('/_message')).text).node.value).toBe('Hello hidden world');
    expect(eventOf((await api.get('/_dir')).text).node.nodes?.map(({ key }) => key)).toEqual(['/_dir/seen']);
  });
});
