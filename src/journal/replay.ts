/**
 * Reads a journal without touching it, while its writer goes on: for the task that makes the next snapshot out of the
 * previous one and the closed segments.
 */
import { listDirectory } from './directory.ts';
import type { FileLayer } from './file-layer.ts';
import type { OnRecord } from './record.ts';
import { SegmentChain, segmentsContinuing } from './segment-chain.ts';
import { readNamedSnapshot } from './snapshot-reader.ts';

export interface ReplayOptions {
  /** Records up to this one, included, as far as closed segments hold them. */
  readonly untilSequence: number;
  /** Gets the snapshot, a chunk at a time, in memory of its own. */
  readonly onSnapshotChunk: (chunk: Buffer) => void;
  /** Gets the records above the snapshot, in order; the payload is valid until it returns. */
  readonly onRecord: OnRecord;
}

export interface Replay {
  /** 0 when there is no snapshot. */
  readonly snapshotSequence: number;
  readonly snapshotMetadata: Buffer | undefined;
  /** Of the last record handed out; that of the snapshot when there was none. */
  readonly lastSequence: number;
}

/**
 * Hands out the newest snapshot and the records after it. One such task at a time, and no pruning meanwhile. When this
 * throws, what has been handed out is to be thrown away.
 * @throws DamagedJournalError as recovery does.
 */
export function replayClosed(directory: string, layer: FileLayer, options: ReplayOptions): Replay {
  const { untilSequence, onSnapshotChunk, onRecord } = options;
  const { segments, snapshots } = listDirectory(directory, layer);
  const file = snapshots.at(-1);
  const snapshot = file && readNamedSnapshot(file, layer, onSnapshotChunk);
  const snapshotSequence = snapshot?.sequence ?? 0;
  const chain = new SegmentChain(layer, snapshotSequence, untilSequence + 1, onRecord);
  const relevant = segmentsContinuing(segments, snapshotSequence) ?? [];
  try {
    for (const [position, segment] of relevant.entries()) {
      const next = relevant[position + 1];
      if (next === undefined || segment.sequence > untilSequence) break; // The last one is being written.
      chain.readClosed(segment, next);
    }
  } finally {
    chain.close();
  }
  const lastSequence = Math.max(snapshotSequence, Math.min(chain.lastSequence, untilSequence));
  return { snapshotSequence, snapshotMetadata: snapshot?.metadata, lastSequence };
}
