/**
 * What a start does with the files of the process before: the newest snapshot, then every record after it.
 *
 * What a crash can leave, and what is done about it:
 *   an unfinished `*.tmp`                        removed
 *   a torn or unsynced group at the very end     cut and logged: no reply has left for it (record.ts has the proof)
 *   a group at the very end that is whole        kept, although perhaps nobody was told of it; but it may be in the
 *                                                page cache only, so it is written and synced once more
 *   files that a snapshot has made superfluous   ignored; the next snapshot removes them
 *   an empty segment                             kept; the writer replaces it
 *
 * Whatever else is wrong is damage: the disk has lost what it had confirmed, or somebody has touched the files. Then
 * nothing is changed and the start is refused, unless it is forced: then all up to the damage is kept, and all from
 * there on is moved aside. A snapshot that was newer than what is left counts: its state is not given up.
 */

import { noCrash } from './crash-point.ts';
import { DamagedFolder } from './damaged-folder.ts';
import { listDirectory, type NamedFile, prepareDirectory } from './directory.ts';
import { type FileLayer, writeFully } from './file-layer.ts';
import { DamagedJournalError } from './journal-error.ts';
import type { OnRecord } from './record.ts';
import { createSegment, GROWTH_STEP_BYTES, type SegmentContents } from './segment.ts';
import { SegmentChain, segmentsContinuing } from './segment-chain.ts';
import { type SegmentReading, validGroupAt } from './segment-reader.ts';
import { readNamedSnapshot, type SnapshotHeader } from './snapshot-reader.ts';

export type ReadSnapshot = (file: NamedFile) => SnapshotHeader;

export interface RecoveryOptions {
  /** Keep what is sound and move the rest aside, where otherwise the start would be refused. */
  readonly force: boolean;
  /** Gets the snapshot, a chunk at a time, in memory of its own. */
  readonly onSnapshotChunk: (chunk: Buffer) => void;
  /** Reads a snapshot where this thread would: hands it on by itself, and throws as `readNamedSnapshot` does. */
  readonly readSnapshot?: ReadSnapshot | undefined;
  /** Gets each record above the snapshot, in order; the payload is valid until it returns. */
  readonly onRecord: OnRecord;
  readonly log: (message: string) => void;
}

export interface Recovery {
  /** 0 when there is no snapshot. */
  readonly snapshotSequence: number;
  readonly snapshotMetadata: Buffer | undefined;
  /** Of the last command recovered; 0 when there is none. The journal goes on with the next. */
  readonly lastSequence: number;
  /** Records handed out. */
  readonly recordCount: number;
  /** Cut off at the end. */
  readonly tornBytes: number;
  /** The folder into which damaged files were moved; undefined when there were none. */
  readonly damagedFolder: string | undefined;
}

interface Snapshot {
  readonly sequence: number;
  readonly metadata: Buffer | undefined;
}

/**
 * Brings back the state that `directory` holds, and leaves the files clean for a JournalWriter. A directory that is
 * not there is made. When this throws, what has been handed out is to be thrown away.
 * @throws DamagedJournalError, with file, offset and what to do, when files are not as a crash could leave them.
 */
export function recover(directory: string, layer: FileLayer, options: RecoveryOptions): Recovery {
  prepareDirectory(directory, layer);
  const { segments, snapshots, unfinished } = listDirectory(directory, layer);
  const damaged = new DamagedFolder(directory, layer, options.log);
  const snapshot = restoreSnapshot(snapshots, layer, options, damaged);
  const chain = new SegmentChain(layer, snapshot.sequence, Number.POSITIVE_INFINITY, options.onRecord);
  let tornBytes = 0;
  try {
    tornBytes = followSegments(directory, segments, snapshot.sequence, chain, layer, options.log);
  } catch (error) {
    if (!(error instanceof DamagedJournalError)) throw error;
    const lastSequence = Math.max(snapshot.sequence, chain.lastSequence);
    if (!options.force)
      throw withAdvice(
        error,
        lastSequence === 0 ? 'nothing of the journal' : `everything up to command ${lastSequence}`,
      );
    options.log(`${error.message} Going on with what is sound: up to command ${lastSequence}`);
    setAside(error, segments, snapshot.sequence, damaged);
    // The state of the snapshot is kept, so the journal has to go on from it.
    if (chain.lastSequence < lastSequence) {
      layer.close(createSegment(directory, layer, lastSequence + 1, GROWTH_STEP_BYTES, noCrash).fd);
    }
  } finally {
    chain.close();
  }
  for (const path of unfinished) removeUnfinished(path, layer, options.log);
  layer.fsyncDirectory(directory); // A name we have relied on may be younger than the last sync.
  const lastSequence = Math.max(snapshot.sequence, chain.lastSequence);
  return {
    snapshotSequence: snapshot.sequence,
    snapshotMetadata: snapshot.metadata,
    lastSequence,
    recordCount: lastSequence - snapshot.sequence,
    tornBytes,
    damagedFolder: damaged.path,
  };
}

function restoreSnapshot(
  snapshots: readonly NamedFile[],
  layer: FileLayer,
  { force, onSnapshotChunk, readSnapshot, log }: RecoveryOptions,
  damaged: DamagedFolder,
): Snapshot {
  for (const file of snapshots.toReversed()) {
    try {
      // Forced, we may yet fall back on an older one, so nothing is handed out before all of it has been seen.
      if (force) readNamedSnapshot(file, layer, () => {});
      return readSnapshot?.(file) ?? readNamedSnapshot(file, layer, onSnapshotChunk);
    } catch (error) {
      if (!(error instanceof DamagedJournalError)) throw error;
      if (!force) throw withAdvice(error, 'the newest sound snapshot and the commands after it, if they are there');
      log(error.message);
      damaged.move(file.path);
    }
  }
  return { sequence: 0, metadata: undefined };
}

/** @returns bytes cut off at the end. */
function followSegments(
  directory: string,
  segments: readonly NamedFile[],
  snapshotSequence: number,
  chain: SegmentChain,
  layer: FileLayer,
  log: (message: string) => void,
): number {
  if (segments.length === 0 && snapshotSequence === 0) return 0;
  const relevant = segmentsContinuing(segments, snapshotSequence);
  const last = relevant?.at(-1);
  if (relevant === undefined || last === undefined) throw continuationMissing(directory, segments, snapshotSequence);
  for (const [position, file] of relevant.slice(0, -1).entries()) {
    chain.readClosed(file, relevant[position + 1] as NamedFile);
  }
  const reading = chain.readLast(last);
  if (reading.lastSequence < snapshotSequence) {
    const finding = `the journal ends with command ${reading.lastSequence}, before the snapshot of ${snapshotSequence}`;
    throw new DamagedJournalError(last.path, reading.endOffset, finding);
  }
  settleEnd(last.path, chain.contents, reading, layer);
  if (reading.strayBytes > 0) {
    log(`${last.path}: cut ${reading.strayBytes} bytes of an unfinished write at offset ${reading.endOffset}`);
  }
  return reading.strayBytes;
}

function continuationMissing(
  directory: string,
  segments: readonly NamedFile[],
  snapshotSequence: number,
): DamagedJournalError {
  const wanted = snapshotSequence === 0 ? 'no snapshot' : `a snapshot of command ${snapshotSequence}`;
  const [first] = segments;
  if (first === undefined) return new DamagedJournalError(directory, 0, `there is ${wanted}, but no segment after it`);
  const finding = `the journal begins with command ${first.sequence}, and there is ${wanted} before it`;
  return new DamagedJournalError(first.path, 0, finding);
}

/**
 * Cuts the file behind the last group, and writes that group once more: it may be in the page cache only, even marked
 * as written by a sync that failed under the process before. What we build on must not vanish in the next power cut.
 */
function settleEnd(
  path: string,
  contents: SegmentContents,
  { endOffset, lastGroupOffset }: SegmentReading,
  layer: FileLayer,
): void {
  const group = lastGroupOf(contents, lastGroupOffset, endOffset);
  const fd = layer.open(path, 'r+');
  try {
    layer.truncate(fd, endOffset);
    writeFully(layer, fd, group, group.length, lastGroupOffset);
    layer.fsync(fd);
  } finally {
    layer.close(fd);
  }
}

/** Empty when there is none. It was valid when its records were handed out, and may have to be read once more. */
function lastGroupOf(contents: SegmentContents, offset: number, endOffset: number): Buffer {
  if (offset === endOffset) return Buffer.alloc(0);
  const at = validGroupAt(contents, offset, { bodySizeBytes: 0, firstSequence: 0, recordCount: 0 });
  if (at === -1) throw new DamagedJournalError(contents.path, offset, 'a group that was valid is so no more');
  return contents.bytes.subarray(at, at + endOffset - offset);
}

/** Moves aside the segment that is damaged, from the damage on, and all that come after it. */
function setAside(
  damage: DamagedJournalError,
  segments: readonly NamedFile[],
  snapshotSequence: number,
  damaged: DamagedFolder,
): void {
  const concerned = segmentsContinuing(segments, snapshotSequence) ?? segments;
  const position = concerned.findIndex(({ path }) => path === damage.file);
  // First the damaged one: as long as others follow, it cannot be taken for a journal with a torn end.
  for (const { path } of concerned.slice(position, position + 1)) damaged.moveFrom(path, damage.offset);
  for (const { path } of concerned.slice(position + 1)) damaged.move(path);
}

function withAdvice(damage: DamagedJournalError, kept: string): DamagedJournalError {
  const advice =
    ' Nothing was changed. Bring the file back from a backup, or start once with --force-recover: ' +
    `it keeps ${kept}, and moves the rest into a folder beside it.`;
  return new DamagedJournalError(damage.file, damage.offset, damage.finding, advice);
}

function removeUnfinished(path: string, layer: FileLayer, log: (message: string) => void): void {
  layer.unlink(path);
  log(`${path}: removed, its process ended before it was finished`);
}
