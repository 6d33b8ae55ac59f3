import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { CRASH_POINTS, type CrashPoint } from '../../src/journal/crash-point.ts';
import { type FileLayer, nodeFileLayer } from '../../src/journal/file-layer.ts';
import { JournalError } from '../../src/journal/journal-error.ts';
import { removeTemporary } from '../support/temporary-directory.ts';
import { append, openWriter, recordsOf, recoverAll, temporaryDirectory, unsyncedFileLayer } from './journal-fixture.ts';

describe('a journal', () => {
  test('gives back what was committed, in order, with its times', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    append(writer, 1, 3);
    expect(writer.commit()).toBe(3);
    append(writer, 4, 4);
    expect(writer.commit()).toBe(4);
    writer.close();
    expect(recoverAll(directory)).toMatchObject({
      records: recordsOf(1, 4),
      lastSequence: 4,
      recordCount: 4,
      tornBytes: 0,
    });
  });

  test('goes on where recovery ended, through many starts, with and without writes', () => {
    const directory = temporaryDirectory();
    let last = 0;
    for (const count of [2, 0, 1, 0, 0, 3]) {
      const { lastSequence, messages } = recoverAll(directory);
      expect([lastSequence, messages]).toEqual([last, []]);
      const writer = openWriter(directory, { nextSequence: last + 1 });
      append(writer, last + 1, last + count);
      writer.close();
      last += count;
    }
    expect(recoverAll(directory).records).toEqual(recordsOf(1, 6));
  });

  test('writes a group of many records with one write and one sync', () => {
    const calls: string[] = [];
    const layer: FileLayer = {
      ...nodeFileLayer,
      write: (...call) => {
        calls.push('write');
        return nodeFileLayer.write(...call);
      },
      fdatasync: (fd) => {
        calls.push('fdatasync');
        nodeFileLayer.fdatasync(fd);
      },
    };
    const directory = temporaryDirectory();
    const writer = openWriter(directory, {}, layer);
    calls.length = 0;
    append(writer, 1, 1000);
    expect(calls).toEqual([]);
    expect(writer.pendingBytes).toBeGreaterThan(1000);
    expect(writer.commit()).toBe(1000);
    expect(calls).toEqual(['write', 'fdatasync']);
    expect(writer.pendingBytes).toBe(0);
    // Nothing new, nothing to do.
    expect(writer.commit()).toBe(1000);
    expect(calls).toHaveLength(2);
  });

  test('takes records of ten megabytes, and empty ones', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    const large = Buffer.alloc(10 * 2 ** 20, 'large');
    writer.append(large, 0, large.length, 1, 0);
    writer.append(large, 0, 0, 2, 0);
    writer.append(large, 0, large.length, 3, 0);
    writer.commit();
    append(writer, 4, 4);
    writer.close();
    const { records } = recoverAll(directory);
    expect(records.map(({ length }) => length)).toEqual([
      large.length + 4,
      4,
      large.length + 4,
      recordsOf(4, 4)[0]?.length,
    ]);
    expect(records[2]).toBe(`3@0:${large.toString('latin1')}`);
  });

  test('begins a new segment when one is full, before the next group', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory, { segmentSizeBytesMax: 1000 }, unsyncedFileLayer);
    expect(writer.closedSegments()).toEqual([]);
    for (let sequence = 1; sequence <= 100; sequence++) {
      append(writer, sequence, sequence);
      writer.commit();
    }
    expect(writer.closedSegments().length).toBeGreaterThan(5);
    expect(writer.closedSegments()).toEqual(
      readdirSync(directory)
        .sort()
        .slice(0, -1)
        .map((name) => join(directory, name)),
    );
    writer.close();
    expect(recoverAll(directory).records).toEqual(recordsOf(1, 100));
  });

  test('closes a segment on demand, if it has records', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    writer.rotate();
    append(writer, 1, 2);
    writer.rotate();
    writer.rotate();
    expect(writer.closedSegments()).toEqual([join(directory, 'journal-00000000000000000001.log')]);
    expect(readdirSync(directory).sort()).toEqual([
      'journal-00000000000000000001.log',
      'journal-00000000000000000003.log',
    ]);
    writer.close();
    expect(recoverAll(directory).records).toEqual(recordsOf(1, 2));
  });

  test('grows its file in steps, ahead of what is written', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory, { growthStepBytes: 4096 });
    const sizes = new Set<number>();
    for (let sequence = 1; sequence <= 200; sequence++) {
      append(writer, sequence, sequence);
      writer.commit();
      sizes.add(statSync(join(directory, 'journal-00000000000000000001.log')).size);
    }
    expect([...sizes]).toEqual([4096, 8192, 12288, 16384]);
    writer.close();
  });

  test('passes its named points in order', () => {
    const directory = temporaryDirectory();
    const passed: CrashPoint[] = [];
    const writer = openWriter(directory, { segmentSizeBytesMax: 1, crashPoint: (point) => passed.push(point) });
    append(writer, 1, 1);
    writer.commit();
    append(writer, 2, 2);
    writer.commit();
    const group = CRASH_POINTS.slice(0, 3);
    expect(passed).toEqual([...group, ...CRASH_POINTS.slice(3, 6), ...group]);
    writer.close();
  });

  test('says that the directory is gone instead of writing into the void', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory, { nameCheckMs: 0 });
    append(writer, 1, 1);
    writer.commit();
    removeTemporary(directory);
    append(writer, 2, 2);
    expect(() => writer.commit()).toThrow(JournalError);
    expect(writer.failure).toMatchObject({ code: 'ENOENT', message: expect.stringContaining('was deleted') });
    expect(writer.durableSequence).toBe(1);
    writer.close();
  });

  test('sees it when it looks at the name again, and before it leaves the file', async () => {
    for (const leave of ['commit', 'rotate', 'close'] as const) {
      const directory = temporaryDirectory();
      const writer = openWriter(directory, { nameCheckMs: leave === 'commit' ? 20 : 60_000 });
      append(writer, 1, 1);
      writer.commit();
      removeTemporary(directory);
      append(writer, 2, 2);
      if (leave !== 'commit') writer.commit();
      else await new Promise((resolve) => setTimeout(resolve, 30));
      expect(() => writer[leave]()).toThrow('was deleted');
      if (leave !== 'close') writer.close();
    }
  });

  test('stands on its order: a sequence left out, or a segment beyond the next sequence, is our mistake', () => {
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    append(writer, 1, 1);
    expect(() => append(writer, 3, 3)).toThrow(InvariantError);
    expect(() => append(writer, 1, 1)).toThrow(InvariantError);
    writer.close();
    expect(() => openWriter(directory)).toThrow(InvariantError);
    expect(() => append(writer, 2, 2)).toThrow(InvariantError);
    openWriter(directory, { nextSequence: 2 }).close();
    expect(() => openWriter(directory, { nextSequence: 1 })).toThrow(InvariantError);
  });
});
