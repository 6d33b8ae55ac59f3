import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FileLayer, nodeFileLayer } from '../../src/journal/file-layer.ts';
import { DamagedJournalError } from '../../src/journal/journal-error.ts';
import { pruneBefore } from '../../src/journal/prune.ts';
import { replayClosed } from '../../src/journal/replay.ts';
import {
  append,
  openWriter,
  recordsOf,
  recoverAll,
  temporaryDirectory,
  unsyncedFileLayer,
  writeSnapshot,
} from './journal-fixture.ts';

const nameOf = (first: number) => `journal-${String(first).padStart(20, '0')}.log`;

/** Segments that begin with these sequences, one group a record, the last one ending with `last`. */
function writeSegments(directory: string, firsts: readonly number[], last: number): void {
  const writer = openWriter(directory, { growthStepBytes: 4096 }, unsyncedFileLayer);
  for (let sequence = 1; sequence <= last; sequence++) {
    if (firsts.includes(sequence)) writer.rotate();
    append(writer, sequence, sequence);
    writer.commit();
  }
  if (firsts.includes(last + 1)) writer.rotate();
}

function damageOf(directory: string): DamagedJournalError {
  try {
    recoverAll(directory);
  } catch (error) {
    if (error instanceof DamagedJournalError) return error;
    throw error;
  }
  throw new Error('no damage was found');
}

describe('what a crash can leave', () => {
  test('a directory that is not there is made, with all above it', () => {
    const directory = join(temporaryDirectory(), 'a', 'b');
    expect(recoverAll(directory)).toMatchObject({ lastSequence: 0, recordCount: 0, snapshotSequence: 0 });
    expect(existsSync(directory)).toBe(true);
  });

  test('an unfinished write is cut off and logged, with file, offset and size', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [], 3);
    const path = join(directory, nameOf(1));
    appendFileSync(path, 'torn'); // Far behind the last group: in between are zeros.
    const { records, tornBytes, messages } = recoverAll(directory);
    expect(records).toEqual(recordsOf(1, 3));
    expect(tornBytes).toBeGreaterThan(3000);
    expect(messages).toEqual([
      `${path}: cut ${tornBytes} bytes of an unfinished write at offset ${statSync(path).size}`,
    ]);
    expect(recoverAll(directory)).toMatchObject({ records, tornBytes: 0, messages: [] });
  });

  test('unfinished files go away, other people’s stay', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [], 2);
    for (const name of [`${nameOf(3)}.tmp`, 'snapshot-00000000000000000002.snap.tmp', 'notes.tmp', 'journal-3.log']) {
      writeFileSync(join(directory, name), 'whatever');
    }
    const { messages, records } = recoverAll(directory);
    expect(records).toEqual(recordsOf(1, 2));
    expect(messages).toHaveLength(2);
    expect(readdirSync(directory).sort()).toEqual([nameOf(1), 'journal-3.log', 'notes.tmp']);
  });

  test('superfluous files of an interrupted pruning are no matter, whichever are left', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [3, 5, 7], 8);
    writeSnapshot(directory, 2, ['old']);
    writeSnapshot(directory, 6, ['new']);
    unlinkSync(join(directory, nameOf(3)));
    expect(recoverAll(directory)).toMatchObject({ chunks: ['new'], records: recordsOf(7, 8), snapshotSequence: 6 });
    expect(pruneBefore(directory, nodeFileLayer, 6)).toBe(3);
    expect(readdirSync(directory).sort()).toEqual([nameOf(7), 'snapshot-00000000000000000006.snap']);
    expect(recoverAll(directory)).toMatchObject({ chunks: ['new'], records: recordsOf(7, 8) });
  });

  test('nothing is removed before the name of what replaces it is durable', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [1, 5], 6);
    writeSnapshot(directory, 4, ['state']);
    const calls: string[] = [];
    const layer: FileLayer = {
      ...nodeFileLayer,
      fsyncDirectory: (path) => {
        calls.push('sync');
        nodeFileLayer.fsyncDirectory(path);
      },
      unlink: (path) => {
        calls.push('remove');
        nodeFileLayer.unlink(path);
      },
    };
    expect(pruneBefore(directory, layer, 4)).toBe(1);
    expect(calls.slice(0, 2)).toEqual(['sync', 'remove']);
  });

  test('a snapshot within a segment is followed by the rest of it', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [5], 6);
    const path = writeSnapshot(directory, 3, ['state']);
    expect(recoverAll(directory)).toMatchObject({
      records: recordsOf(4, 6),
      recordCount: 3,
      snapshotMetadata: Buffer.from('of 3'),
    });
    expect(pruneBefore(directory, nodeFileLayer, 3)).toBe(0);
    expect(existsSync(path)).toBe(true);
  });

  test('a snapshot of all that is written is followed by nothing, and the journal goes on behind it', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [5], 4);
    writeSnapshot(directory, 4, ['state']);
    pruneBefore(directory, nodeFileLayer, 4);
    expect(recoverAll(directory)).toMatchObject({ chunks: ['state'], records: [], lastSequence: 4 });
    const writer = openWriter(directory, { nextSequence: 5 });
    append(writer, 5, 5);
    writer.close();
    expect(recoverAll(directory)).toMatchObject({ chunks: ['state'], records: recordsOf(5, 5) });
  });
});

describe('what a crash cannot leave', () => {
  const zeroed = (path: string, offset: number, sizeBytes: number) => {
    const bytes = readFileSync(path);
    bytes.fill(0, offset, offset + sizeBytes);
    writeFileSync(path, bytes);
  };
  const damages: [string, (directory: string) => void, RegExp][] = [
    ['a lost segment', (at) => unlinkSync(join(at, nameOf(3))), /ends with command 2, and .* begins with 5/],
    [
      'a lost first segment',
      (at) => unlinkSync(join(at, nameOf(1))),
      /begins with command 3, and there is no snapshot/,
    ],
    ['a group lost in a closed segment', (at) => zeroed(join(at, nameOf(1)), 32, 64), /no valid group, .* closed/],
    ['the end lost in a closed segment', (at) => zeroed(join(at, nameOf(3)), 96, 4000), /ends with command 3, and/],
    ['a group lost in the last segment', (at) => zeroed(join(at, nameOf(5)), 32, 64), /no valid group, .* follows at/],
    ['an empty file', (at) => writeFileSync(join(at, nameOf(5)), ''), /has no header/],
    ['another file', (at) => writeFileSync(join(at, nameOf(5)), 'hello '.repeat(20)), /is no segment/],
    [
      'a segment under the name of another',
      (at) => copyFileSync(join(at, nameOf(3)), join(at, nameOf(5))),
      /its name says otherwise/,
    ],
    ['a snapshot beyond the journal', (at) => writeSnapshot(at, 9, ['x']), /ends with command 6, before the snapshot/],
    [
      'a snapshot without a journal',
      (at) => {
        for (const first of [1, 3, 5]) unlinkSync(join(at, nameOf(first)));
        writeSnapshot(at, 6, ['x']);
      },
      /a snapshot of command 6, but no segment/,
    ],
    [
      'a snapshot before the journal',
      (at) => {
        unlinkSync(join(at, nameOf(1)));
        writeSnapshot(at, 1, ['x']);
      },
      /begins with command 3, and there is a snapshot of command 1/,
    ],
  ];

  test.each(damages)('%s is refused: which file, where, what to do; and nothing is changed', (_, damage, finding) => {
    const directory = temporaryDirectory();
    writeSegments(directory, [3, 5], 6);
    writeFileSync(join(directory, `${nameOf(9)}.tmp`), '');
    damage(directory);
    const names = readdirSync(directory);
    const contents = names.map((name) => readFileSync(join(directory, name)));
    const { file, offset, message } = damageOf(directory);
    expect(message).toMatch(finding);
    expect(message).toContain(`${file} is damaged at offset ${offset}`);
    expect(message).toContain('--force-recover');
    expect(names.map((name) => readFileSync(join(directory, name)))).toEqual(contents);
  });

  test.each(damages)('%s, forced: a beginning is kept, all the rest can still be found', (_, damage) => {
    const directory = temporaryDirectory();
    writeSegments(directory, [3, 5], 6);
    damage(directory);
    const before = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
    const forced = recoverAll(directory, { force: true });
    expect(forced.records).toEqual(recordsOf(forced.snapshotSequence + 1, forced.lastSequence));
    const after = readdirSync(directory, { recursive: true })
      .map((name) => join(directory, String(name)))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path));
    for (const bytes of before) expect(after.some((kept) => kept.equals(bytes))).toBe(true);
    // From here on it is an ordinary directory.
    const { lastSequence } = recoverAll(directory);
    expect(lastSequence).toBe(forced.lastSequence);
    const writer = openWriter(directory, { nextSequence: lastSequence + 1 });
    append(writer, lastSequence + 1, lastSequence + 1);
    writer.close();
    expect(recoverAll(directory).records).toEqual([
      ...forced.records,
      ...recordsOf(lastSequence + 1, lastSequence + 1),
    ]);
  });

  test('how much a forced start keeps', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [3, 5], 6);
    zeroed(join(directory, nameOf(3)), 96, 4000);
    const { lastSequence, damagedFolder, messages } = recoverAll(directory, { force: true });
    expect(lastSequence).toBe(3);
    expect(readdirSync(damagedFolder as string).sort()).toEqual([nameOf(3), nameOf(5)]);
    expect(messages[0]).toContain('Going on with what is sound: up to command 3');
  });

  test('a payload full of group heads, torn, is not taken for a later group', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory, {}, unsyncedFileLayer);
    append(writer, 1, 1);
    writer.commit();
    const path = join(directory, nameOf(1));
    const copied = readFileSync(path).subarray(32, 64);
    // Four bytes, so that the copies are aligned as true heads are.
    const payload = Buffer.concat([Buffer.alloc(4), ...Array.from({ length: 100_000 }, () => copied)]);
    writer.append(payload, 0, payload.length, 2, 0);
    writer.commit();
    expect(readFileSync(path).indexOf(copied, 64) % 8).toBe(0);
    zeroed(path, readFileSync(path).lastIndexOf(copied), copied.length);
    const { lastSequence, tornBytes } = recoverAll(directory);
    expect(lastSequence).toBe(1);
    expect(tornBytes).toBeGreaterThan(3_000_000);
  });
});

describe('a replay for the next snapshot', () => {
  const replayed = (directory: string, untilSequence: number) => {
    const seen: string[] = [];
    const replay = replayClosed(directory, nodeFileLayer, {
      untilSequence,
      onSnapshotChunk: (chunk) => seen.push(chunk.toString()),
      onRecord: (sequence) => seen.push(String(sequence)),
    });
    return { ...replay, seen: seen.join(' ') };
  };

  test('reads closed segments only, up to a given command', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [3, 5], 6);
    expect(replayed(directory, 4)).toMatchObject({ lastSequence: 4, seen: '1 2 3 4' });
    expect(replayed(directory, 3)).toMatchObject({ lastSequence: 3, seen: '1 2 3' });
    expect(replayed(directory, 6)).toMatchObject({ lastSequence: 4, seen: '1 2 3 4' });
    writeSnapshot(directory, 2, ['two']);
    expect(replayed(directory, 4)).toMatchObject({ lastSequence: 4, seen: 'two 3 4', snapshotSequence: 2 });
    expect(replayed(directory, 2)).toMatchObject({ lastSequence: 2, seen: 'two' });
    writeSnapshot(directory, 4, ['four']);
    expect(replayed(directory, 6)).toMatchObject({ lastSequence: 4, seen: 'four', snapshotSequence: 4 });
  });

  test('stops at a record in the middle of a group', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    append(writer, 1, 5);
    writer.rotate();
    expect(replayed(directory, 3)).toMatchObject({ lastSequence: 3, seen: '1 2 3' });
    writer.close();
  });

  test('finds damage as a start does', () => {
    const directory = temporaryDirectory();
    writeSegments(directory, [3, 5], 6);
    unlinkSync(join(directory, nameOf(3)));
    expect(() => replayed(directory, 4)).toThrow(DamagedJournalError);
  });
});
