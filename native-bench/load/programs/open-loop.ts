/**
 * Open loop: requests are due at fixed moments whether or not the server keeps up, and a latency counts from the
 * moment the request was due, not from when a connection was free to send it. So a server that pauses is charged for
 * everybody who would have been waiting ("coordinated omission" is what hides them).
 *
 *   due:   0   1   2   3   4   5        interval = 1 / rate
 *          │   │   │   │   │   │
 *   sent:  0   1   2 ─ ─ ─ 3,4,5        all connections busy: 3, 4 and 5 wait, and their clocks run
 *
 * The thread polls instead of sleeping between two moments, because a timer is a millisecond wide; so its own
 * processor time says nothing, and `lag`, by how much it sent late what it could have sent, is its health.
 *
 * Where others need the core that it would take, it sleeps. Then what it sends late by its own fault counts from when it was
 * sent; what is late because all connections are busy counts from when it was due, as ever. And it comes first when it wakes,
 * where the kernel lets it (root): it stands for a client on another machine, who never waits for a core of the server's, nor
 * for one of those who list or watch beside it. Else a listing's p99 is half its own waiting for a core.
 */
import { setThreadPriority } from '../../../src/base/thread-priority.ts';
import { type Dialect, dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { emptyTally, LoadClient, requireNoFailure, type Tally } from '../load-client.ts';
import { createSources, type RequestPlan } from '../request-source.ts';
import { type Usage, UsageWindow } from '../usage-window.ts';

export interface OpenLoopSpec {
  readonly target: Target;
  readonly connections: number;
  readonly plan: RequestPlan;
  readonly ratePerSecond: number;
  /** Leaves its core to others between two moments. */
  readonly sleeps?: boolean;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface OpenLoopResult {
  readonly usage: Usage;
  /** Requests that were due within the measured window. */
  readonly due: number;
  /** Of those, the ones answered within the window or the grace after it. */
  readonly answers: number;
  /** Answers that came within the window, whenever they were due: what the server did in that time, without the grace. */
  readonly answersInWindow: number;
  /** Of everything due; what was never answered counts with the time it had waited. */
  readonly latency: string;
  /** By how much the generator itself was late, p99. */
  readonly lagP99Ms: number;
}

/** A nice value; of all threads here only those that measure and mostly sleep have it. */
const FIRST = -15;
const AS_ALL = 0;

/** How long after the window answers are still waited for. */
const GRACE_MS = 2_000;

export async function openLoop(spec: OpenLoopSpec): Promise<OpenLoopResult> {
  if (spec.sleeps === true) setThreadPriority(FIRST);
  const generator = new OpenLoopGenerator(spec);
  try {
    await generator.start();
    return await measure(spec, generator);
  } finally {
    generator.close();
    if (spec.sleeps === true) setThreadPriority(AS_ALL);
  }
}

async function measure(spec: OpenLoopSpec, generator: OpenLoopGenerator): Promise<OpenLoopResult> {
  const window = new UsageWindow(spec.target);
  if (spec.warmupMs > 0) await new Promise((resolve) => setTimeout(resolve, spec.warmupMs));
  window.start();
  generator.startRecording();
  await new Promise((resolve) => setTimeout(resolve, spec.measureMs));
  const usage = window.stop();
  return { usage, ...(await generator.stop()) };
}

/** The generator by itself, for programs that measure something else in front of such a load. */
export class OpenLoopGenerator {
  readonly #intervalMs: number;
  readonly #tally: Tally = emptyTally();
  readonly #clients: LoadClient[];
  readonly #free: LoadClient[] = [];
  readonly #latency = new LatencyHistogram();
  readonly #lag = new LatencyHistogram();
  #startedAt = 0;
  /** Requests sent so far; number n was due at startedAt + n * interval. */
  #sent = 0;
  #isSending = false;
  /** Only requests due in [recordFrom, recordTo) count. */
  #recordFrom = Number.POSITIVE_INFINITY;
  #recordTo = Number.POSITIVE_INFINITY;
  #answers = 0;
  #answersInWindow = 0;
  readonly #sleeps: boolean;
  /** From when the latency of a client's request counts. */
  readonly #countedFrom = new Map<LoadClient, number>();
  /** Whether the last poll found every due request sent: only then is lateness our own. */
  #wasCaughtUp = true;

  constructor(spec: Omit<OpenLoopSpec, 'warmupMs' | 'measureMs'>) {
    this.#intervalMs = 1000 / spec.ratePerSecond;
    this.#sleeps = spec.sleeps === true;
    const dialect: Dialect = dialectOf(spec.target);
    const onAnswered = (client: LoadClient): void => this.#answered(client);
    this.#clients = createSources(spec.plan, dialect, spec.connections).map(
      (source) => new LoadClient(spec.target, dialect, source, this.#tally, onAnswered),
    );
  }

  async start(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.opened));
    this.#free.push(...this.#clients);
    this.#startedAt = performance.now();
    this.#isSending = true;
    setImmediate(this.#poll);
  }

  startRecording(): void {
    this.#recordFrom = performance.now();
  }

  async stop(): Promise<Omit<OpenLoopResult, 'usage'>> {
    this.#recordTo = performance.now();
    const firstRecorded = this.#dueBefore(this.#recordFrom);
    const due = this.#dueBefore(this.#recordTo) - firstRecorded;
    const graceEnd = this.#recordTo + GRACE_MS;
    while (this.#answers < due && this.#tally.failures === 0 && performance.now() < graceEnd)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const answers = this.#answers;
    const answersInWindow = this.#answersInWindow;
    this.#chargeUnanswered(firstRecorded + due);
    this.close();
    requireNoFailure(this.#tally);
    return { due, answers, answersInWindow, latency: this.#latency.encode(), lagP99Ms: this.#lag.percentileMs(99) };
  }

  /** Stops sending at once; harmless after stop(). */
  close(): void {
    this.#isSending = false;
    for (const client of this.#clients) client.close();
  }

  readonly #poll = (): void => {
    if (!this.#isSending) return;
    const now = performance.now();
    const dueCount = this.#dueBefore(now);
    const wasCaughtUp = this.#wasCaughtUp;
    while (this.#sent < dueCount) {
      // In turn where the rate is low: a server closes a connection that nobody has used for ten seconds.
      const client = this.#sleeps ? this.#free.shift() : this.#free.pop();
      if (client === undefined) break;
      const intendedAt = this.#startedAt + this.#sent * this.#intervalMs;
      if (wasCaughtUp && intendedAt >= this.#recordFrom) this.#lag.recordMs(now - intendedAt);
      this.#send(client, this.#sleeps && wasCaughtUp ? now : intendedAt);
    }
    this.#wasCaughtUp = this.#sent >= dueCount;
    if (this.#sleeps) setTimeout(this.#poll, 1);
    else setImmediate(this.#poll);
  };

  #answered(client: LoadClient): void {
    const now = performance.now();
    if (now >= this.#recordFrom && now < this.#recordTo) this.#answersInWindow++;
    if (this.#isRecorded(client.intendedAt)) {
      this.#latency.recordMs(now - (this.#countedFrom.get(client) ?? client.intendedAt));
      this.#answers++;
    }
    const mayBeLate = this.#sleeps && this.#wasCaughtUp;
    if (this.#isSending && !mayBeLate && this.#sent < this.#dueBefore(now)) {
      this.#send(client, this.#startedAt + this.#sent * this.#intervalMs);
    } else this.#free.push(client);
  }

  #send(client: LoadClient, countedFrom: number): void {
    this.#countedFrom.set(client, countedFrom);
    client.send(this.#startedAt + this.#sent++ * this.#intervalMs);
  }

  #dueBefore(moment: number): number {
    return Math.ceil((moment - this.#startedAt) / this.#intervalMs);
  }

  #isRecorded(dueAt: number): boolean {
    return dueAt >= this.#recordFrom && dueAt < this.#recordTo;
  }

  /** Those under way, and those that no connection was free for, each with its own time: the first may be a very old one. */
  #chargeUnanswered(dueEnd: number): void {
    const now = performance.now();
    const free = new Set(this.#free);
    for (const client of this.#clients)
      if (!free.has(client) && this.#isRecorded(client.intendedAt))
        this.#latency.recordMs(now - (this.#countedFrom.get(client) ?? client.intendedAt));
    for (let ordinal = Math.max(this.#sent, this.#dueBefore(this.#recordFrom)); ordinal < dueEnd; ordinal++)
      this.#latency.recordMs(now - (this.#startedAt + ordinal * this.#intervalMs));
  }
}
