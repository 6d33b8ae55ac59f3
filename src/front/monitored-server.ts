/**
 * What a server tells about itself: the shared memory in which its threads count, and the pages that are made of it.
 *
 * Every front end has all of it and words the pages that are asked of its connections by itself: what a page says is
 * the same from each, and none waits for another, be it stuck, or gone. Rejected: the main thread words them all on
 * request. Then a page that is to say what is wrong would have to wait for a main thread that is busy, and still would
 * not have the heaps of the others.
 */
import { JournalState, type SharedWords } from '../frame/shared-words.ts';
import { FrontEndMetrics } from '../metrics/front-end-metrics.ts';
import { noteHeap } from '../metrics/garbage-collections.ts';
import { renderMetrics } from '../metrics/metrics-page.ts';
import { readProcess } from '../metrics/process-reading.ts';
import type { RingReading, ServerReading } from '../metrics/server-reading.ts';
import { SnapshotMetrics } from '../metrics/snapshot-metrics.ts';
import { renderVars } from '../metrics/vars-page.ts';
import { WorkerMetrics } from '../metrics/worker-metrics.ts';
import { RingGauge } from '../ring/ring.ts';
import { Page, type PageRenderer } from './requests/pages.ts';

/** What does not change while a server runs, and the memory of what does. It can be sent to another thread. */
export interface MonitoredServer {
  readonly version: string;
  readonly memberId: string;
  readonly raftTerm: number;
  /** Of the process, as the main thread has it. */
  readonly commandLine: readonly string[];
  readonly startSeconds: number;
  /** Of `FrontEndMetrics`, by number. */
  readonly frontEnds: readonly SharedArrayBuffer[];
  /** Of `WorkerMetrics`. */
  readonly storeWorker: SharedArrayBuffer;
  /** Undefined when the store lives in memory only. */
  readonly journal: MonitoredJournal | undefined;
  readonly rings: readonly MonitoredRing[];
}

export interface MonitoredJournal {
  /** Of `WorkerMetrics`. */
  readonly worker: SharedArrayBuffer;
  /** Of `SnapshotMetrics`. */
  readonly snapshots: SharedArrayBuffer;
}

export interface MonitoredRing {
  readonly name: string;
  /** Whose it is; undefined for one that all have in common. */
  readonly frontEnd: number | undefined;
  readonly memory: SharedArrayBuffer;
}

/** @param own what the front end counts that words the pages. */
export function pageRendererOf(server: MonitoredServer, words: SharedWords, own: FrontEndMetrics): PageRenderer {
  const { version, memberId, raftTerm, commandLine, startSeconds, journal } = server;
  const frontEnds = server.frontEnds.map((memory) => new FrontEndMetrics(memory));
  const storeWorker = new WorkerMetrics(server.storeWorker);
  const journalMetrics = journal && {
    worker: new WorkerMetrics(journal.worker),
    snapshots: new SnapshotMetrics(journal.snapshots),
  };
  const readRings = gaugesOf(server.rings);
  return (page, store) => {
    noteHeap(own);
    const reading: ServerReading = {
      version,
      memberId,
      raftTerm,
      startSeconds,
      frontEnds,
      storeWorker,
      rings: readRings(),
      journal: journalMetrics && {
        ...journalMetrics,
        hasFailed: words.journalState === JournalState.failed,
        durableSequence: words.durableSequence,
      },
      process: readProcess(),
      store,
    };
    return page === Page.metrics ? renderMetrics(reading) : renderVars(reading, commandLine);
  };
}

function gaugesOf(rings: readonly MonitoredRing[]): () => RingReading[] {
  const gauges = rings.map(({ name, frontEnd, memory }) => ({ name, frontEnd, gauge: new RingGauge(memory) }));
  return () =>
    gauges.map(({ name, frontEnd, gauge }) => {
      const { usedBytes, capacityBytes } = gauge;
      return { name, frontEnd, usedBytes, capacityBytes };
    });
}
