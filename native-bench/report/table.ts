/** The report as text: one block per scenario, one line per metric, one column per peer, ratios beside the figures. */
import type { PeerName } from '../peers/peer.ts';
import { formatNumber } from '../session.ts';
import type { MetricReport, PeerReport, Report, ScenarioReport } from './report.ts';

/** Whom every other peer is compared with, in this order of preference. */
const subjects: readonly PeerName[] = ['uetcd', 'uetcd-durable'];

export function renderTable(report: Report): string {
  const { machine, options } = report;
  const lines = [
    `${machine.cores} × ${machine.processor}, Linux ${machine.kernel}, Node ${machine.node}, ${report.startedAt}`,
    `${options.rounds} interleaved rounds of ${options.seconds} s; median [min–max]; "uetcd ×" is uetcd's figure divided by the peer's`,
    ...report.peers.map((peer) => `  ${peer.name.padEnd(14)} ${peer.version.padEnd(10)} ${peer.description}`),
    ...report.skipped.map(({ peer, reason }) => `  ${peer.padEnd(14)} not measured: ${reason}`),
  ];
  for (const scenario of report.scenarios) lines.push('', ...renderScenario(scenario));
  return lines.join('\n');
}

function renderScenario(scenario: ScenarioReport): string[] {
  const subject = scenario.results.find(({ peer, error }) => subjects.includes(peer) && error === undefined);
  const rows = [['', ...scenario.results.map(({ peer }) => peer)]];
  for (const name of new Set(scenario.results.flatMap(({ metrics }) => metrics.map((metric) => metric.name))))
    rows.push(renderMetric(name, scenario.results, subject));
  return [
    `${scenario.name}: ${scenario.title}`,
    ...alignColumns(rows),
    ...scenario.results.flatMap(({ peer, error, warnings }) => [
      ...(error === undefined ? [] : [`  ! ${peer} FAILED: ${error}`]),
      ...warnings.map((warning) => `  ! ${peer}: ${warning}`),
    ]),
  ];
}

function renderMetric(name: string, results: readonly PeerReport[], subject: PeerReport | undefined): string[] {
  const find = (result: PeerReport): MetricReport | undefined => result.metrics.find((metric) => metric.name === name);
  const own = subject === undefined ? undefined : find(subject);
  const unit = results.map(find).find((metric) => metric !== undefined)?.unit ?? '';
  const cells = results.map((result) => {
    const metric = find(result);
    if (metric === undefined) return '–';
    const figure = `${formatNumber(metric.median)} [${formatNumber(metric.min)}–${formatNumber(metric.max)}]`;
    const isRatioMeant = own !== undefined && result !== subject && metric.median !== 0;
    return isRatioMeant ? `${figure} ${(own.median / metric.median).toFixed(2)}×` : figure;
  });
  return [`${name} ${unit}`.trim(), ...cells];
}

function alignColumns(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('   ')}`.trimEnd(),
  );
}
