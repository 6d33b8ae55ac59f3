/** The report as one HTML file that needs nothing else: figures, plots, and what to know before believing them. */
import { formatRange } from './format.ts';
import { escapeMarkup, renderPlot } from './plot.ts';
import { latencyPlots, sweepPlots } from './plots.ts';
import type { MetricReport, Report, ScenarioReport } from './report.ts';
import { describeMeasurement, describeScenario, findMetric, metricNames, ratioTo, subjectOf } from './table.ts';

const STYLE = `
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: #222; background: #f6f6f7 }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.4rem; border-bottom: 1px solid #ddd }
h3 { font-size: 1rem; margin-bottom: .3rem } p { max-width: 52rem }
table { border-collapse: collapse; background: #fff } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap }
td:first-child, th:first-child { text-align: left } .ratio { color: #777 } .warning { color: #a04000 } .error { color: #c00 }
.plots { display: flex; flex-wrap: wrap; gap: 12px; margin: .8rem 0 } .plots svg { border: 1px solid #e4e4e4 }`;

const HOW_TO_READ = [
  'Median of the rounds, lowest and highest in brackets; grey: uetcd divided by the peer. All peers of a scenario run at',
  'the same time and are measured in turn, so a slow minute of the machine falls on all of them.',
  'Closed loop: each connection sends when it has its answer, which finds the highest rate. Open loop: requests are due',
  'at fixed moments and latency counts from then, so a pause is charged for everybody who would have waited. Of others',
  'beside heavy work (listing, expiry, poll crowd, hostile) what the generator sent late by its own fault is left out: it',
  'sleeps between two requests, and comes first when it wakes where the kernel lets it. Percentiles are medians of those',
  'of the rounds; plots are of all rounds together.',
  'The load generator runs on the same machine and takes a core of its own. Not measured: a network, TLS, clusters,',
  'more cores than these, hours of running.',
].join(' ');

export function renderHtml(report: Report): string {
  const families = [...new Set(report.scenarios.map(({ family }) => family))];
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>uetcd benchmark</title>',
    `<style>${STYLE}</style>`,
    `<h1>uetcd and its peers</h1><p>${escapeMarkup(describeMeasurement(report))}</p><p>${HOW_TO_READ}</p>`,
    renderPeers(report),
    renderPlots(sweepPlots(report).map((plot) => renderPlot(plot))),
    ...families.flatMap((family) => [
      `<h2>${escapeMarkup(family)}</h2>`,
      ...report.scenarios.filter((scenario) => scenario.family === family).map(renderScenario),
    ]),
    '</html>\n',
  ].join('\n');
}

function renderPlots(drawings: readonly string[]): string {
  return `<div class="plots">${drawings.join('')}</div>`;
}

function renderPeers(report: Report): string {
  const measured = report.peers.map(({ name, version, description }) => [name, version, description]);
  const skipped = report.skipped.map(({ peer, reason }) => [peer, '', `not measured: ${reason}`]);
  const renderRow = (cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<td style="text-align:left">${escapeMarkup(cell)}</td>`).join('')}</tr>`;
  return `<table>${[...measured, ...skipped].map(renderRow).join('')}</table>`;
}

function renderScenario(scenario: ScenarioReport): string {
  const subject = subjectOf(scenario);
  const heading = scenario.results.map(({ peer }) => `<th>${peer}</th>`).join('');
  const rows = metricNames(scenario).map((name) => {
    const metrics = scenario.results.map((result) => findMetric(result, name));
    const unit = metrics.find((metric) => metric !== undefined)?.unit ?? '';
    const own = findMetric(subject, name);
    return `<tr><td>${escapeMarkup(`${name} ${unit}`)}</td>${metrics.map((metric) => renderCell(metric, own)).join('')}</tr>`;
  });
  const remarks = scenario.results.flatMap(({ peer, error, warnings }) => [
    ...(error === undefined ? [] : [`<div class="error">${peer} failed: ${escapeMarkup(error)}</div>`]),
    ...warnings.map((warning) => `<div class="warning">${peer}: ${escapeMarkup(warning)}</div>`),
  ]);
  return [
    `<h3>${escapeMarkup(describeScenario(scenario))}</h3>`,
    `<table><tr><th></th>${heading}</tr>${rows.join('')}</table>`,
    remarks.join(''),
    renderPlots(latencyPlots(scenario).map((plot) => renderPlot(plot))),
  ].join('\n');
}

function renderCell(metric: MetricReport | undefined, own: MetricReport | undefined): string {
  if (metric === undefined) return '<td>–</td>';
  const ratio = ratioTo(own, metric);
  const aside = ratio === undefined ? '' : ` <span class="ratio">${ratio.toFixed(2)}×</span>`;
  return `<td>${formatRange(metric.median, metric.min, metric.max)}${aside}</td>`;
}
