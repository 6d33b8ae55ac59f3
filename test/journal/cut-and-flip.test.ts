/**
 * Every byte at which the last segment can end, and every bit that can turn, in a small journal and in a snapshot.
 * What comes back is a beginning of what was written, or the start is refused; never anything else.
 */
import { copyFileSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DamagedJournalError } from '../../src/journal/journal-error.ts';
import { LossyFileLayer } from '../support/lossy-file-layer.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import {
  append,
  openWriter,
  type Recovered,
  recordsOf,
  recoverAll,
  temporaryDirectory,
  unsyncedFileLayer,
  writeSnapshot,
} from './journal-fixture.ts';

const CHUNKS = ['one', '', 'three, which is the last one'];
const LAST = 9;

/** Three segments, each with two groups; a process that was killed leaves no seal. */
function writeJournal(directory: string, options: { snapshotSequence: number; isSealed: boolean }): void {
  const writer = openWriter(directory, { growthStepBytes: 64 }, unsyncedFileLayer);
  for (const [first, last] of [
    [1, 1],
    [2, 3],
    [4, 5],
    [6, 6],
    [7, 8],
    [9, LAST],
  ] as const) {
    append(writer, first, last);
    writer.commit();
    if (first === 2 || first === 6) writer.rotate();
  }
  if (options.isSealed) writer.close();
  if (options.snapshotSequence > 0) writeSnapshot(directory, options.snapshotSequence, CHUNKS);
}

/** The files of a directory, on a disk in memory that many tampered versions can be made of. */
function filesIn(directory: string): Map<string, Buffer> {
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]));
}

function recoverFrom(files: ReadonlyMap<string, Buffer>, force: boolean): Recovered {
  const layer = new LossyFileLayer(new SeededRandom(1));
  for (const [name, bytes] of files) layer.place(`/journal/${name}`, bytes);
  const recovered = recoverAll('/journal', { force, layer });
  // What was settled once is settled.
  layer.restart();
  const again = recoverAll('/journal', { layer });
  expect([again.chunks, again.records, again.tornBytes]).toEqual([recovered.chunks, recovered.records, 0]);
  return recovered;
}

/** Turns every bit of one file in turn. */
function* flipsOf(files: ReadonlyMap<string, Buffer>, name: string) {
  const original = files.get(name) as Buffer;
  for (let bit = 0; bit < original.length * 8; bit++) {
    const bytes = Buffer.from(original);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    yield { offset: bit >> 3, flipped: new Map(files).set(name, bytes) };
  }
}

function expectBeginning(recovered: Recovered, snapshotSequence: number): void {
  expect(recovered.records).toEqual(recordsOf(snapshotSequence + 1, recovered.lastSequence));
}

test('a last segment cut at any byte gives back the groups before the cut', () => {
  const directory = temporaryDirectory();
  writeJournal(directory, { snapshotSequence: 0, isSealed: true });
  const names = readdirSync(directory).sort();
  const last = names.at(-1) as string;
  const { length } = readFileSync(join(directory, last));
  const found = new Set<number>();
  for (let size = length; size >= 0; size--) {
    const copy = temporaryDirectory();
    for (const name of names) copyFileSync(join(directory, name), join(copy, name));
    truncateSync(join(copy, last), size);
    // A segment has its name only after its header is durable.
    if (size < 32) {
      expect(() => recoverAll(copy, { layer: unsyncedFileLayer })).toThrow(DamagedJournalError);
      continue;
    }
    const recovered = recoverAll(copy, { layer: unsyncedFileLayer });
    expectBeginning(recovered, 0);
    found.add(recovered.lastSequence);
    expect(recoverAll(copy, { layer: unsyncedFileLayer }).records).toEqual(recovered.records);
  }
  expect([...found]).toEqual([9, 8, 6]);
});

describe.each([[true], [false]])('with any bit of a journal turned (closed in order: %j),', (isSealed) => {
  const directory = () => {
    const path = temporaryDirectory();
    writeJournal(path, { snapshotSequence: 0, isSealed });
    return path;
  };

  test('the start is refused, except in the last group, which may be torn', () => {
    const files = filesIn(directory());
    const names = [...files.keys()].sort();
    for (const name of names) {
      let refusals = 0;
      for (const { offset, flipped } of flipsOf(files, name)) {
        try {
          const recovered = recoverFrom(flipped, false);
          expectBeginning(recovered, 0);
          // Only what nothing has been written behind can be lost, or what lies behind all that was written.
          expect([name, recovered.lastSequence >= (isSealed ? LAST : 8)]).toEqual([names.at(-1), true]);
        } catch (error) {
          if (!(error instanceof DamagedJournalError)) throw error;
          expect(error).toMatchObject({
            file: `/journal/${name}`,
            message: expect.stringContaining('--force-recover'),
          });
          expect(error.offset).toBeLessThanOrEqual(offset);
          refusals++;
        }
      }
      expect(refusals).toBeGreaterThan(0);
    }
  });

  test('a forced start keeps a beginning, and says where the rest is', () => {
    const files = filesIn(directory());
    for (const name of files.keys()) {
      for (const { flipped } of flipsOf(files, name)) {
        const recovered = recoverFrom(flipped, true);
        expectBeginning(recovered, 0);
        if (recovered.lastSequence < 8) expect(recovered.damagedFolder).toMatch(/^\/journal\/damaged-/);
      }
    }
  });
});

describe('with any bit of a snapshot turned,', () => {
  const snapshotName = 'snapshot-00000000000000000006.snap';
  const files = () => {
    const directory = temporaryDirectory();
    writeJournal(directory, { snapshotSequence: 6, isSealed: true });
    return filesIn(directory);
  };

  test('the start is refused', () => {
    const original = files();
    expect(recoverFrom(original, false)).toMatchObject({ chunks: CHUNKS, records: recordsOf(7, LAST) });
    for (const { flipped } of flipsOf(original, snapshotName)) {
      expect(() => recoverFrom(flipped, false)).toThrow(DamagedJournalError);
    }
  });

  test('a forced start goes back to what is older, as far as it is there', () => {
    const original = files();
    for (const { flipped } of flipsOf(original, snapshotName)) {
      expect(recoverFrom(flipped, true)).toMatchObject({
        chunks: [],
        records: recordsOf(1, LAST),
        snapshotSequence: 0,
      });
    }
    original.delete('journal-00000000000000000001.log');
    const [first] = flipsOf(original, snapshotName);
    expect(recoverFrom(first?.flipped ?? original, true)).toMatchObject({ chunks: [], records: [], lastSequence: 0 });
  });

  test.each([[0], [1], [31], [40], [-1]])('or cut at %i, the start is refused too', (size) => {
    const original = files();
    const cut = new Map(original).set(snapshotName, (original.get(snapshotName) as Buffer).subarray(0, size));
    expect(() => recoverFrom(cut, false)).toThrow(DamagedJournalError);
  });
});
