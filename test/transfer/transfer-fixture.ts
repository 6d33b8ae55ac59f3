/** What the tests of dump and load share: a directory, servers, and a key space with all that is awkward. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'vitest';
import { DEFAULTS } from '../../src/config.ts';
import { type DumpOptions, dump } from '../../src/transfer/dump.ts';
import { type LoadOptions, load } from '../../src/transfer/load.ts';
import type { NodeShape } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { type RunningServer, startInProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

export interface TransferFixture {
  /** A temporary directory. */
  readonly directory: string;
  /** Two empty servers in this process. */
  readonly source: ApiClient;
  readonly target: ApiClient;
}

export const transferTest = test.extend<TransferFixture>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which other fixtures are needed.
  directory: async ({}, use) => {
    const directory = makeTemporary('uetcd-transfer');
    await use(directory);
    removeTemporary(directory);
  },
  // biome-ignore lint/correctness/noEmptyPattern: likewise.
  source: async ({}, use) => withServer(await startInProcess({ inMemory: true }), use),
  // biome-ignore lint/correctness/noEmptyPattern: likewise.
  target: async ({}, use) => withServer(await startInProcess({ inMemory: true }), use),
});

async function withServer(server: RunningServer, use: (api: ApiClient) => Promise<void>): Promise<void> {
  const api = new ApiClient(server.url);
  await use(api);
  await api.close();
  await server.stop();
}

const NO_TERMINAL = { write: () => {} };
const UNUSED = 'http://127.0.0.1:1';

export function dumpTo(file: string, options: Partial<DumpOptions>): Promise<string> {
  const { storeHeapMb } = DEFAULTS;
  return dump({ endpoint: UNUSED, storeHeapMb, ...options, output: file }, NO_TERMINAL);
}

export function loadFrom(
  dumped: string | AsyncIterable<Buffer>,
  target: ApiClient,
  options: Partial<LoadOptions> = {},
): Promise<string> {
  return load(dumped, { endpoint: target.url, concurrency: 32, ...options }, NO_TERMINAL);
}

/** The keys of a server with what matters of them: values and TTLs, as a listing shows them. */
export async function treeOf(api: ApiClient, key = '/'): Promise<Map<string, string>> {
  const answer = await api.get(`${key}?recursive=true&sorted=true`);
  const tree = new Map<string, string>();
  const add = ({ key: path = '/', value, dir, expiration, nodes = [] }: NodeShape): void => {
    const content = dir === true ? 'a directory' : `the value ${JSON.stringify(value)}`;
    tree.set(path, expiration === undefined ? content : `${content}, for a time`);
    for (const node of nodes) add(node);
  };
  add(JSON.parse(answer.text).node);
  return tree;
}

export interface DumpedNode {
  readonly key?: string;
  readonly keyBase64?: string;
  readonly value?: string;
  readonly valueBase64?: string;
  readonly dir?: boolean;
  readonly expiration?: string;
  readonly modifiedIndex?: number;
  readonly createdIndex?: number;
}

export interface ReadDump {
  readonly header: Record<string, unknown>;
  readonly nodes: readonly DumpedNode[];
  readonly end: Record<string, unknown>;
}

/** A dump as any JSON reader sees it. */
export function readLines(file: string): ReadDump {
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { header: lines[0], nodes: lines.slice(1, -1), end: lines.at(-1) };
}

export const deepKey = `/deep${'/x'.repeat(300)}`;

/** All that is not hidden and has a UTF-8 name: the API can read it back. */
export async function fillVisibly(api: ApiClient): Promise<void> {
  await api.put('/plain', 'value=1');
  await api.put('/empty', 'value=');
  await api.put('/quotes', `value=${encodeURIComponent('"\\<>&;%+= \n\r\t\0\u2028 end')}`);
  await api.put(`/${encodeURIComponent('käse 🧀/räder')}`, `value=${encodeURIComponent('grüße 🌍')}`);
  await api.put(`/${encodeURIComponent('a b?c#d%e&f;g+h')}`, 'value=odd+name');
  await api.put(`/${encodeURIComponent('\ufffd')}`, `value=${encodeURIComponent('a real \ufffd')}`);
  await api.put('/with-ttl', 'value=brief&ttl=5000');
  await api.put('/directory/empty', 'dir=true');
  await api.put('/directory/with-ttl', 'dir=true&ttl=6000');
  await api.put('/directory/with-ttl/key', 'value=goes+along');
  await api.put('/directory/with-ttl/below/key', 'value=too&ttl=7000');
  await api.put(deepKey, 'value=down+there');
  await api.put('/large', `value=${'0123456789'.repeat(50_000)}`);
  for (let count = 0; count < 3; count++) await api.post('/queue', `value=job${count}`);
}

/** What only a data directory tells. */
export async function fillInvisibly(api: ApiClient): Promise<void> {
  await api.put('/_hidden/key', 'value=secret');
  await api.put('/directory/_hidden', 'value=secret&ttl=5000');
  await api.put('/_directory', 'dir=true');
  await api.put('/bytes', 'value=%ff%fe%00%c3%28');
  await api.put('/bytes%ff', 'value=one');
  await api.put('/bytes%fe', 'value=other');
  await api.put('/bytes%fd/below', 'value=%f0%9f');
}

/** A file of a dump, as a stream of pieces of any size. */
export async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A server that says what it likes. */
export async function startFake(onRequest: Parameters<typeof createServer>[1]): Promise<Server & { url: string }> {
  const server = createServer(onRequest as never).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

export function fileIn(directory: string, name = 'keys.jsonl'): string {
  return join(directory, name);
}
