/** Which plots a report has: latency by percentile of each scenario, and figures of several scenarios along an axis. */
import type { PeerName } from '../peers/peer.ts';
import { PLOT_HEIGHT, PLOT_WIDTH, type Plot, renderPlot, type Series } from './plot.ts';
import { metricOf, type Report, type ScenarioReport } from './report.ts';
import { SMOKE_REMARK } from './table.ts';

const colors: Readonly<Record<PeerName, string>> = {
  uetcd: '#d6336c',
  'uetcd-durable': '#f08c00',
  'uetcd-auth': '#a61e4d',
  'uetcd-uncounted': '#faa2c1',
  'etcd-memory': '#1971c2',
  'etcd-disk': '#74a9d8',
  'bare-uws': '#2f9e44',
  'node-http': '#99b83c',
  redis: '#7048e8',
  'redis-always': '#b197fc',
  fdatasync: '#868e96',
};

/** A family of scenarios as one axis. */
interface Sweep {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly metric: string;
  readonly isYLogarithmic: boolean;
  readonly scenarios: readonly (readonly [scenario: string, x: number])[];
}

const byConnections = [
  ['set-1', 1],
  ['set-16', 16],
  ['set-64', 64],
  ['set-256', 256],
] as const;
const byWatchers = [
  ['fan-out-1', 1],
  ['fan-out-100', 100],
  ['fan-out-1000', 1_000],
  ['fan-out-5000', 5_000],
] as const;
const byKeys = [
  ['keys-10k', 10_000],
  ['keys-100k', 100_000],
  ['keys-1m', 1_000_000],
] as const;

const sweeps: readonly Sweep[] = [
  sweep('Sets per second', 'connections', 'sets/s', 'rate', byConnections),
  sweep('Set latency, p99', 'connections', 'µs', 'p99', byConnections, true),
  sweep('Fan-out: deliveries per second', 'watchers', 'deliveries/s', 'deliveries', byWatchers),
  sweep("Fan-out: the setter's own answer, p50", 'watchers', 'µs', 'ack p50', byWatchers, true),
  sweep('Sets per second by size of the store', 'keys', 'sets/s', 'set rate', byKeys),
  sweep('Set latency by size of the store, p99', 'keys', 'µs', 'set p99', byKeys, true),
  sweep('Memory per key', 'keys', 'bytes', 'memory per key', byKeys),
];

export function sweepPlots(report: Report): Plot[] {
  return sweeps.map((each) => plotSweep(report, each)).filter(({ series }) => series.length > 0);
}

/** One plot per kind of latency a scenario has measured. */
export function latencyPlots(scenario: ScenarioReport): Plot[] {
  const kinds = new Set(scenario.results.flatMap(({ latencies }) => Object.keys(latencies)));
  return [...kinds].map((kind) => plotLatency(scenario, kind)).filter(({ series }) => series.length > 0);
}

/** What says most, in one drawing: rates, latency at a given rate, the way to a watcher, fan-out. */
export function renderPicture(report: Report): string {
  const sweepOf = (title: string): Plot[] => sweepPlots(report).filter((plot) => plot.title.startsWith(title));
  const latencyOf = (name: string): Plot[] =>
    report.scenarios.filter((scenario) => scenario.name === name).flatMap((each) => latencyPlots(each).slice(0, 1));
  const plots = [
    ...sweepOf('Sets per second').slice(0, 1),
    ...latencyOf('set-open-10k'),
    ...latencyOf('watch-stream'),
    ...sweepOf('Fan-out: deliveries'),
  ];
  const drawn = plots.map((plot, position) =>
    renderPlot(plot, { x: (position % 2) * PLOT_WIDTH, y: Math.floor(position / 2) * PLOT_HEIGHT }),
  );
  const remark = report.options.isSmoke
    ? `<text x="14" y="12" font-family="system-ui, sans-serif" font-size="11" fill="#c00">${SMOKE_REMARK}</text>`
    : '';
  const size = `width="${2 * PLOT_WIDTH}" height="${Math.ceil(plots.length / 2) * PLOT_HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${drawn.join('')}${remark}</svg>\n`;
}

function sweep(
  title: string,
  xLabel: string,
  yLabel: string,
  metric: string,
  scenarios: Sweep['scenarios'],
  isYLogarithmic = false,
): Sweep {
  return { title, xLabel, yLabel, metric, scenarios, isYLogarithmic };
}

function plotSweep(report: Report, { metric, scenarios, ...labels }: Sweep): Plot {
  const series: Series[] = [];
  for (const { name } of report.peers) {
    const points = scenarios.flatMap(([scenario, x]) => {
      const found = metricOf(report, scenario, name, metric);
      return found === undefined || found.median <= 0 ? [] : [[Math.log10(x), found.median] as const];
    });
    if (points.length > 1) series.push({ name, color: colors[name], points });
  }
  const xTicks = scenarios.map(([, x]) => ({ at: Math.log10(x), label: x.toLocaleString('en-US') }));
  return { ...labels, xTicks, series };
}

function plotLatency(scenario: ScenarioReport, kind: string): Plot {
  const nines = (percentile: number): number => -Math.log10(1 - percentile / 100);
  return {
    title: `${scenario.name}: ${kind}, by percentile`,
    xLabel: 'percentile',
    yLabel: 'µs',
    xTicks: [0, 90, 99, 99.9, 99.99].map((percentile) => ({ at: nines(percentile), label: `p${percentile}` })),
    isYLogarithmic: true,
    series: scenario.results.flatMap(({ peer, latencies }) => {
      const points = (latencies[kind] ?? []).filter(([, microseconds]) => microseconds > 0);
      const placed = points.map(([percentile, microseconds]) => [nines(percentile), microseconds] as const);
      return placed.length > 1 ? [{ name: peer, color: colors[peer], points: placed }] : [];
    }),
  };
}
