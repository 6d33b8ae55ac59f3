/** What one run of one scenario against one peer has found. */
import { availableParallelism } from 'node:os';
import { LatencyHistogram } from './load/latency-histogram.ts';
import type { Usage } from './load/usage-window.ts';

export type Unit = '/s' | 'µs' | 'ms' | 's' | 'cpu s/100k' | 'MB' | 'B' | 'KB' | '%' | '×' | '';

export interface Metric {
  readonly name: string;
  readonly unit: Unit;
  readonly better: 'higher' | 'lower';
  readonly value: number;
}

export interface RunMeasurement {
  readonly metrics: readonly Metric[];
  /** Encoded LatencyHistograms by name, for the plots. */
  readonly latencies: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

const PERCENTILES = [50, 90, 99, 99.9, 99.99] as const;
/** A percentile of fewer answers than this beyond it is chance. */
const ANSWERS_BEYOND = 5;

/** A generator this busy may be what was measured. */
const GENERATOR_BUSY = 0.95;
const SERVER_IDLE_BELOW = 0.85;
/** More than this of a core, used by others, disturbs. Below the window length ticks are too coarse to tell. */
const FOREIGN_LOAD = 0.2;
const FOREIGN_LOAD_WINDOW_MS = 500;

export function higher(name: string, unit: Unit, value: number): Metric {
  return { name, unit, better: 'higher', value };
}

export function lower(name: string, unit: Unit, value: number): Metric {
  return { name, unit, better: 'lower', value };
}

/** Percentiles up to p99.99, as far as there are enough answers for them, in microseconds. */
export function percentileMetrics(encoded: string, prefix = ''): Metric[] {
  const histogram = LatencyHistogram.decode(encoded);
  const hasEnoughFor = (percentile: number): boolean => histogram.count * (1 - percentile / 100) >= ANSWERS_BEYOND;
  return PERCENTILES.filter(hasEnoughFor).map((percentile) =>
    lower(`${prefix}p${percentile}`, 'µs', histogram.percentileMs(percentile) * 1000),
  );
}

export function cpuMetric(usage: Usage, requests: number): Metric {
  return lower('cpu', 'cpu s/100k', (usage.serverCpuMs / 1000 / requests) * 100_000);
}

export function perSecond(count: number, usage: Usage): number {
  return (count / usage.elapsedMs) * 1000;
}

/** Says so when the load generator, not the server, was likely the limit. */
export function bottleneckWarnings(usage: Usage, cores = availableParallelism()): string[] {
  const generator = usage.generatorCpuMs / usage.elapsedMs;
  const server = usage.serverCpuMs / usage.elapsedMs;
  const busiestThread = usage.serverBusiestThreadMs / usage.elapsedMs;
  const machine = generator + server + usage.foreignCpuMs / usage.elapsedMs;
  // A server of several threads may use more than a core, and still wait for work: none of its threads is busy then, and a core is free.
  const isServerIdle =
    server < SERVER_IDLE_BELOW || (busiestThread < SERVER_IDLE_BELOW && machine < cores - 1 + SERVER_IDLE_BELOW);
  if (generator < GENERATOR_BUSY || !isServerIdle) return foreignLoadWarnings(usage);
  return [
    ...foreignLoadWarnings(usage),
    `the generator was the bottleneck (${percent(generator)} of a core, the server ${percent(server)}): the server can do more`,
  ];
}

/** Says so when the machine was busy with something else. */
export function foreignLoadWarnings(usage: Pick<Usage, 'foreignCpuMs' | 'elapsedMs'>): string[] {
  const foreign = usage.foreignCpuMs / usage.elapsedMs;
  if (foreign < FOREIGN_LOAD || usage.elapsedMs < FOREIGN_LOAD_WINDOW_MS) return [];
  return ['others were using the machine meanwhile'];
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
