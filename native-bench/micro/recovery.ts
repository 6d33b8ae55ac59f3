/**
 * A start by itself: how fast the records of a journal and the keys of a snapshot become a store. The files are written by
 * the server's own writers, and read as a start reads them, checksums, state hash and all.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandSizeBytes, writeCheckpoint, writeCommand, writeValues } from '../../src/frame/command-frame.ts';
import { nodeFileLayer } from '../../src/journal/file-layer.ts';
import { JournalWriter } from '../../src/journal/journal-writer.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import { Store } from '../../src/store/store.ts';
import { makeSnapshot } from '../../src/workers/snapshot-job.ts';
import { Replayer, recoverStore } from '../../src/workers/store-recovery.ts';
import { alignColumns, formatNumber } from '../report/format.ts';
import { medianOf } from '../report/report.ts';
import { pathsOf } from './store-cases.ts';

const HISTORY_EVENTS = 1000;
const RECORDS_PER_GROUP = 1000;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const VALUE = 'x'.repeat(64);
const TIME_MS = Date.UTC(2026, 0, 1);

export function measureRecovery(keyCount: number, rounds: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'uetcd-bench-'));
  try {
    const checkpoint = writeJournal(directory, keyCount);
    const records = recoverAll(directory, keyCount, rounds);
    makeSnapshot({ directory, sequence: checkpoint, historyEventsMax: HISTORY_EVENTS });
    const keys = recoverAll(directory, keyCount, rounds);
    const rows = [
      [`records of a journal, ${keyCount.toLocaleString('en-US')} keys`, formatNumber(records)],
      [`keys of a snapshot, ${keyCount.toLocaleString('en-US')} keys`, formatNumber(keys)],
    ];
    return ['recovery', ...alignColumns([['', '/s'], ...rows])].join('\n');
  } finally {
    // Made above, and by nobody else.
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns the sequence of the checkpoint at its end. */
function writeJournal(directory: string, keyCount: number): number {
  const writer = JournalWriter.open(directory, nodeFileLayer, { nextSequence: 1, segmentSizeBytesMax: SEGMENT_BYTES });
  const store = new Store(HISTORY_EVENTS, true);
  const replayer = new Replayer(store);
  const frame = Buffer.alloc(1024);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let sequence = 0;
  for (const path of pathsOf(keyCount)) {
    writeCommand(frame, view, 0, Op.set, Flag.pathPlain | Flag.valuePlain, 0, TIME_MS, path);
    writeValues(frame, view, 0, VALUE, '');
    const sizeBytes = commandSizeBytes(path.length, VALUE.length, 0);
    replayer.apply(frame, 0, sizeBytes);
    writer.append(frame, 0, sizeBytes, ++sequence, TIME_MS);
    if (sequence % RECORDS_PER_GROUP === 0) writer.commit();
  }
  replayer.finish();
  writeCheckpoint(frame, view, 0, TIME_MS, store.stateHash);
  writer.append(frame, 0, commandSizeBytes(0, 0, 0), ++sequence, TIME_MS);
  writer.rotate();
  writer.close();
  return sequence;
}

/** @returns keys per second, the median of the rounds. */
function recoverAll(directory: string, keyCount: number, rounds: number): number {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const store = new Store(HISTORY_EVENTS, true);
    const startMs = performance.now();
    recoverStore(store, directory, nodeFileLayer, false, () => {});
    rates.push((keyCount / (performance.now() - startMs)) * 1000);
    if (store.tree.size < keyCount) throw new Error(`${store.tree.size} of ${keyCount} keys came back`);
  }
  return medianOf(rates.toSorted((a, b) => a - b));
}
