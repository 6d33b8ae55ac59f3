/** A new connection for every set: connect, set, answer, close. So many at a time, or at a fixed rate. */
import type { AnswerSink } from '../answer.ts';
import { Connection } from '../connection.ts';
import { type Dialect, dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { emptyTally, noteFailure, requireNoFailure, type Tally } from '../load-client.ts';
import { UsageWindow } from '../usage-window.ts';
import type { LoadResult } from './closed-loop.ts';

export interface NewConnectionsSpec {
  readonly target: Target;
  /** Connections alive at a time; with a rate, at most so many. */
  readonly concurrency: number;
  /** 0: as fast as it goes (closed loop). Otherwise latency counts from the moment a connection was due. */
  readonly ratePerSecond: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export async function newConnections(spec: NewConnectionsSpec): Promise<LoadResult> {
  const visits = new Visits(spec);
  const window = new UsageWindow(spec.target);
  visits.start();
  await sleep(spec.warmupMs);
  window.start();
  visits.histogram = new LatencyHistogram();
  await sleep(spec.measureMs);
  const { histogram } = visits;
  visits.histogram = undefined;
  const usage = window.stop();
  await visits.stop();
  return { usage, answers: histogram.count, latency: histogram.encode() };
}

class Visits {
  /** Where latencies go while they are measured. */
  histogram: LatencyHistogram | undefined;
  readonly #spec: NewConnectionsSpec;
  readonly #dialect: Dialect;
  readonly #tally: Tally = emptyTally();
  #startedAt = 0;
  #begun = 0;
  #alive = 0;
  #isRunning = true;

  constructor(spec: NewConnectionsSpec) {
    this.#spec = spec;
    this.#dialect = dialectOf(spec.target);
  }

  start(): void {
    this.#startedAt = performance.now();
    if (this.#spec.ratePerSecond > 0) this.#poll();
    else while (this.#alive < this.#spec.concurrency) this.#visit(performance.now());
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    for (let waited = 0; this.#alive > 0 && waited < 400; waited++) await sleep(5);
    if (this.#alive > 0) noteFailure(this.#tally, `${this.#alive} connections were never answered`);
    requireNoFailure(this.#tally);
  }

  #poll(): void {
    if (!this.#isRunning) return;
    const intervalMs = 1000 / this.#spec.ratePerSecond;
    const due = Math.ceil((performance.now() - this.#startedAt) / intervalMs);
    while (this.#begun < due && this.#alive < this.#spec.concurrency)
      this.#visit(this.#startedAt + this.#begun * intervalMs);
    setImmediate(() => this.#poll());
  }

  #visit(intendedAt: number): void {
    const number = this.#begun++;
    this.#alive++;
    const sink: AnswerSink = {
      onHead: (status) => {
        if (status !== 200 && status !== 201) noteFailure(this.#tally, `status ${status}`);
      },
      onBody: () => {},
      onEnd: () => {
        this.histogram?.recordMs(performance.now() - intendedAt);
        connection.close();
        this.#left();
      },
      onClose: (reason) => this.#lost(reason),
    };
    const connection = new Connection(this.#spec.target, sink);
    connection.opened.then(
      () => connection.send(this.#dialect.set('/bench/key', `n${number}`)),
      (error: Error) => this.#lost(error.message),
    );
  }

  #lost(reason: string): void {
    noteFailure(this.#tally, `connection lost: ${reason}`);
    this.#isRunning = false;
    this.#left();
  }

  #left(): void {
    this.#alive--;
    if (this.#isRunning && this.#spec.ratePerSecond === 0) this.#visit(performance.now());
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
