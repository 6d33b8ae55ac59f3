/** Decides when a snapshot is made: at each checkpoint, one at a time, always the latest one. */
import type { Piscina } from 'piscina';
import { siblingModule, threadFlags } from '../base/sibling-module.ts';
import { loadThreadPools } from '../base/thread-pools.ts';
import type { SnapshotMetrics } from '../metrics/snapshot-metrics.ts';
import type { SnapshotResult, SnapshotTask } from './snapshot-job.ts';

/**
 * V8 collects a task's young objects by threads that the whole process shares and that have no low priority. The less
 * there is to collect at a time, the sooner a core is free for who serves (native-bench, "snapshot"): this is the least
 * that V8 takes. The task itself works a third longer for it.
 */
const YOUNG_GENERATION_MB = 3;

export type SnapshotPool = Pick<Piscina<SnapshotTask, SnapshotResult>, 'run' | 'destroy'>;

export interface SnapshotLog {
  info(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export class SnapshotSchedule {
  readonly #directory: string;
  readonly #historyEventsMax: number;
  readonly #heapSizeMb: number;
  readonly #log: SnapshotLog;
  readonly #metrics: SnapshotMetrics;
  readonly #open: typeof openPool;
  #pool: SnapshotPool | undefined;
  #running: Promise<void> | undefined;
  /** The latest checkpoint that has no snapshot yet; 0 for none. */
  #due = 0;
  #isClosed = false;

  /** @param heapSizeMb of the store: a task holds all of it once more. */
  constructor(
    directory: string,
    historyEventsMax: number,
    heapSizeMb: number,
    log: SnapshotLog,
    metrics: SnapshotMetrics,
    open = openPool,
  ) {
    this.#directory = directory;
    this.#historyEventsMax = historyEventsMax;
    this.#heapSizeMb = heapSizeMb;
    this.#log = log;
    this.#metrics = metrics;
    this.#open = open;
  }

  /** The segments up to the checkpoint at `sequence` are closed. */
  checkpoint(sequence: number): void {
    this.#due = sequence;
    this.#running ??= this.#run();
  }

  /** Gives up a snapshot in progress: what it has written is ignored at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#due = 0;
    await this.#pool?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#due > 0) {
      const sequence = this.#due;
      this.#due = 0;
      await this.#make(sequence);
    }
    this.#running = undefined;
  }

  async #make(sequence: number): Promise<void> {
    try {
      // Here, since that can fail, too: when files or threads are used up.
      this.#pool ??= await this.#open(this.#heapSizeMb, (error) => this.#lose(error));
      if (this.#isClosed) return;
      const task = { directory: this.#directory, sequence, historyEventsMax: this.#historyEventsMax };
      const { nodes, tookMs } = await this.#pool.run(task);
      this.#metrics.made(tookMs);
      this.#log.info({ sequence, nodes, tookMs: Math.round(tookMs) }, 'snapshot made');
    } catch (error) {
      if (this.#isClosed) return;
      this.#metrics.failed();
      this.#log.error({ sequence, err: error }, 'no snapshot could be made; all files are kept');
    }
  }

  /** Its thread could not begin, or is gone: the snapshot is given up, and the next one has another. */
  #lose(error: unknown): void {
    this.#log.error({ err: error }, 'the thread for snapshots has failed');
    void this.#pool?.destroy();
    this.#pool = undefined;
  }
}

/**
 * Its library is loaded for the first snapshot: a server in memory, or one that has just started, does without.
 * @param onError gets why a thread could not begin: what it was to do would wait for ever.
 */
async function openPool(heapSizeMb: number, onError: (error: unknown) => void): Promise<SnapshotPool> {
  const { Piscina } = loadThreadPools();
  const pool = new Piscina({
    filename: siblingModule(import.meta.url, 'snapshot-job').href,
    ...threadFlags,
    name: 'makeSnapshot',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 10_000,
    resourceLimits: { maxOldGenerationSizeMb: heapSizeMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  return pool.on('error', onError);
}
