/** A new connection for every set: connect, set, answer, close. So many at a time, or at a fixed rate. */
import type { AnswerSink } from '../answer.ts';
import { Connection } from '../connection.ts';
import { type Dialect, dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { emptyTally, noteFailure, requireNoFailure, type Tally } from '../load-client.ts';
import { UsageWindow } from '../usage-window.ts';
import type { OpenLoopResult } from './open-loop.ts';

export interface NewConnectionsSpec {
  readonly target: Target;
  /** Connections alive at a time; with a rate, at most so many. */
  readonly concurrency: number;
  /** 0: as fast as it goes (closed loop). Otherwise latency counts from the moment a connection was due. */
  readonly ratePerSecond: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

/** How long after the window answers are still waited for. */
const GRACE_MS = 2_000;

/** As of an open loop; without a rate, what was answered in the window is all that was due in it. */
export async function newConnections(spec: NewConnectionsSpec): Promise<OpenLoopResult> {
  const visits = new Visits(spec);
  const window = new UsageWindow(spec.target);
  visits.start();
  try {
    await sleep(spec.warmupMs);
    window.start();
    visits.startRecording();
    await sleep(spec.measureMs);
    const usage = window.stop();
    return { usage, ...(await visits.stop()) };
  } finally {
    visits.end();
  }
}

class Visits {
  readonly #latency = new LatencyHistogram();
  readonly #lag = new LatencyHistogram();
  readonly #intervalMs: number;
  /** The measured window. With a rate that counts which was due in it, without one that was answered in it. */
  #recordFrom = Number.POSITIVE_INFINITY;
  #recordTo = Number.POSITIVE_INFINITY;
  #answers = 0;
  #answersInWindow = 0;
  /** Whether the last poll found every due connection begun: only then is lateness our own. */
  #wasCaughtUp = true;
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
    this.#intervalMs = 1000 / spec.ratePerSecond;
  }

  start(): void {
    this.#startedAt = performance.now();
    if (this.#spec.ratePerSecond > 0) this.#poll();
    else while (this.#alive < this.#spec.concurrency) this.#visit(performance.now());
  }

  startRecording(): void {
    this.#recordFrom = performance.now();
  }

  /** Those that were due and not begun until the end of the grace count with the time they had waited. */
  async stop(): Promise<Omit<OpenLoopResult, 'usage'>> {
    this.#recordTo = performance.now();
    const answersInWindow = this.#answersInWindow;
    const isOpenLoop = this.#spec.ratePerSecond > 0;
    const dueEnd = isOpenLoop ? this.#dueBefore(this.#recordTo) : 0;
    const due = isOpenLoop ? dueEnd - this.#dueBefore(this.#recordFrom) : answersInWindow;
    const graceEnd = this.#recordTo + GRACE_MS;
    while (this.#answers < due && this.#isRunning && performance.now() < graceEnd) await sleep(5);
    this.end();
    for (let waited = 0; this.#alive > 0 && waited < 400; waited++) await sleep(5);
    if (this.#alive > 0) noteFailure(this.#tally, `${this.#alive} connections were never answered`);
    requireNoFailure(this.#tally);
    const now = performance.now();
    for (let ordinal = Math.max(this.#begun, dueEnd - due); ordinal < dueEnd; ordinal++)
      this.#latency.recordMs(now - (this.#startedAt + ordinal * this.#intervalMs));
    const [latency, lagP99Ms] = [this.#latency.encode(), this.#lag.percentileMs(99)];
    return { due, answers: this.#answers, answersInWindow, latency, lagP99Ms };
  }

  /** Begins no more. */
  end(): void {
    this.#isRunning = false;
  }

  #poll(): void {
    if (!this.#isRunning) return;
    const now = performance.now();
    const due = this.#dueBefore(now);
    while (this.#begun < due && this.#alive < this.#spec.concurrency) {
      const intendedAt = this.#startedAt + this.#begun * this.#intervalMs;
      if (this.#wasCaughtUp && intendedAt >= this.#recordFrom) this.#lag.recordMs(now - intendedAt);
      this.#visit(intendedAt);
    }
    this.#wasCaughtUp = this.#begun >= due;
    setImmediate(() => this.#poll());
  }

  #dueBefore(moment: number): number {
    return Math.ceil((moment - this.#startedAt) / this.#intervalMs);
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
        this.#note(intendedAt, performance.now());
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

  #note(intendedAt: number, now: number): void {
    const isInWindow = now >= this.#recordFrom && now < this.#recordTo;
    if (isInWindow) this.#answersInWindow++;
    const wasDueInWindow = intendedAt >= this.#recordFrom && intendedAt < this.#recordTo;
    if (this.#spec.ratePerSecond > 0 ? !wasDueInWindow : !isInWindow) return;
    this.#answers++;
    this.#latency.recordMs(now - intendedAt);
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
