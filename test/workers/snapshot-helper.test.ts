import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, test as plainTest } from 'vitest';
import type { NamedFile } from '../../src/journal/directory.ts';
import { nodeFileLayer } from '../../src/journal/file-layer.ts';
import { DamagedJournalError } from '../../src/journal/journal-error.ts';
import { SnapshotWriter } from '../../src/journal/snapshot-file.ts';
import { StoreReader, writeStore } from '../../src/store/snapshot-codec.ts';
import { Store } from '../../src/store/store.ts';
import { SnapshotHelper, serveSnapshots } from '../../src/workers/snapshot-helper.ts';
import { contentOf, set } from '../store/store-fixture.ts';

const SEQUENCE = 7;

const test = plainTest.extend<{ store: Store; file: NamedFile }>({
  // biome-ignore lint/correctness/noEmptyPattern: the fixture needs no other.
  store: async ({}, use) => {
    const store = new Store(1000, true);
    // More than one chunk.
    for (let key = 0; key < 300; key++) set(store, `/d${key % 7}/k${key}`, `${key}`.repeat(3000));
    await use(store);
  },
  file: async ({ store }, use) => {
    const directory = mkdtempSync(join(tmpdir(), 'uetcd-helper-'));
    const writer = new SnapshotWriter(directory, nodeFileLayer, SEQUENCE, { metadata: Buffer.from('of seven') });
    writeStore(store, (buffer, offset, lengthBytes) => writer.writeChunk(buffer, offset, lengthBytes));
    writer.finish();
    await use({ path: writer.path, sequence: SEQUENCE });
    rmSync(directory, { recursive: true });
  },
});

/** Both sides on one thread: the one has said all that it has to say before the other listens. */
async function readByHelper(file: NamedFile, isStopping = () => false) {
  const { port1, port2 } = new MessageChannel();
  const said = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  serveSnapshots({ port: port2, said }, nodeFileLayer);
  port1.postMessage(file);
  const count = new Int32Array(said);
  await expect.poll(() => Atomics.load(count, 0)).toBeGreaterThan(0);
  const store = new Store(1000, true);
  const reader = new StoreReader(store);
  try {
    const helper = new SnapshotHelper({ port: port1, said }, isStopping);
    const header = helper.read(file, (chunk, hashes) => reader.chunk(chunk, hashes));
    return { store, header };
  } finally {
    port1.close();
  }
}

test('a snapshot that another thread reads becomes the store that it was', async ({ store, file }) => {
  const read = await readByHelper(file);
  expect(read.header.sequence).toBe(SEQUENCE);
  expect(read.header.metadata.toString()).toBe('of seven');
  expect(read.store.stateHash).toBe(store.stateHash);
  expect(contentOf(read.store)).toEqual(contentOf(store));
});

test('what is wrong with the file is told as if it had been read here', async ({ file }) => {
  const bytes = readFileSync(file.path);
  const at = bytes.length - 100;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file.path, bytes);
  const error = await readByHelper(file).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DamagedJournalError);
  expect(error).toMatchObject({ file: file.path, finding: 'a chunk is not as written' });
  expect((error as DamagedJournalError).offset).toBeGreaterThan(0);
});

test('a snapshot of another command than its name says is refused', async ({ file }) => {
  await expect(readByHelper({ ...file, sequence: SEQUENCE + 1 })).rejects.toThrow(DamagedJournalError);
});

test('a disk that fails is told of, too', async ({ file }) => {
  await expect(readByHelper({ ...file, path: `${file.path}.none` })).rejects.toThrow('ENOENT');
});

test('nobody waits for a thread that has ended while all is to stop', () => {
  const { port1, port2 } = new MessageChannel();
  const helper = new SnapshotHelper({ port: port1, said: new SharedArrayBuffer(4) }, () => true);
  expect(() => helper.read({ path: 'any', sequence: 1 }, () => {})).toThrow('stops');
  port1.close();
  port2.close();
});
