/** What the tests of the journal share: a directory, a journal in it, and what a recovery brings back. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type FileLayer, nodeFileLayer } from '../../src/journal/file-layer.ts';
import { JournalWriter, type JournalWriterOptions } from '../../src/journal/journal-writer.ts';
import { type Recovery, recover } from '../../src/journal/recovery.ts';
import { SnapshotWriter } from '../../src/journal/snapshot-file.ts';
import { removeTemporary } from '../support/temporary-directory.ts';

export interface Recovered extends Recovery {
  readonly chunks: readonly string[];
  /** As `sequence@time:payload`. */
  readonly records: readonly string[];
  readonly messages: readonly string[];
}

/** As the real one, but nobody waits for a disk; where power cuts are not the subject. */
export const unsyncedFileLayer: FileLayer = { ...nodeFileLayer, fdatasync: () => {}, fsync: () => {} };

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'uetcd-journal-'));
  onTestFinished(() => removeTemporary(directory));
  return directory;
}

export function openWriter(
  directory: string,
  options: Partial<JournalWriterOptions> = {},
  layer: FileLayer = nodeFileLayer,
): JournalWriter {
  return JournalWriter.open(directory, layer, { nextSequence: 1, segmentSizeBytesMax: 2 ** 20, ...options });
}

function payloadOf(sequence: number): string {
  return `command ${sequence} ${'x'.repeat(sequence % 13)}`;
}

function recordOf(sequence: number): string {
  return `${sequence}@${timeOf(sequence)}:${payloadOf(sequence)}`;
}

/** The records from one sequence to another, both included. */
export function recordsOf(first: number, last: number): string[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, position) => recordOf(first + position));
}

export function append(writer: JournalWriter, first: number, last: number): void {
  for (let sequence = first; sequence <= last; sequence++) {
    const payload = Buffer.from(`<${payloadOf(sequence)}>`, 'latin1');
    writer.append(payload, 1, payload.length - 2, sequence, timeOf(sequence));
  }
}

export function writeSnapshot(directory: string, sequence: number, chunks: readonly string[], layer = nodeFileLayer) {
  const writer = new SnapshotWriter(directory, layer, sequence, { metadata: Buffer.from(`of ${sequence}`) });
  for (const chunk of chunks) writer.writeChunk(Buffer.from(chunk), 0, chunk.length);
  writer.finish();
  return writer.path;
}

export function recoverAll(directory: string, { force = false, layer = nodeFileLayer } = {}): Recovered {
  const chunks: string[] = [];
  const records: string[] = [];
  const messages: string[] = [];
  const recovery = recover(directory, layer, {
    force,
    onSnapshotChunk: (chunk) => chunks.push(chunk.toString('latin1')),
    onRecord: (sequence, timeMs, payload, offset, lengthBytes) =>
      records.push(`${sequence}@${timeMs}:${payload.toString('latin1', offset, offset + lengthBytes)}`),
    log: (message) => messages.push(message),
  });
  return { ...recovery, chunks, records, messages };
}

function timeOf(sequence: number): number {
  return 1_700_000_000_000.25 + sequence;
}
