/** Decides when a snapshot is made: at each checkpoint, one at a time, always the latest one. */
import { Piscina } from 'piscina';
import { siblingModule } from '../base/sibling-module.ts';
import type { SnapshotMetrics } from '../metrics/snapshot-metrics.ts';
import type { SnapshotResult, SnapshotTask } from './snapshot-job.ts';

export interface SnapshotLog {
  info(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export class SnapshotSchedule {
  readonly #directory: string;
  readonly #historyEventsMax: number;
  readonly #log: SnapshotLog;
  readonly #metrics: SnapshotMetrics;
  #pool: Piscina<SnapshotTask, SnapshotResult> | undefined;
  #running: Promise<void> | undefined;
  /** The latest checkpoint that has no snapshot yet; 0 for none. */
  #due = 0;

  constructor(directory: string, historyEventsMax: number, log: SnapshotLog, metrics: SnapshotMetrics) {
    this.#directory = directory;
    this.#historyEventsMax = historyEventsMax;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** The segments up to the checkpoint at `sequence` are closed. */
  checkpoint(sequence: number): void {
    this.#due = sequence;
    this.#running ??= this.#run();
  }

  /** Gives up a snapshot in progress: what it has written is ignored at the next start. */
  async close(): Promise<void> {
    this.#due = 0;
    await this.#pool?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#pool ??= new Piscina({
      filename: siblingModule(import.meta.url, 'snapshot-job').href,
      name: 'makeSnapshot',
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 10_000,
    });
    while (this.#due > 0) {
      const sequence = this.#due;
      this.#due = 0;
      await this.#make(this.#pool, sequence);
    }
    this.#running = undefined;
  }

  async #make(pool: Piscina<SnapshotTask, SnapshotResult>, sequence: number): Promise<void> {
    try {
      const task = { directory: this.#directory, sequence, historyEventsMax: this.#historyEventsMax };
      const { nodes, tookMs } = await pool.run(task);
      this.#metrics.made(tookMs);
      this.#log.info({ sequence, nodes, tookMs: Math.round(tookMs) }, 'snapshot made');
    } catch (error) {
      if (pool.options === undefined || (error as Error).message.includes('destroyed')) return;
      this.#metrics.failed();
      this.#log.error({ sequence, err: error }, 'no snapshot could be made; all files are kept');
    }
  }
}
