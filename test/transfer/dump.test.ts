/** Dumps of a server and of a data directory. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { startInProcess } from '../support/servers.ts';
import {
  type DumpedNode,
  deepKey,
  dumpTo,
  fileIn,
  fillInvisibly,
  fillVisibly,
  loadFrom,
  readLines,
  startFake,
  transferTest,
} from './transfer-fixture.ts';

/** A data directory whose server has filled it and gone. */
async function filledDirectory(directory: string, fill: (api: ApiClient) => Promise<void>): Promise<string> {
  const dataDir = join(directory, 'keys.uetcd');
  const server = await startInProcess({ dataDir, snapshotCount: 10 });
  const api = new ApiClient(server.url);
  await fill(api);
  await api.close();
  await server.stop();
  return dataDir;
}

/** What the API does not tell of a directory is taken away. */
function asListed(nodes: readonly DumpedNode[]): DumpedNode[] {
  const listed = nodes.filter(({ key }) => !key?.includes('/_'));
  return listed.map((node) => (node.dir === true ? withoutIndexes(node) : node));
}

function withoutIndexes({ modifiedIndex: _modified, createdIndex: _created, ...node }: DumpedNode): DumpedNode {
  return node;
}

describe('a dump of a server', () => {
  transferTest('has each key with its value, time and indexes, at one index', async ({ directory, source }) => {
    await source.put('/a/b', 'value=1');
    await source.put('/a/b', 'value=2');
    await source.put('/c', 'value=x&ttl=100');
    const summary = await dumpTo(fileIn(directory), { endpoint: source.url });
    const { header, nodes, end } = readLines(fileIn(directory));
    expect(header).toMatchObject({ 'uetcd-dump': 1, source: source.url, etcdIndex: 4, hidden: false });
    expect(nodes).toEqual([
      { key: '/a', dir: true },
      { key: '/a/b', value: '2', modifiedIndex: 3, createdIndex: 3 },
      { key: '/c', value: 'x', expiration: expect.any(String), modifiedIndex: 4, createdIndex: 4 },
    ]);
    expect(end).toEqual({ end: true, nodes: 3 });
    expect(summary).toMatch(
      /^dumped 2 keys and 1 directory of http:.* at index 4 in .* s; .* does not list hidden keys$/,
    );
  });

  transferTest('of nothing has no nodes', async ({ directory, source }) => {
    await dumpTo(fileIn(directory), { endpoint: source.url });
    expect(readLines(fileIn(directory)).nodes).toEqual([]);
  });

  transferTest('refuses bytes that the API does not show, and leaves no file', async ({ directory, source }) => {
    await source.put('/a', 'value=1');
    await source.put('/b', 'value=%ff');
    await expect(dumpTo(fileIn(directory), { endpoint: source.url })).rejects.toThrow('"/b" or its value has bytes');
    expect(readdirSync(directory)).toEqual([]);
    expect(await dumpTo(fileIn(directory), { endpoint: source.url, lossy: true })).toContain('1 times U+FFFD');
    expect(readLines(fileIn(directory)).nodes[1]).toMatchObject({ key: '/b', value: '\ufffd' });
  });

  transferTest.for([
    ['cut short', 200, '{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":"1"},', 'it ends too early'],
    ['of something else', 200, '<html>', 'it is not JSON'],
    ['refused by the API', 500, '{"errorCode":300,"message":"Raft Internal Error","cause":"ill","index":3}', '300'],
    ['not of the API', 404, '404 page not found', 'status 404: is the v2 API on there?'],
  ] as const)('that is %s fails, and leaves no file', async ([_, status, body, reason], { directory }) => {
    const fake = await startFake((_request, response) => response.writeHead(status).end(body));
    await expect(dumpTo(fileIn(directory), { endpoint: fake.url })).rejects.toThrow(reason);
    expect(readdirSync(directory)).toEqual([]);
    fake.close();
  });

  transferTest('whose server dies half-way fails, and leaves no file', async ({ directory }) => {
    const fake = await startFake((_request, response) => {
      response.write('{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":"1"},');
      setTimeout(() => response.destroy(), 50);
    });
    await expect(dumpTo(fileIn(directory), { endpoint: fake.url })).rejects.toThrow('cannot be read: aborted');
    expect(readdirSync(directory)).toEqual([]);
    fake.close();
  });
});

describe('a dump of a data directory', () => {
  transferTest('is that of its server, and has what the API hides', async ({ directory }) => {
    const dataDir = await filledDirectory(directory, async (api) => {
      await fillVisibly(api);
      await fillInvisibly(api);
    });
    const summary = await dumpTo(fileIn(directory), { dataDir });
    expect(summary).toMatch(/^dumped \d+ keys and \d+ directories of .*keys\.uetcd at index \d+ in/);
    const { header, nodes } = readLines(fileIn(directory));
    expect(header).toMatchObject({ source: dataDir, hidden: true });
    expect(nodes).toContainEqual(expect.objectContaining({ key: '/_hidden/key', value: 'secret' }));
    expect(nodes).toContainEqual(expect.objectContaining({ key: '/_directory', dir: true }));
    expect(nodes).toContainEqual(expect.objectContaining({ key: '/bytes', valueBase64: '//4Awyg=' }));
    expect(nodes).toContainEqual(expect.objectContaining({ keyBase64: 'L2J5dGVz/w==', value: 'one' }));
    // All of it comes back, and is the same when it is dumped once more.
    const again = await filledDirectory(join(directory, 'again'), async (api) => {
      await loadFrom(fileIn(directory), api);
    });
    await dumpTo(fileIn(directory, 'again.jsonl'), { dataDir: again });
    const loadable = ({ expiration, ...node }: DumpedNode) => [withoutIndexes(node), expiration !== undefined];
    expect(readLines(fileIn(directory, 'again.jsonl')).nodes.map(loadable)).toEqual(nodes.map(loadable));
  });

  transferTest('equals the one of the living server, but for what the API does not tell', async ({ directory }) => {
    const live = fileIn(directory, 'live.jsonl');
    const dataDir = await filledDirectory(directory, async (api) => {
      await fillVisibly(api);
      await api.put('/_hidden/key', 'value=secret');
      await dumpTo(live, { endpoint: api.url });
    });
    await dumpTo(fileIn(directory), { dataDir });
    expect(asListed(readLines(fileIn(directory)).nodes)).toEqual(readLines(live).nodes);
    expect(readLines(fileIn(directory)).header['etcdIndex']).toBe(readLines(live).header['etcdIndex']);
    expect(readLines(live).nodes).toContainEqual(expect.objectContaining({ key: deepKey, value: 'down there' }));
  });

  transferTest('changes nothing in it, not even what a start would mend', async ({ directory }) => {
    const dataDir = await filledDirectory(directory, (api) => fillVisibly(api));
    const segment = readdirSync(dataDir).findLast((name) => name.startsWith('journal-')) as string;
    // As a power cut could leave it: half a group at the end, and a file that was not finished.
    const bytes = readFileSync(join(dataDir, segment));
    const torn = Buffer.concat([bytes, Buffer.from('half a group')]);
    writeFileSync(join(dataDir, segment), torn);
    writeFileSync(join(dataDir, `${segment}.tmp`), 'unfinished');
    const before = contentsOf(dataDir);
    await dumpTo(fileIn(directory), { dataDir });
    expect(contentsOf(dataDir)).toEqual(before);
    expect(readLines(fileIn(directory)).nodes).toContainEqual(expect.objectContaining({ key: '/plain', value: '1' }));
  });

  transferTest('is refused while a server has it', async ({ directory }) => {
    const dataDir = join(directory, 'keys.uetcd');
    const server = await startInProcess({ dataDir });
    await expect(dumpTo(fileIn(directory), { dataDir })).rejects.toThrow('is in use by another process');
    await server.stop();
    await dumpTo(fileIn(directory), { dataDir });
    // And a server may have it again when the dump is over.
    await (await startInProcess({ dataDir })).stop();
  });

  transferTest('is refused when it is damaged, as a start is', async ({ directory }) => {
    const dataDir = await filledDirectory(directory, (api) => fillVisibly(api));
    const snapshot = readdirSync(dataDir).find((name) => name.endsWith('.snap'));
    const broken = join(dataDir, snapshot ?? (readdirSync(dataDir).find((name) => name.endsWith('.log')) as string));
    const bytes = readFileSync(broken);
    bytes[40] = (bytes[40] as number) ^ 1;
    writeFileSync(broken, bytes);
    await expect(dumpTo(fileIn(directory), { dataDir })).rejects.toThrow(/is damaged at offset/);
    expect(readdirSync(directory)).toEqual(['keys.uetcd']);
  });

  transferTest('is refused when it is none', async ({ directory }) => {
    await expect(dumpTo(fileIn(directory), { dataDir: join(directory, 'nowhere') })).rejects.toThrow('not a directory');
    await expect(dumpTo(fileIn(directory), { dataDir: directory })).rejects.toThrow('not a data directory of uetcd');
    expect(readdirSync(directory)).toEqual([]);
  });

  transferTest('a heap that is too small is said to be', async ({ directory }) => {
    const value = `value=${'x'.repeat(1_000)}`;
    const dataDir = await filledDirectory(directory, async (api) => {
      for (let count = 0; count < 20; count++) await api.put(`/${count}`, value.repeat(500));
    });
    await expect(dumpTo(fileIn(directory), { dataDir, storeHeapMb: 16 })).rejects.toThrow(/memory/);
  });
});

function contentsOf(directory: string): Record<string, string> {
  const names = readdirSync(directory).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
}
