/**
 * A task for piscina: makes the snapshot at a checkpoint without the store. The previous snapshot and the closed
 * segments are replayed in a second store; the checkpoint in the journal carries the state hash that the serving store
 * had there, and a store that replays to another state is a broken promise (ARCHITECTURE, invariant 4): the task fails, and
 * every file stays.
 */

import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { assert } from '../base/assert.ts';
import { setThreadPriority } from '../base/thread-priority.ts';
import { nodeFileLayer } from '../journal/file-layer.ts';
import { pruneBefore } from '../journal/prune.ts';
import { replayClosed } from '../journal/replay.ts';
import { SnapshotWriter } from '../journal/snapshot-file.ts';
import { StoreReader, writeStore } from '../store/snapshot-codec.ts';
import { Store } from '../store/store.ts';
import { crashHook } from './crash-hook.ts';
import { Pace } from './pace.ts';
import { Replayer } from './store-recovery.ts';

/** A few milliseconds' work, as a chunk of a snapshot is. */
const RECORDS_PER_REST = 4096;

/** Counts over all tasks of this thread. */
const crashPoint = crashHook();

export interface SnapshotTask {
  readonly directory: string;
  /** Sequence of the checkpoint, which ends a closed segment. */
  readonly sequence: number;
  readonly historyEventsMax: number;
}

export interface SnapshotResult {
  readonly nodes: number;
  readonly tookMs: number;
}

/** Runs the task. Throws when the state differs or the disk fails; nothing has been removed then. */
export function makeSnapshot({ directory, sequence, historyEventsMax }: SnapshotTask): SnapshotResult {
  const startMs = performance.now();
  // Serving comes first. But at the lowest priority a task beside two busy threads was not done while the journal grew by a gigabyte.
  setThreadPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const pace = new Pace();
  const store = new Store(historyEventsMax, true);
  const reader = new StoreReader(store);
  const replayer = new Replayer(store);
  const { lastSequence } = replayClosed(directory, nodeFileLayer, {
    untilSequence: sequence,
    onSnapshotChunk: (chunk) => {
      reader.chunk(chunk);
      pace.rest();
    },
    onRecord: (recordSequence, _timeMs, payload, offset, lengthBytes) => {
      replayer.apply(payload, offset, lengthBytes);
      if (recordSequence % RECORDS_PER_REST === 0) pace.rest();
    },
  });
  replayer.finish();
  assert(lastSequence === sequence, 'the closed segments reach the checkpoint');
  const writer = new SnapshotWriter(directory, nodeFileLayer, sequence, { crashPoint });
  writeStore(store, (buffer, offset, lengthBytes) => {
    writer.writeChunk(buffer, offset, lengthBytes);
    pace.rest();
  });
  writer.finish();
  pruneBefore(directory, nodeFileLayer, sequence, crashPoint);
  return { nodes: store.tree.size, tookMs: performance.now() - startMs };
}
