/** The report of a session: plain data, as it stands in the JSON file. */
import { cpus, release, totalmem } from 'node:os';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import type { Metric, RunMeasurement } from '../measurement.ts';
import type { PeerName } from '../peers/peer.ts';
import type { SessionOptions } from '../session.ts';

export interface Report {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly options: SessionOptions;
  readonly peers: readonly { readonly name: PeerName; readonly description: string; readonly version: string }[];
  readonly skipped: readonly SkippedPeer[];
  readonly scenarios: readonly ScenarioReport[];
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** What the durable peers had their data on. Reports of earlier days do not say. */
  readonly diskFileSystem?: string;
}

export interface SkippedPeer {
  readonly peer: PeerName;
  readonly reason: string;
}

export interface ScenarioReport {
  readonly name: string;
  readonly family: string;
  readonly title: string;
  readonly isAwake: boolean;
  readonly results: readonly PeerReport[];
}

export interface PeerReport {
  readonly peer: PeerName;
  readonly error?: string;
  readonly warnings: readonly string[];
  readonly metrics: readonly MetricReport[];
  /** By name, all rounds together. */
  readonly latencies: Readonly<Record<string, readonly PlotPoint[]>>;
}

/** A metric over the rounds. */
export interface MetricReport extends Omit<Metric, 'value'> {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
}

/** `[percentile, microseconds]`. */
export type PlotPoint = readonly [percentile: number, microseconds: number];

/** Evenly spaced on the plot's axis, which is logarithmic in the distance from 100 %. */
const PLOT_POINTS_PER_DECADE = 12;
const PLOT_DECADES = 4;

export function summarize(peer: PeerName, runs: readonly RunMeasurement[]): PeerReport {
  const names = [...new Set(runs.flatMap((run) => run.metrics.map((metric) => metric.name)))];
  return {
    peer,
    warnings: [...new Set(runs.flatMap((run) => run.warnings))],
    metrics: names.flatMap((name) => {
      const found = runs.flatMap((run) => run.metrics.filter((metric) => metric.name === name));
      const [first] = found;
      return first === undefined ? [] : [summarizeMetric(first, found)];
    }),
    latencies: mergeLatencies(runs),
  };
}

export function describeMachine(diskFileSystem: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    diskFileSystem,
  };
}

export function metricOf(report: Report, scenario: string, peer: PeerName, metric: string): MetricReport | undefined {
  const result = report.scenarios.find(({ name }) => name === scenario)?.results.find((each) => each.peer === peer);
  return result?.metrics.find(({ name }) => name === metric);
}

function summarizeMetric({ name, unit, better }: Metric, found: readonly Metric[]): MetricReport {
  const rounds = found.map(({ value }) => value);
  const sorted = rounds.toSorted((a, b) => a - b);
  return { name, unit, better, median: medianOf(sorted), min: sorted.at(0) ?? 0, max: sorted.at(-1) ?? 0, rounds };
}

export function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function mergeLatencies(runs: readonly RunMeasurement[]): Record<string, PlotPoint[]> {
  const merged = new Map<string, LatencyHistogram>();
  for (const run of runs)
    for (const [name, encoded] of Object.entries(run.latencies)) {
      const histogram = merged.get(name) ?? new LatencyHistogram();
      histogram.add(LatencyHistogram.decode(encoded));
      merged.set(name, histogram);
    }
  return Object.fromEntries([...merged].map(([name, histogram]) => [name, plotPoints(histogram)]));
}

function plotPoints(histogram: LatencyHistogram): PlotPoint[] {
  const points: PlotPoint[] = [];
  for (let step = 0; step <= PLOT_DECADES * PLOT_POINTS_PER_DECADE; step++) {
    const share = 10 ** (-step / PLOT_POINTS_PER_DECADE);
    if (histogram.count * share < 1) break;
    const percentile = 100 * (1 - share);
    points.push([percentile, histogram.percentileMs(percentile) * 1000]);
  }
  return points;
}
