/** The report as text: one block per scenario, one line per metric, one column per peer, ratios beside the figures. */
import type { PeerName } from '../peers/peer.ts';
import { alignColumns, formatRange } from './format.ts';
import type { MetricReport, PeerReport, Report, ScenarioReport } from './report.ts';

/** Whom every other peer is compared with, in this order of preference. */
const subjects: readonly PeerName[] = ['uetcd', 'uetcd-durable'];

export function renderTable(report: Report): string {
  const lines = [
    describeMeasurement(report),
    'median [min–max]; the ratio is uetcd ÷ peer, of the medians',
    ...report.peers.map((peer) => `  ${peer.name.padEnd(14)} ${peer.version.padEnd(10)} ${peer.description}`),
    ...report.skipped.map(({ peer, reason }) => `  ${peer.padEnd(14)} not measured: ${reason}`),
  ];
  for (const scenario of report.scenarios) lines.push('', ...renderScenario(scenario));
  return lines.join('\n');
}

export function describeMeasurement({ machine, options, startedAt }: Report): string {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`;
  return [
    `${machine.cores} cores (${machine.processor}), ${memory}, Linux ${machine.kernel}, Node ${machine.node}`,
    `${options.rounds} interleaved rounds of ${options.seconds} s, load generator on the same machine`,
    ...(machine.diskFileSystem === undefined ? [] : [describeDisk(machine.diskFileSystem)]),
    startedAt,
    ...(options.isSmoke ? [SMOKE_REMARK] : []),
  ].join('; ');
}

export const SMOKE_REMARK = 'a smoke run: it shows that everything works, its figures mean nothing';

/** "On disk" is what scenarios say; where the temporary directory is in memory it would be no more than a word. */
function describeDisk(fileSystem: string): string {
  const isMemory = fileSystem === 'tmpfs' || fileSystem === 'ramfs';
  return isMemory
    ? `NOTHING WAS ON A DISK: what is durable was written to memory (${fileSystem}); --disk-dir chooses another directory`
    : `what is durable on ${fileSystem}`;
}

/** What was asked, and whether the cores were kept awake for it: `--awake` may say otherwise than the scenario. */
export function describeScenario({ name, title, isAwake }: ScenarioReport): string {
  return `${name}: ${title}${isAwake ? ', cores kept awake' : ''}`;
}

/** The one the others of a scenario are divided by: uetcd in memory, or durable where it does not take part. */
export function subjectOf(scenario: ScenarioReport): PeerReport | undefined {
  const isDurable = scenario.family === 'durable';
  const preference = isDurable ? subjects.toReversed() : subjects;
  return preference
    .map((name) => scenario.results.find(({ peer, metrics }) => peer === name && metrics.length > 0))
    .find((found) => found !== undefined);
}

/** The names of all metrics of a scenario, in the order of the peer that has most of them. */
export function metricNames(scenario: ScenarioReport): string[] {
  const fullestFirst = scenario.results.toSorted((a, b) => b.metrics.length - a.metrics.length);
  return [...new Set(fullestFirst.flatMap(({ metrics }) => metrics.map(({ name }) => name)))];
}

export function findMetric(result: PeerReport | undefined, name: string): MetricReport | undefined {
  return result?.metrics.find((metric) => metric.name === name);
}

/** Own figure divided by the peer's; undefined where that says nothing. */
export function ratioTo(own: MetricReport | undefined, other: MetricReport | undefined): number | undefined {
  return own === undefined || other === undefined || own === other || other.median <= 0
    ? undefined
    : own.median / other.median;
}

function renderScenario(scenario: ScenarioReport): string[] {
  const subject = subjectOf(scenario);
  const heading = ['', ...scenario.results.map(({ peer }) => peer)];
  const rows = metricNames(scenario).map((name) => renderMetric(name, scenario.results, subject));
  return [
    describeScenario(scenario),
    ...alignColumns([heading, ...rows]),
    ...scenario.results.flatMap(({ peer, error, warnings }) => [
      ...(error === undefined ? [] : [`  ! ${peer} FAILED: ${error}`]),
      ...warnings.map((warning) => `  ! ${peer}: ${warning}`),
    ]),
  ];
}

function renderMetric(name: string, results: readonly PeerReport[], subject: PeerReport | undefined): string[] {
  const own = findMetric(subject, name);
  const unit = results.map((result) => findMetric(result, name)).find((metric) => metric !== undefined)?.unit ?? '';
  const cells = results.map((result) => {
    const metric = findMetric(result, name);
    if (metric === undefined) return '–';
    const figure = formatRange(metric.median, metric.min, metric.max);
    const ratio = ratioTo(own, metric);
    return ratio === undefined ? figure : `${figure} ${ratio.toFixed(2)}×`;
  });
  return [`${name} ${unit}`.trim(), ...cells];
}
