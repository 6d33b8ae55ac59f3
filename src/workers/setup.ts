/** What the main thread hands to the workers at their start, and what they say back. */
import type { LinkEnd } from '../frame/link.ts';
import type { SnapshotHelperEnd } from './snapshot-helper.ts';

/** The store worker's share of one front end. */
export interface FrontEndShare {
  readonly requests: LinkEnd;
  readonly replies: LinkEnd;
  /** Of the front end's thread. */
  readonly bell: SharedArrayBuffer;
}

/** Where and how the store is kept. */
export interface DurableSetup {
  readonly directory: string;
  readonly mustForceRecovery: boolean;
  readonly commandsPerCheckpoint: number;
  /** The store worker's end of the journal ring. */
  readonly journal: LinkEnd;
  readonly journalBell: SharedArrayBuffer;
  /** Of the journal worker. */
  readonly snapshotHelper: SnapshotHelperEnd;
}

export interface StoreSetup {
  readonly words: SharedArrayBuffer;
  /** Of `ReadVersions`. */
  readonly readVersions: SharedArrayBuffer;
  readonly bell: SharedArrayBuffer;
  readonly frontEnds: readonly FrontEndShare[];
  readonly historyEventsMax: number;
  /** Of all front ends together. */
  readonly watchersMax: number;
  /** Of one client's address. */
  readonly clientWatchersMax: number;
  /** Of large listings, until their clients have them. */
  readonly listingBytesMax: number;
  /** The heap that this worker has. */
  readonly heapBytes: number;
  /** Of `SpinPolicy`. */
  readonly spinMs: number;
  readonly waitedIntervalMsMax: number;
  /** Of `WorkerMetrics`; undefined: nothing is counted. */
  readonly metrics: SharedArrayBuffer | undefined;
  /** Undefined when the store lives in memory only. */
  readonly durable: DurableSetup | undefined;
}

export interface JournalSetup {
  readonly words: SharedArrayBuffer;
  readonly bell: SharedArrayBuffer;
  /** Of all who wait for the watermark. */
  readonly frontEndBells: readonly SharedArrayBuffer[];
  readonly storeBell: SharedArrayBuffer;
  readonly journal: LinkEnd;
  /** Of the store worker. */
  readonly snapshotHelper: SnapshotHelperEnd;
  readonly directory: string;
  readonly segmentSizeBytesMax: number;
  /** Of `SpinPolicy`. */
  readonly spinMs: number;
  readonly waitedIntervalMsMax: number;
  /** Of `WorkerMetrics`; undefined: nothing is counted. */
  readonly metrics: SharedArrayBuffer | undefined;
}

/** What the journal worker waits for before it opens the journal. */
export interface JournalBegin {
  /** Sequence of the last command that recovery found. */
  readonly lastSequence: number;
}

export type WorkerMessage =
  /** The worker has recovered what there was and takes commands. */
  | { readonly kind: 'ready'; readonly lastSequence: number; readonly etcdIndex: number; readonly nodes: number }
  /** Something for the log. */
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  /** The segments up to `sequence`, which is a checkpoint, are closed: a snapshot can be made. */
  | { readonly kind: 'checkpoint'; readonly sequence: number };
