import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import type { CrashPoint } from '../../src/journal/crash-point.ts';
import { type FileLayer, nodeFileLayer } from '../../src/journal/file-layer.ts';
import { pruneBefore } from '../../src/journal/prune.ts';
import { SnapshotWriter } from '../../src/journal/snapshot-file.ts';
import { readSnapshot } from '../../src/journal/snapshot-reader.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryDirectory, unsyncedFileLayer, writeSnapshot } from './journal-fixture.ts';

const MB = 2 ** 20;

describe('a snapshot', () => {
  test('gives back its chunks, one by one as they were written, and its metadata', () => {
    const random = new SeededRandom(7);
    const sizes = [0, 1, 100, MB, 3 * MB + 1, 5, 0, ...Array.from({ length: 2000 }, () => random.below(4000)), 9 * MB];
    const source = random.bytes(9 * MB);
    const directory = temporaryDirectory();
    const writer = new SnapshotWriter(directory, unsyncedFileLayer, 123_456_789_012, { metadata: Buffer.from('meta') });
    for (const size of sizes) writer.writeChunk(source, source.length - size, size);
    writer.finish();
    const read: number[] = [];
    const header = readSnapshot(writer.path, nodeFileLayer, (chunk) => {
      if (!chunk.equals(source.subarray(source.length - chunk.length))) throw new Error('a chunk is not as written');
      read.push(chunk.length);
      // Its memory is the receiver's: it may be gone when the next one is read.
      const memory = chunk.buffer as ArrayBuffer;
      structuredClone(memory, { transfer: [memory] });
    });
    expect(read).toEqual(sizes);
    expect(header).toEqual({ sequence: 123_456_789_012, metadata: Buffer.from('meta') });
  });

  test('may be empty', () => {
    const path = writeSnapshot(temporaryDirectory(), 1, []);
    expect(readSnapshot(path, nodeFileLayer, () => expect.fail('there is no chunk')).sequence).toBe(1);
  });

  test('appears under its name only when it is finished and synced', () => {
    const directory = temporaryDirectory();
    const steps: string[] = [];
    const layer: FileLayer = {
      ...nodeFileLayer,
      fsync: (fd) => {
        steps.push('fsync');
        nodeFileLayer.fsync(fd);
      },
      rename: (from, to) => {
        steps.push('rename');
        nodeFileLayer.rename(from, to);
      },
      fsyncDirectory: (path) => {
        steps.push('fsync of directory');
        nodeFileLayer.fsyncDirectory(path);
      },
    };
    const writer = new SnapshotWriter(directory, layer, 5, { crashPoint: (point) => steps.push(point) });
    const chunk = Buffer.alloc(MB);
    for (let count = 0; count < 5; count++) writer.writeChunk(chunk, 0, MB);
    expect(readdirSync(directory)).toEqual(['snapshot-00000000000000000005.snap.tmp']);
    writer.finish();
    expect(readdirSync(directory)).toEqual(['snapshot-00000000000000000005.snap']);
    const expected = ['mid-snapshot', 'fsync', 'before-rename', 'rename', 'after-rename', 'fsync of directory'];
    expect(steps.slice(steps.lastIndexOf('mid-snapshot'))).toEqual(expected);
    expect(new Set(steps)).toEqual(new Set(expected));
    expect(() => writer.writeChunk(chunk, 0, 1)).toThrow(InvariantError);
  });

  test('that is given up leaves nothing', () => {
    const directory = temporaryDirectory();
    const writer = new SnapshotWriter(directory, nodeFileLayer, 5);
    writer.writeChunk(Buffer.alloc(3 * MB), 0, 3 * MB);
    writer.abort();
    writer.abort();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('of a command replaces that of the same command', () => {
    const directory = temporaryDirectory();
    writeSnapshot(directory, 5, ['first']);
    const path = writeSnapshot(directory, 5, ['second']);
    const chunks: string[] = [];
    readSnapshot(path, nodeFileLayer, (chunk) => chunks.push(chunk.toString()));
    expect(chunks).toEqual(['second']);
  });
});

describe('old files', () => {
  test('stay while the snapshot that would replace them is not in its place', () => {
    const directory = temporaryDirectory();
    writeSnapshot(directory, 3, []);
    expect(() => pruneBefore(directory, nodeFileLayer, 5)).toThrow(InvariantError);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test('go one by one, after the directory is synced', () => {
    const directory = temporaryDirectory();
    for (const sequence of [1, 2, 3]) writeSnapshot(directory, sequence, []);
    const passed: CrashPoint[] = [];
    expect(pruneBefore(directory, nodeFileLayer, 3, (point) => passed.push(point))).toBe(2);
    expect(passed).toEqual(['before-prune', 'mid-prune', 'mid-prune']);
    expect(readdirSync(directory)).toEqual(['snapshot-00000000000000000003.snap']);
  });
});
