/** Reads that are answered without the store: nobody may see by them what he would not have seen by the store. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReadVersions } from '../../../src/frame/read-versions.ts';
import {
  KEEP_BIT,
  KEEP_WORDS,
  REPLY_HEAD_SIZE_BYTES,
  ReplyFormat,
  ReplyKind,
  ReplyReader,
  replySizeBytes,
  writeReplyHead,
} from '../../../src/frame/reply-frame.ts';
import { createSharedWords, JournalState, SharedWords } from '../../../src/frame/shared-words.ts';
import { Gate } from '../../../src/front/exchange/gate.ts';
import { ReadCache } from '../../../src/front/exchange/read-cache.ts';
import { apiTest, eventOf } from '../../support/api-test.ts';
import { type Answer, ApiClient } from '../../support/http.ts';
import { RawConnection, requestBytes } from '../../support/raw-connection.ts';
import { type RunningServer, startInProcess } from '../../support/servers.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary-directory.ts';

/** After so many reads in a row an answer is kept, if it may be; a short one after one less. */
const READS_UNTIL_KEPT = 3;
const RUNS = 12;
const DURABLE_RUNS = 4;

async function keptReads(api: ApiClient): Promise<number> {
  const { text } = await api.fetch('/metrics');
  return Number(/^uetcd_kept_reads_total (\d+)$/m.exec(text)?.[1]);
}

function seenIn({ status, text, headers }: Answer) {
  return { status, text, etcdIndex: headers['x-etcd-index'], raftIndex: headers['x-raft-index'] };
}

const longForm = (sizeBytes: number) => `value=${'"'.repeat(sizeBytes)}`;

/** A query that says nothing, which takes the way to the store. */
const throughStore = (api: ApiClient, key: string) => api.get(`${key}?quorum=false`);

/** Reads until the answer is kept, if it may be, and then again: all are what the store says. */
async function expectSameAsStore(api: ApiClient, key: string): Promise<void> {
  for (let round = 0; round <= READS_UNTIL_KEPT; round++) {
    // A remaining life goes by between the two.
    const [answer, asked] = [await api.get(key), await throughStore(api, key)];
    const withoutLife = (seen: ReturnType<typeof seenIn>) => ({ ...seen, text: seen.text.replace(/"ttl":\d+/, '') });
    expect(withoutLife(seenIn(answer))).toEqual(withoutLife(seenIn(asked)));
  }
}

/** A test whose server must be a durable one. */
async function withDurableServer(body: (server: RunningServer) => Promise<void>): Promise<void> {
  const dataDir = makeTemporary('uetcd-reads');
  const server = await startInProcess({ dataDir });
  try {
    await body(server);
  } finally {
    await server.stop();
    removeTemporary(dataDir);
  }
}

describe('a key that is read again and again', () => {
  apiTest('is answered without the store, byte for byte alike', async ({ api }) => {
    await api.put('/k', 'value=1');
    const first = await api.get('/k');
    for (let round = 1; round < 100; round++) expect(seenIn(await api.get('/k'))).toEqual(seenIn(first));
    expect(await keptReads(api)).toBeGreaterThan(50);
  });

  apiTest('shows the index that the writes of other keys have reached', async ({ api }) => {
    await api.put('/k', 'value=1');
    for (let round = 0; round < 10; round++) {
      await expectSameAsStore(api, '/k');
      await api.put('/other', `value=${round}`);
    }
    expect(await keptReads(api)).toBeGreaterThan(5);
  });

  apiTest('counts each time in the statistics', async ({ api }) => {
    const getsOf = async () => JSON.parse((await api.fetch('/v2/stats/store')).text);
    await api.put('/k', 'value=1');
    const before = await getsOf();
    for (let round = 0; round < 50; round++) await api.get('/k');
    const after = await getsOf();
    expect(after.getsSuccess - before.getsSuccess).toBe(50);
    // For each request it is looked up whether authentication is on, which it has never been.
    expect(after.getsFail - before.getsFail).toBe(50);
    expect(await keptReads(api)).toBeGreaterThan(30);
  });

  test('counts like a read by the store, also when authentication is turned on then', async () => {
    const counters = await Promise.all(
      [(api: ApiClient) => api.get('/k'), (api: ApiClient) => throughStore(api, '/k')].map(async (read) => {
        const server = await startInProcess({ inMemory: true });
        const api = new ApiClient(server.url);
        await api.put('/k', 'value=1');
        for (let round = 0; round < 20; round++) await read(api);
        const headers = { 'content-type': 'application/json' };
        const body = JSON.stringify({ user: 'root', password: 'secret' });
        await api.send({ method: 'PUT', target: '/v2/auth/users/root', headers, body });
        for (let round = 0; round < 20; round++) await read(api);
        await api.send({ method: 'PUT', target: '/v2/auth/enable' });
        const { text } = await api.fetch('/v2/stats/store');
        await api.close();
        await server.stop();
        return text;
      }),
    );
    expect(counters[0]).toBe(counters[1]);
  });

  apiTest('is not kept while it has a timer', async ({ api }) => {
    await api.put('/mortal', 'value=1&ttl=100');
    for (let round = 0; round < 10; round++) await api.get('/mortal');
    expect(await keptReads(api)).toBe(0);
  });

  apiTest('has gone when it is told that a directory above it has expired', async ({ api }) => {
    await api.put('/d?dir=true', 'ttl=1000');
    await api.put('/d/k', 'value=1');
    await expectSameAsStore(api, '/d/k');
    expect(await keptReads(api)).toBeGreaterThan(0);
    const stream = await api.watch('/d?wait=true&recursive=true&stream=true');
    expect((await api.get('/d/k')).status).toBe(200);
    await api.put('/d?dir=true&prevExist=true', 'ttl=1');
    expect(eventOf(await stream.nextLine()).action).toBe('update');
    expect(eventOf(await stream.nextLine()).action).toBe('expire');
    expect((await api.get('/d/k')).status).toBe(404);
    await stream.close();
  });

  // In one piece from the ring; beside the ring, in several writes; the largest that is kept, and one that is not.
  apiTest('is kept when it is long, too, up to 2 MiB', async ({ api }) => {
    for (const [sizeBytes, isKept] of [
      [5_000, true],
      [300_000, true],
      [2_097_000, true],
      [2_098_000, false],
    ] as const) {
      const value = `${'<x>'.repeat(sizeBytes / 50)}${'y'.repeat(sizeBytes)}`.slice(
        0,
        sizeBytes - (sizeBytes / 50) * 10,
      );
      await api.put('/long', `value=${value}`);
      const first = await api.get('/long');
      expect(JSON.parse(first.text).node.value === value).toBe(true);
      const before = await keptReads(api);
      for (let round = 1; round < 8; round++) expect((await api.get('/long')).bytes.equals(first.bytes)).toBe(true);
      expect((await keptReads(api)) > before).toBe(isKept);
    }
  });

  apiTest('is not kept when it is long and has been shown once only since it changed', async ({ api }) => {
    for (let round = 0; round < 20; round++) {
      await api.put('/long', `value=${'x'.repeat(5_000)}${round}`);
      for (let read = 0; read < 2; read++) expect((await api.get('/long')).text).toContain(`x${round}"`);
    }
    expect(await keptReads(api)).toBe(0);
  });

  apiTest('is kept as long as there is room for long ones', async ({ api }) => {
    const value = 'x'.repeat(1_000_000);
    for (let key = 0; key < 30; key++) {
      await api.put(`/${key}`, `value=${value}${key}`);
      for (let round = 0; round <= READS_UNTIL_KEPT; round++)
        expect(
          (await api.get(`/${key}`)).text.endsWith(`${key}","modifiedIndex":${key + 2},"createdIndex":${key + 2}}}\n`),
        ).toBe(true);
    }
    const before = await keptReads(api);
    for (let key = 0; key < 30; key++) await api.get(`/${key}`);
    expect((await keptReads(api)) - before).toBe(16);
  });

  apiTest('is not kept when its URL is long', async ({ api }) => {
    await api.put(`/${'n'.repeat(300)}`, 'value=1');
    for (let round = 0; round < 10; round++) await api.get(`/${'n'.repeat(300)}`);
    expect(await keptReads(api)).toBe(0);
  });

  apiTest('needs rights when there are rights, kept or not', async ({ api }) => {
    await api.put('/k', 'value=1');
    await expectSameAsStore(api, '/k');
    const json = { 'content-type': 'application/json' };
    const root = { authorization: `Basic ${Buffer.from('root:secret').toString('base64')}` };
    const user = JSON.stringify({ user: 'root', password: 'secret' });
    await api.send({ method: 'PUT', target: '/v2/auth/users/root', headers: json, body: user });
    expect((await api.send({ method: 'PUT', target: '/v2/auth/enable' })).status).toBe(200);
    const guest = JSON.stringify({ role: 'guest', revoke: { kv: { read: ['/*'], write: ['/*'] } } });
    const headers = { ...json, ...root };
    const revoked = await api.send({ method: 'PUT', target: '/v2/auth/roles/guest', headers, body: guest });
    expect(revoked.status).toBe(200);
    for (let round = 0; round < 5; round++) expect((await api.get('/k')).status).toBe(401);
  });
});

test('what is kept and large reaches a reader that stops, and those who leave take nothing along', async () => {
  const server = await startInProcess({ inMemory: true });
  const api = new ApiClient(server.url);
  const value = 'x'.repeat(2_000_000);
  const request = requestBytes('GET', '/v2/keys/long');
  await api.put('/long', `value=${value}`);
  for (let round = 0; round <= READS_UNTIL_KEPT; round++) await api.get('/long');
  const before = await keptReads(api);
  const slow = await RawConnection.open(server.url);
  slow.socket.pause();
  for (let count = 0; count < 20; count++) {
    const gone = await RawConnection.open(server.url);
    gone.socket.pause();
    await gone.write(request);
    await expect.poll(() => keptReads(api)).toBe(before + count + 1);
    gone.socket.resetAndDestroy();
  }
  await slow.write(request);
  await expect.poll(() => keptReads(api)).toBe(before + 21);
  await api.put('/long', 'value=new');
  expect((await api.get('/long')).text).toContain('"new"');
  slow.socket.resume();
  expect(await slow.until(() => slow.received.endsWith('}}\n'))).toBe(true);
  expect(slow.received.includes(`"${value}"`)).toBe(true);
  slow.socket.destroy();
  const answerBytes = async () => /^uetcd_answer_bytes (\d+)$/m.exec((await api.fetch('/metrics')).text)?.[1];
  await expect.poll(answerBytes).toBe('0');
  await api.close();
  await server.stop();
});

describe('whatever is done to keys', () => {
  const KEYS = ['/a', '/d/a', '/d/e/a', '/d/e/b'];
  const key = fc.constantFrom(...KEYS);
  const directory = fc.constantFrom('/d', '/d/e');
  const step = fc.oneof(
    fc.tuple(key, fc.integer({ min: 0, max: 3 })).map(([at, value]) => ['PUT', at, `value=${value}`] as const),
    fc.tuple(key, fc.integer({ min: 0, max: 3 })).map(([at, v]) => ['PUT', `${at}?prevValue=${v}`, 'value=9'] as const),
    fc.tuple(key, fc.constantFrom(1_500, 70_000)).map(([at, size]) => ['PUT', at, longForm(size)] as const),
    key.map((at) => ['PUT', at, 'value=1&ttl=50'] as const),
    key.map((at) => ['PUT', `${at}?prevExist=true`, 'refresh=true&ttl=60'] as const),
    key.map((at) => ['PUT', `${at}?prevExist=true`, 'refresh=true&ttl='] as const),
    key.map((at) => ['DELETE', at, undefined] as const),
    directory.map((at) => ['DELETE', `${at}?recursive=true`, undefined] as const),
    directory.map((at) => ['PUT', `${at}?dir=true&prevExist=true`, 'ttl=70'] as const),
    directory.map((at) => ['PUT', `${at}?dir=true&prevExist=true`, 'ttl='] as const),
    fc.constant(['POST', '/d', 'value=in-order'] as const),
  );

  async function play(api: ApiClient, steps: (readonly [string, string, string | undefined])[]): Promise<void> {
    await api.delete('/d?recursive=true');
    for (const each of KEYS) await api.put(each, 'value=0');
    for (const each of KEYS) await expectSameAsStore(api, each);
    for (const [method, at, form] of steps) {
      if (method === 'PUT') await api.put(at, form);
      else if (method === 'POST') await api.post(at, form);
      else await api.delete(at);
      for (const each of KEYS) await expectSameAsStore(api, each);
    }
  }

  apiTest('every read is what the store says', async ({ api }) => {
    const steps = fc.array(step, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(steps, (sequence) => play(api, sequence)),
      { numRuns: RUNS },
    );
    expect(await keptReads(api)).toBeGreaterThanOrEqual(RUNS * KEYS.length);
  });

  test('the same with a journal', () =>
    withDurableServer(async ({ url }) => {
      const api = new ApiClient(url);
      const steps = fc.array(step, { minLength: 5, maxLength: 10 });
      await fc.assert(
        fc.asyncProperty(steps, (sequence) => play(api, sequence)),
        { numRuns: DURABLE_RUNS },
      );
      expect(await keptReads(api)).toBeGreaterThanOrEqual(DURABLE_RUNS * KEYS.length);
      await api.close();
    }));
});

test('with a journal nothing is answered that would have to wait for the disk, and nothing after it has failed', () => {
  const words = new SharedWords(createSharedWords());
  words.journalState = JournalState.running;
  const versions = new ReadVersions(ReadVersions.createMemory());
  const cache = new ReadCache(words, versions, new Gate(words));
  cache.want(1, '/v2/keys/k');
  cache.keep(aReplyToKeep(1, versions.at(5), 5));
  words.durableSequence = words.sequence = 7;
  expect(cache.find('/v2/keys/k')).toMatchObject({ raftIndex: 7 });

  words.sequence = 8;
  expect(cache.find('/v2/keys/k')).toBeUndefined();
  words.durableSequence = 8;
  expect(cache.find('/v2/keys/k')).toMatchObject({ raftIndex: 8 });

  words.failJournal('the disk is full');
  expect(cache.find('/v2/keys/k')).toBeUndefined();
  cache.close();
});

function aReplyToKeep(slot: number, version: number, position: number): ReplyReader {
  const sizeBytes = replySizeBytes(KEEP_WORDS, 1);
  const bytes = Buffer.alloc(sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, sizeBytes);
  writeReplyHead(bytes, view, 0, ReplyKind.answer, ReplyFormat.keys | KEEP_BIT, 200, slot, 1, 1, 2, 1);
  view.setUint32(REPLY_HEAD_SIZE_BYTES, position, true);
  view.setInt32(REPLY_HEAD_SIZE_BYTES + 4, version, true);
  const reply = new ReplyReader();
  reply.read(bytes, view, 0, sizeBytes);
  return reply;
}

describe('while others write', () => {
  const WRITES = 400;

  /**
   * One client writes; others read as fast as they can. What each read shows must not be older than what had been
   * acknowledged when it was sent, and must be what the key was at the index in its head: who goes on to watch
   * from there must not miss anything.
   */
  async function race(url: string, padding = ''): Promise<void> {
    const observer = new ApiClient(url);
    const writer = new ApiClient(url);
    const readers = Array.from({ length: 6 }, () => new ApiClient(url));
    /** The indexes of the writes of the key, ascending. */
    const writes: number[] = [];
    const reads: { readonly atLeast: number; readonly modifiedIndex: number; readonly etcdIndex: number }[] = [];
    let isWriting = true;
    const write = async () => {
      for (let count = 0; count < WRITES; count++) {
        writes.push(eventOf((await writer.put('/k', `value=${count}${padding}`)).text).node.modifiedIndex ?? 0);
        // Pauses and other keys, so that answers are kept in between and the index goes on without the key.
        if (count % 4 === 0) for (let read = 0; read <= READS_UNTIL_KEPT; read++) await writer.get('/k');
        if (count % 3 === 0) await writer.put('/other', 'value=1');
      }
      isWriting = false;
    };
    const read = async (reader: ApiClient) => {
      while (isWriting) {
        const atLeast = writes.at(-1) ?? 0;
        const { status, text, headers } = await reader.get('/k');
        if (status !== 200) continue;
        const { modifiedIndex = 0 } = eventOf(text).node;
        reads.push({ atLeast, modifiedIndex, etcdIndex: Number(headers['x-etcd-index']) });
      }
    };
    await Promise.all([write(), ...readers.map(read)]);
    const latestAt = (index: number) => writes.findLast((write) => write <= index);
    for (const { atLeast, modifiedIndex, etcdIndex } of reads) {
      expect(modifiedIndex).toBeGreaterThanOrEqual(atLeast);
      expect(modifiedIndex).toBe(latestAt(etcdIndex));
    }
    expect(await keptReads(observer)).toBeGreaterThan(100);
    await Promise.all([observer, writer, ...readers].map((client) => client.close()));
  }

  test.for([1, 3])('no read is older than what was acknowledged, with %i front ends', async (frontEnds) => {
    const server = await startInProcess({ inMemory: true, frontEnds });
    await race(server.url);
    await server.stop();
  });

  test('nor with a journal', () => withDurableServer(({ url }) => race(url)));

  test.for([3_000, 100_000])('nor of %i bytes', async (sizeBytes) => {
    const server = await startInProcess({ inMemory: true });
    await race(server.url, 'x'.repeat(sizeBytes));
    await server.stop();
  });
});

test('reads through all front ends count', async () => {
  const server = await startInProcess({ inMemory: true, frontEnds: 3 });
  const clients = Array.from({ length: 3 }, () => new ApiClient(server.url));
  for (const client of clients) await client.put('/k', 'value=1');
  for (const client of clients) for (let round = 0; round < 20; round++) await client.get('/k');
  for (const client of clients)
    expect(JSON.parse((await client.fetch('/v2/stats/store')).text)).toMatchObject({ getsSuccess: 60 });
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});
