import { readFileSync, writeFileSync } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { expect, test as plainTest } from 'vitest';
import { listDirectory, type NamedFile } from '../../src/journal/directory.ts';
import { nodeFileLayer } from '../../src/journal/file-layer.ts';
import { DamagedJournalError } from '../../src/journal/journal-error.ts';
import { recover } from '../../src/journal/recovery.ts';
import { SnapshotWriter } from '../../src/journal/snapshot-file.ts';
import { StoreReader, writeStore } from '../../src/store/snapshot-codec.ts';
import { Store } from '../../src/store/store.ts';
import { RecoveryHelper } from '../../src/workers/recovery-helper.ts';
import { append, openWriter, recordsOf, temporaryDirectory, unsyncedFileLayer } from '../journal/journal-fixture.ts';
import { contentOf, set } from '../store/store-fixture.ts';

const SEQUENCE = 7;
const LAST = 40;

interface Fixtures {
  readonly store: Store;
  readonly directory: string;
  /** A snapshot of the store in the directory, with some commands of a journal that are part of it, and more behind it. */
  readonly snapshot: NamedFile;
  /** With a thread of its own. */
  readonly helper: RecoveryHelper;
}

const test = plainTest.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the fixture needs no other.
  store: async ({}, use) => {
    const store = new Store(1000, true);
    // More than one chunk.
    for (let key = 0; key < 300; key++) set(store, `/d${key % 7}/k${key}`, `${key}`.repeat(3000));
    await use(store);
  },
  // biome-ignore lint/correctness/noEmptyPattern: the fixture needs no other.
  directory: async ({}, use) => use(temporaryDirectory()),
  snapshot: async ({ store, directory }, use) => {
    const writer = openWriter(directory, { growthStepBytes: 64 }, unsyncedFileLayer);
    for (let first = 1; first < LAST; first += 5) {
      append(writer, first, first + 4);
      writer.commit();
      writer.rotate();
    }
    const snapshot = new SnapshotWriter(directory, nodeFileLayer, SEQUENCE, { metadata: Buffer.from('of seven') });
    writeStore(store, (buffer, offset, lengthBytes) => snapshot.writeChunk(buffer, offset, lengthBytes));
    snapshot.finish();
    await use({ path: snapshot.path, sequence: SEQUENCE });
  },
  // biome-ignore lint/correctness/noEmptyPattern: the fixture needs no other.
  helper: async ({}, use) => {
    const { port1, port2 } = new MessageChannel();
    const said = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const worker = new Worker(new URL('./recovery-worker.ts', import.meta.url), {
      workerData: { port: port2, said },
      transferList: [port2],
      execArgv: ['--import', '@oxc-node/core/register'],
    });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await use(new RecoveryHelper({ port: port1, said }, () => false));
    port1.close();
    await worker.terminate();
  },
});

function readSnapshot(helper: RecoveryHelper, file: NamedFile) {
  const store = new Store(1000, true);
  const reader = new StoreReader(store);
  const header = helper.readSnapshot(file, (chunk, survey) => reader.chunk(chunk, survey));
  return { store, header };
}

/** What `recover` does with a thread beside it. */
function recoverBeside(helper: RecoveryHelper, directory: string): string[] {
  const records: string[] = [];
  recover(directory, nodeFileLayer, {
    force: false,
    onSnapshotChunk: () => {},
    readSnapshot: (file) => helper.readSnapshot(file, () => {}),
    segmentsAhead: helper,
    onRecord: (sequence, timeMs, payload, offset, lengthBytes) =>
      records.push(`${sequence}@${timeMs}:${payload.toString('latin1', offset, offset + lengthBytes)}`),
    log: () => {},
  });
  return records;
}

function segmentsIn(directory: string): readonly NamedFile[] {
  return listDirectory(directory, nodeFileLayer).segments;
}

function turnBit(path: string, offsetFromEnd: number): void {
  const bytes = readFileSync(path);
  const at = bytes.length - offsetFromEnd;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
}

test('a snapshot that another thread reads becomes the store that it was', ({ store, snapshot, helper }) => {
  const read = readSnapshot(helper, snapshot);
  expect(read.header.sequence).toBe(SEQUENCE);
  expect(read.header.metadata.toString()).toBe('of seven');
  expect(read.store.stateHash).toBe(store.stateHash);
  expect(contentOf(read.store)).toEqual(contentOf(store));
});

test('what is wrong with the file is told as if it had been read here', ({ snapshot, helper }) => {
  turnBit(snapshot.path, 100);
  const reading = () => readSnapshot(helper, snapshot);
  expect(reading).toThrow(DamagedJournalError);
  expect(reading).toThrow('a chunk is not as written');
  expect(reading).toThrow(snapshot.path);
});

test('a snapshot of another command than its name says is refused', ({ snapshot, helper }) => {
  expect(() => readSnapshot(helper, { ...snapshot, sequence: SEQUENCE + 1 })).toThrow(DamagedJournalError);
});

test('a disk that fails is told of, too', ({ snapshot, helper }) => {
  expect(() => readSnapshot(helper, { ...snapshot, path: `${snapshot.path}.none` })).toThrow('ENOENT');
});

test('the commands behind a snapshot come whole and in order', ({ directory, snapshot, helper }) => {
  expect(listDirectory(directory, nodeFileLayer).snapshots).toEqual([snapshot]);
  expect(recoverBeside(helper, directory)).toEqual(recordsOf(SEQUENCE + 1, LAST));
});

test('each segment is taken once, checked to its end', ({ directory, snapshot, helper }) => {
  const following = segmentsIn(directory).slice(1);
  expect(following.length).toBeGreaterThan(4);
  helper.expect(following);
  readSnapshot(helper, snapshot);
  for (const file of following) {
    const read = helper.take(file);
    expect(Buffer.from(read?.bytes ?? []).equals(readFileSync(file.path))).toBe(true);
    expect(read?.soundBytes).toBeGreaterThan(0);
    expect(helper.take(file)).toBeUndefined();
  }
});

test('a segment that was not expected is left to whoever asks', ({ directory, snapshot, helper }) => {
  const [, first, second] = segmentsIn(directory) as [NamedFile, NamedFile, NamedFile];
  helper.expect([first]);
  readSnapshot(helper, snapshot);
  expect(helper.take(second)).toBeUndefined();
  expect(helper.take(first)?.sizeBytes).toBe(readFileSync(first.path).length);
});

for (const [place, offset, finding] of [
  ['header', 0, 'it is no segment'],
  ['group', 90, 'there is no valid group'],
] as const) {
  test(`damage to the ${place} of a segment is told as if it had been read here`, ({ directory, snapshot, helper }) => {
    expect(listDirectory(directory, nodeFileLayer).snapshots).toEqual([snapshot]);
    const [, segment] = segmentsIn(directory) as [NamedFile, NamedFile];
    turnBit(segment.path, readFileSync(segment.path).length - offset);
    expect(() => recoverBeside(helper, directory)).toThrow(finding);
  });
}

test('nobody waits for a thread that has ended while all is to stop', () => {
  const { port1, port2 } = new MessageChannel();
  const helper = new RecoveryHelper({ port: port1, said: new SharedArrayBuffer(4) }, () => true);
  expect(() => helper.readSnapshot({ path: 'any', sequence: 1 }, () => {})).toThrow('stops');
  port1.close();
  port2.close();
});
