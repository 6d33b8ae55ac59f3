/**
 * Closed loop: each connection sends its next request when it has its answer. It finds the highest rate, and the
 * latency at that rate; it does not see the queue a real crowd of clients would form (the open loop does).
 */
import type { Dialect, Target } from '../dialect.ts';
import { dialectOf } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { emptyTally, LoadClient, requireNoFailure, type Tally } from '../load-client.ts';
import { currentIndex } from '../probe.ts';
import { createSources, type RequestPlan } from '../request-source.ts';
import { type Usage, UsageWindow } from '../usage-window.ts';

export interface ClosedLoopSpec {
  readonly target: Target;
  readonly connections: number;
  readonly plan: RequestPlan;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Whether this load is the only one that writes, so that the index must grow by exactly the acknowledged writes. */
  readonly isOnlyWriter: boolean;
}

export interface LoadResult {
  readonly usage: Usage;
  /** Answers within the measured window. */
  readonly answers: number;
  /** A LatencyHistogram, encoded. */
  readonly latency: string;
}

export async function closedLoop(spec: ClosedLoopSpec): Promise<LoadResult> {
  const dialect = dialectOf(spec.target);
  const countsIndex = spec.isOnlyWriter && dialect.answersCanBeChecked;
  const indexBefore = countsIndex ? await currentIndex(spec.target) : 0;
  const tally = emptyTally();
  const result = await runClosedLoop(spec, dialect, tally);
  requireNoFailure(tally);
  if (countsIndex) {
    const growth = (await currentIndex(spec.target)) - indexBefore;
    if (growth !== tally.acknowledgedWrites)
      throw new Error(`the index grew by ${growth} over ${tally.acknowledgedWrites} acknowledged writes`);
  }
  return result;
}

async function runClosedLoop(spec: ClosedLoopSpec, dialect: Dialect, tally: Tally): Promise<LoadResult> {
  const histogram = new LatencyHistogram();
  const window = new UsageWindow(spec.target);
  let isRecording = false;
  let isOver = false;
  let running = spec.connections;
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const onAnswered = (client: LoadClient): void => {
    const now = performance.now();
    if (isRecording) histogram.recordMs(now - client.intendedAt);
    if (isOver || tally.failures > 0 || !client.send(now)) {
      if (--running === 0) finish();
    }
  };
  const clients = createSources(spec.plan, dialect, spec.connections).map(
    (source) => new LoadClient(spec.target, dialect, source, tally, onAnswered),
  );
  try {
    await Promise.all(clients.map((client) => client.opened));
    for (const client of clients) if (!client.send(performance.now()) && --running === 0) finish();
    if (spec.warmupMs > 0) await Promise.race([finished, delay(spec.warmupMs)]);
    window.start();
    isRecording = true;
    // A window without a single answer says nothing: on a machine with other work it goes on.
    do await Promise.race([finished, delay(spec.measureMs)]);
    while (histogram.count === 0 && running > 0);
    isRecording = false;
    isOver = true;
    const usage = window.stop();
    await finished;
    return { usage, answers: histogram.count, latency: histogram.encode() };
  } finally {
    for (const client of clients) client.close();
  }
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref();
  });
}
