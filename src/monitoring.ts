/**
 * What a server tells about itself: the shared memory in which its threads count, and the pages that are made of it. The
 * memory alone, the rings and the shared words are looked at, so whichever thread has them can make the pages.
 */
import type { SharedWords } from './frame/shared-words.ts';
import { JournalState } from './frame/shared-words.ts';
import { Page, type PageRenderer } from './front/pages.ts';
import { FrontEndMetrics } from './metrics/front-end-metrics.ts';
import { watchGarbageCollections } from './metrics/garbage-collections.ts';
import { type JournalReading, type RingReading, renderMetrics } from './metrics/metrics-page.ts';
import { readProcess } from './metrics/process-reading.ts';
import { renderVars } from './metrics/vars-page.ts';
import { WorkerMetrics } from './metrics/worker-metrics.ts';
import { usedBytesOf } from './ring/ring.ts';
import { packageVersion } from './version.ts';
import type { SnapshotSchedule } from './workers/snapshot-schedule.ts';

export interface MonitoredIdentity {
  readonly memberId: string;
  readonly raftTerm: number;
}

interface WatchedRing {
  readonly name: string;
  readonly memory: SharedArrayBuffer;
  readonly capacityBytes: number;
}

export class Monitoring {
  /** To be handed to the threads that write them. */
  readonly frontEndMemory = FrontEndMetrics.createMemory();
  readonly storeMemory = WorkerMetrics.createMemory();
  readonly journalMemory = WorkerMetrics.createMemory();
  readonly #version = packageVersion();
  readonly #words: SharedWords;
  readonly #rings: WatchedRing[] = [];
  readonly #frontEnds = [new FrontEndMetrics(this.frontEndMemory)];
  readonly #storeWorker = new WorkerMetrics(this.storeMemory);
  readonly #journalWorker = new WorkerMetrics(this.journalMemory);
  readonly #endOfWatching = watchGarbageCollections(this.#frontEnds[0] as FrontEndMetrics);
  #snapshots: SnapshotSchedule | undefined;

  constructor(words: SharedWords) {
    this.#words = words;
  }

  watchRing(name: string, memory: SharedArrayBuffer, capacityBytes: number): void {
    this.#rings.push({ name, memory, capacityBytes });
  }

  watchSnapshots(snapshots: SnapshotSchedule): void {
    this.#snapshots = snapshots;
  }

  /** @param identity as of this start. */
  rendererFor({ memberId, raftTerm }: MonitoredIdentity): PageRenderer {
    return (page, store) => {
      const reading = {
        version: this.#version,
        memberId,
        raftTerm,
        frontEnds: this.#frontEnds,
        storeWorker: this.#storeWorker,
        rings: this.#rings.map(readRing),
        journal: this.#readJournal(),
        process: readProcess(),
        store,
      };
      return page === Page.metrics ? renderMetrics(reading) : renderVars(reading, process.argv);
    };
  }

  close(): void {
    this.#endOfWatching();
  }

  #readJournal(): JournalReading | undefined {
    const snapshots = this.#snapshots;
    if (snapshots === undefined) return undefined;
    return {
      worker: this.#journalWorker,
      hasFailed: this.#words.journalState === JournalState.failed,
      durableSequence: this.#words.durableSequence,
      snapshotsMade: snapshots.madeCount,
      snapshotsFailed: snapshots.failedCount,
      lastSnapshotMs: snapshots.lastTookMs,
    };
  }
}

function readRing({ name, memory, capacityBytes }: WatchedRing): RingReading {
  return { name, usedBytes: usedBytesOf(memory), capacityBytes };
}
