/** Rates and latencies of plain requests: closed loop for the highest rate, open loop for honest latency. */

import { dialectOf } from '../load/dialect.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { ask } from '../load/probe.ts';
import { residentBytes } from '../load/process-usage.ts';
import type { OpenLoopResult } from '../load/programs/open-loop.ts';
import type { RequestKind, RequestPlan } from '../load/request-source.ts';
import {
  bottleneckWarnings,
  cpuMetric,
  foreignLoadWarnings,
  higher,
  lower,
  type Metric,
  percent,
  percentileMetrics,
  perSecond,
  type RunMeasurement,
} from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import type { Bench } from './scenario.ts';

/** A generator later than this makes open-loop latencies its own. */
const LAG_LIMIT_MS = 0.2;
/** Of a generator that sleeps between two moments: a timer of a millisecond, and a wake-up among busy threads. */
export const SLEEPER_LAG_LIMIT_MS = 3;
/** A server that answers less than this share of a steady rate is overloaded: what is under way at both ends is far less. */
export const KEPT_UP = 0.98;
const FILL_CONNECTIONS = 64;
const FILL_TIMEOUT_MS = 600_000;

export interface LoadPlan {
  readonly kind: RequestKind;
  readonly connections: number;
  /** 1 when absent. */
  readonly keyCount?: number;
  /** 11 when absent. */
  readonly valueSizeBytes?: number;
  /** The value is a JSON document. */
  readonly isDocument?: boolean;
  /** Of several keys, which are set with it. */
  readonly ttlSeconds?: number;
}

export async function measureClosedLoop(peer: RunningPeer, bench: Bench, load: LoadPlan): Promise<RunMeasurement> {
  const plan = requestPlan(load, bench);
  await prepare(peer, bench, plan);
  const result = await bench.pool.run('closedLoop', {
    target: peer.target,
    connections: load.connections,
    plan,
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
    isOnlyWriter: true,
  });
  return {
    metrics: [
      higher('rate', '/s', perSecond(result.answers, result.usage)),
      ...percentileMetrics(result.latency),
      cpuMetric(result.usage, result.answers),
      lower('rss', 'MB', residentBytes(peer.target.pid) / 1e6),
    ],
    latencies: { answer: result.latency },
    warnings: bottleneckWarnings(result.usage),
  };
}

export async function measureOpenLoop(
  peer: RunningPeer,
  bench: Bench,
  load: LoadPlan & { readonly ratePerSecond: number },
): Promise<RunMeasurement> {
  const plan = requestPlan(load, bench);
  await prepare(peer, bench, plan);
  const result = await bench.pool.run('openLoop', {
    target: peer.target,
    connections: load.connections,
    plan,
    ratePerSecond: load.ratePerSecond,
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
  });
  return {
    metrics: [
      ...steadyRateMetrics(result),
      lower('max', 'µs', LatencyHistogram.decode(result.latency).maximumMs * 1000),
    ],
    latencies: { answer: result.latency },
    warnings: steadyRateWarnings(result),
  };
}

/** What an open loop has found. */
export type SteadyRate = Pick<OpenLoopResult, 'usage' | 'due' | 'answers' | 'answersInWindow' | 'latency' | 'lagP99Ms'>;

/** The rate is what was answered within the window: what came in the grace after it would make an overloaded server look able. */
export function steadyRateMetrics({ usage, answersInWindow, latency }: SteadyRate): Metric[] {
  return [
    higher('rate', '/s', perSecond(answersInWindow, usage)),
    ...percentileMetrics(latency),
    ...(answersInWindow > 0 ? [cpuMetric(usage, answersInWindow)] : []),
  ];
}

export function steadyRateWarnings(result: SteadyRate): string[] {
  const { usage, due, answers, answersInWindow } = result;
  const warnings = [...foreignLoadWarnings(usage), ...lagWarnings(result, LAG_LIMIT_MS)];
  if (answersInWindow < due * KEPT_UP)
    warnings.push(`overloaded: ${percent(answersInWindow / due)} of the rate was answered meanwhile`);
  if (answers < due) warnings.push(`${due - answers} of ${due} requests were not answered within the grace either`);
  return warnings;
}

/** Says so when the generator was later than that. */
export function lagWarnings({ lagP99Ms }: Pick<OpenLoopResult, 'lagP99Ms'>, limitMs: number): string[] {
  if (lagP99Ms <= limitMs) return [];
  return [`the generator sent late by ${(lagP99Ms * 1000).toFixed(0)} µs (p99): its own time is in the latencies`];
}

/** Sets each key of the plan once. */
export async function fill(peer: RunningPeer, bench: Bench, plan: RequestPlan): Promise<void> {
  await bench.pool.run('closedLoop', {
    target: peer.target,
    connections: FILL_CONNECTIONS,
    plan: { ...plan, kind: 'fill' },
    warmupMs: 0,
    measureMs: FILL_TIMEOUT_MS,
    isOnlyWriter: true,
  });
}

function requestPlan(load: LoadPlan, bench: Bench): RequestPlan {
  return {
    kind: load.kind,
    keyCount: load.keyCount ?? 1,
    valueSizeBytes: load.valueSizeBytes ?? 11,
    isDocument: load.isDocument ?? false,
    ttlSeconds: load.ttlSeconds,
    seed: bench.seed,
    // In-order keys pile up, so each run has a directory of its own; other keys are simply set again.
    ...(load.kind === 'in-order' ? { root: `/bench/run${bench.runNumber}` } : {}),
  };
}

/** What is asked for must be there: gets and swaps of keys that do not exist measure an error path. */
async function prepare(peer: RunningPeer, bench: Bench, plan: RequestPlan): Promise<void> {
  const readsKeys = plan.kind === 'get' || plan.kind === 'mixed';
  if ((readsKeys || plan.keyCount > 1) && peer.target.dialect !== 'bare') await fill(peer, bench, plan);
}

/** Removes what a run has left, where there are directories to remove. */
export async function tidy(peer: RunningPeer, directory: string): Promise<void> {
  await ask(peer.target, dialectOf(peer.target).deleteAll(directory));
}
