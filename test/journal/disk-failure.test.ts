import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type FileLayer, nodeFileLayer } from '../../src/journal/file-layer.ts';
import { JournalError } from '../../src/journal/journal-error.ts';
import { pruneBefore } from '../../src/journal/prune.ts';
import { SnapshotWriter } from '../../src/journal/snapshot-file.ts';
import { systemError } from '../support/lossy-file-layer.ts';
import { append, openWriter, recordsOf, recoverAll, temporaryDirectory, writeSnapshot } from './journal-fixture.ts';

type Call = 'open' | 'write' | 'fdatasync' | 'fsync' | 'rename' | 'fsyncDirectory' | 'unlink';

/** A disk on which one call, once armed, fails each time. A write first takes a part of what it is given. */
class FailingDisk {
  readonly layer: FileLayer;
  #failure: { call: Call; code: string } | undefined;
  calls = 0;

  constructor() {
    const guarded = <Parameters extends unknown[], Result>(call: Call, real: (...given: Parameters) => Result) => {
      return (...given: Parameters): Result => {
        if (this.#failure?.call === call) this.#fail();
        return real(...given);
      };
    };
    this.layer = {
      ...nodeFileLayer,
      open: guarded('open', nodeFileLayer.open),
      fdatasync: guarded('fdatasync', nodeFileLayer.fdatasync),
      fsync: guarded('fsync', nodeFileLayer.fsync),
      rename: guarded('rename', nodeFileLayer.rename),
      fsyncDirectory: guarded('fsyncDirectory', nodeFileLayer.fsyncDirectory),
      unlink: guarded('unlink', nodeFileLayer.unlink),
      write: (fd, buffer, offset, lengthBytes, position) => {
        if (this.#failure?.call !== 'write') return nodeFileLayer.write(fd, buffer, offset, lengthBytes, position);
        if (this.calls > 0) this.#fail();
        this.calls++;
        return nodeFileLayer.write(fd, buffer, offset, Math.ceil(lengthBytes / 2), position);
      },
    };
  }

  arm(call: Call, code: string): void {
    this.#failure = { call, code };
    this.calls = 0;
  }

  #fail(): never {
    this.calls++;
    throw systemError(this.#failure?.code ?? '', this.#failure?.call ?? '');
  }
}

function failureOf(action: () => unknown): JournalError {
  try {
    action();
  } catch (error) {
    if (error instanceof JournalError) return error;
    throw error;
  }
  throw new Error('it has not failed');
}

const FAILURES: [Call, string, boolean][] = [
  ['write', 'ENOSPC', false],
  ['write', 'EIO', false],
  ['fdatasync', 'EIO', false],
  ['fdatasync', 'ENOSPC', false],
  ['open', 'ENOSPC', true],
  ['write', 'ENOSPC', true],
  ['fdatasync', 'EIO', true],
  ['rename', 'EIO', true],
  ['fsyncDirectory', 'EIO', true],
];

describe('a journal whose disk fails', () => {
  test.each(FAILURES)(
    'with %s: %s (while changing segments: %j) refuses everything from then on',
    (call, code, isRotating) => {
      const disk = new FailingDisk();
      const directory = temporaryDirectory();
      const writer = openWriter(directory, isRotating ? { segmentSizeBytesMax: 1 } : {}, disk.layer);
      append(writer, 1, 3);
      expect(writer.commit()).toBe(3);
      disk.arm(call, code);
      append(writer, 4, 6);
      const failure = failureOf(() => writer.commit());
      expect(failure).toMatchObject({ code, cause: { code }, message: expect.stringContaining(directory) });
      const { calls } = disk;
      for (const action of [
        () => writer.commit(),
        () => append(writer, 7, 7),
        () => writer.seal(),
        () => writer.rotate(),
      ]) {
        expect(failureOf(action)).toBe(failure);
      }
      writer.close();
      // A failed sync is not tried again.
      expect(disk.calls).toBe(calls);
      expect([writer.durableSequence, writer.failure]).toEqual([3, failure]);
      const { records, lastSequence } = recoverAll(directory);
      expect(records).toEqual(recordsOf(1, lastSequence));
      expect(lastSequence).toBeGreaterThanOrEqual(3);
    },
  );

  test('does not begin', () => {
    const disk = new FailingDisk();
    disk.arm('write', 'ENOSPC');
    const directory = temporaryDirectory();
    expect(failureOf(() => openWriter(directory, {}, disk.layer))).toMatchObject({ code: 'ENOSPC' });
    expect(recoverAll(directory)).toMatchObject({ lastSequence: 0 });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('has kept what was durable when its closing fails', () => {
    const disk = new FailingDisk();
    const directory = temporaryDirectory();
    const writer = openWriter(directory, {}, disk.layer);
    append(writer, 1, 2);
    writer.commit();
    disk.arm('fdatasync', 'EIO');
    expect(failureOf(() => writer.close()).code).toBe('EIO');
    expect(recoverAll(directory).records).toEqual(recordsOf(1, 2));
  });
});

describe('a snapshot whose disk fails', () => {
  test.each<[Call, string]>([
    ['open', 'ENOSPC'],
    ['write', 'ENOSPC'],
    ['fsync', 'EIO'],
    ['rename', 'EIO'],
  ])('with %s: %s leaves the old files and nothing of its own', (call, code) => {
    const disk = new FailingDisk();
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    append(writer, 1, 4);
    writer.close();
    writeSnapshot(directory, 2, ['old']);
    const names = readdirSync(directory);
    disk.arm(call, code);
    const failure = failureOf(() => writeSnapshot(directory, 4, ['new'], disk.layer));
    expect(failure).toMatchObject({ code, message: expect.stringContaining('snapshot-00000000000000000004') });
    expect(readdirSync(directory)).toEqual(names);
    expect(recoverAll(directory)).toMatchObject({ chunks: ['old'], records: recordsOf(3, 4) });
  });

  test('in the middle of many chunks is given up', () => {
    const disk = new FailingDisk();
    const directory = temporaryDirectory();
    const writer = new SnapshotWriter(directory, disk.layer, 1);
    const chunk = Buffer.alloc(2 ** 20);
    disk.arm('fdatasync', 'EIO');
    const failure = failureOf(() => {
      for (let count = 0; count < 20; count++) writer.writeChunk(chunk, 0, chunk.length);
    });
    expect(failure.code).toBe('EIO');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('when old files cannot be removed, all is still there', () => {
    const disk = new FailingDisk();
    const directory = temporaryDirectory();
    const writer = openWriter(directory);
    append(writer, 1, 2);
    writer.rotate();
    writer.close();
    writeSnapshot(directory, 2, ['state']);
    for (const call of ['unlink', 'fsyncDirectory'] as const) {
      disk.arm(call, 'EIO');
      expect(failureOf(() => pruneBefore(directory, disk.layer, 2)).code).toBe('EIO');
      expect(recoverAll(directory)).toMatchObject({ chunks: ['state'], lastSequence: 2 });
    }
  });
});
