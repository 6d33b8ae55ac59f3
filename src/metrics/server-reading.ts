/** What a server knows of itself at one moment, for the pages that tell of it; and sums over its front ends. */
import type { Counter, FrontEndMetrics } from './front-end-metrics.ts';
import { HistogramReading } from './histogram.ts';
import type { Operation, OperationNames } from './operation.ts';
import type { ProcessReading } from './process-reading.ts';
import type { SnapshotMetrics } from './snapshot-metrics.ts';
import type { StoreReading } from './store-reading.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** All that the pages are made of. */
export interface ServerReading {
  /** Of this package. */
  readonly version: string;
  /** Hexadecimal. */
  readonly memberId: string;
  readonly raftTerm: number;
  /** Of the process, since the epoch. */
  readonly startSeconds: number;
  /** By number. */
  readonly frontEnds: readonly FrontEndMetrics[];
  readonly storeWorker: WorkerMetrics;
  readonly rings: readonly RingReading[];
  /** Undefined in memory. */
  readonly journal: JournalReading | undefined;
  readonly process: ProcessReading;
  /** Undefined when the store did not say anything in time. */
  readonly store: StoreReading | undefined;
}

export interface RingReading {
  readonly name: string;
  /** Whose it is; undefined for one that all have in common. */
  readonly frontEnd: number | undefined;
  readonly usedBytes: number;
  readonly capacityBytes: number;
}

export interface JournalReading {
  readonly worker: WorkerMetrics;
  readonly hasFailed: boolean;
  /** The low 32 bits of the sequence up to which all is on the disk. */
  readonly durableSequence: number;
  readonly snapshots: SnapshotMetrics;
}

/** Commands that are applied and not yet on the disk. */
export function pendingCount(store: StoreReading, { durableSequence }: JournalReading): number {
  // The watermark may have moved on since the store spoke.
  return Math.max(0, ((store.sequence | 0) - durableSequence) | 0);
}

export function receivedCount(frontEnds: readonly FrontEndMetrics[], names: readonly OperationNames[]): number {
  let count = 0;
  for (const frontEnd of frontEnds) for (const { operation } of names) count += frontEnd.receivedCount(operation);
  return count;
}

/** Over all front ends. */
export function successDurations(frontEnds: readonly FrontEndMetrics[], operation: Operation): HistogramReading {
  const durations = new HistogramReading();
  for (const frontEnd of frontEnds) durations.add(frontEnd.successDurations(operation));
  return durations;
}

/** Over all front ends. */
export function sumOf(frontEnds: readonly FrontEndMetrics[], counter: Counter): number {
  return frontEnds.reduce((sum, frontEnd) => sum + frontEnd.get(counter), 0);
}

/** The main thread is the first front end. */
export function frontEndName(number: number): string {
  return number === 0 ? 'main' : `front-end-${number}`;
}
