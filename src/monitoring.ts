/** The shared memory in which the threads of a server count, and what else its pages about itself are made of. */
import type { MonitoredRing, MonitoredServer } from './front/monitored-server.ts';
import { FrontEndMetrics } from './metrics/front-end-metrics.ts';
import { processStartSeconds } from './metrics/process-reading.ts';
import { SnapshotMetrics } from './metrics/snapshot-metrics.ts';
import { WorkerMetrics } from './metrics/worker-metrics.ts';
import { packageVersion } from './version.ts';

/** All servers of a process have one. */
const START_SECONDS = processStartSeconds();

export interface MonitoredIdentity {
  readonly memberId: string;
  readonly raftTerm: number;
}

export class Monitoring {
  /** `UETCD_METRICS=off`: nothing is, so that it can be measured what that costs. Every page tells of nothing then. */
  readonly isCounting = process.env['UETCD_METRICS'] !== 'off';
  /** Each to be handed to the thread that writes it. */
  readonly frontEndMemories: readonly SharedArrayBuffer[];
  readonly storeMemory = WorkerMetrics.createMemory();
  readonly journalMemory = WorkerMetrics.createMemory();
  readonly #snapshotMemory = SnapshotMetrics.createMemory();
  /** For the main thread to write. */
  readonly snapshots = new SnapshotMetrics(this.#snapshotMemory);
  readonly #rings: MonitoredRing[] = [];

  constructor(frontEnds: number) {
    this.frontEndMemories = Array.from({ length: frontEnds }, () => FrontEndMetrics.createMemory());
  }

  /** @param frontEnd whose ring it is, if it is that of one. */
  watchRing(name: string, memory: SharedArrayBuffer, frontEnd?: number): void {
    this.#rings.push({ name, frontEnd, memory });
  }

  /** For the front ends, which word the pages. @param identity as of this start. */
  describe({ memberId, raftTerm }: MonitoredIdentity, isDurable: boolean): MonitoredServer {
    return {
      version: packageVersion(),
      memberId,
      raftTerm,
      commandLine: process.argv,
      startSeconds: START_SECONDS,
      frontEnds: this.frontEndMemories,
      storeWorker: this.storeMemory,
      journal: isDurable ? { worker: this.journalMemory, snapshots: this.#snapshotMemory } : undefined,
      rings: this.#rings,
    };
  }
}
