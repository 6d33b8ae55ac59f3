/** What uetcd means to reach on two cores that the load generator shares: ratios within one report, and a few absolutes. */
import type { PeerName } from './peers/peer.ts';
import { alignColumns, formatNumber } from './report/format.ts';
import { metricOf, type Report } from './report/report.ts';

export interface Target {
  readonly scenario: string;
  readonly metric: string;
  readonly peer: PeerName;
  readonly relation: '≥' | '≤';
  readonly bound: number;
  /** What the figure is divided by; left out where the bound is absolute. */
  readonly yardstick?: { readonly scenario: string; readonly peer: PeerName };
}

export interface Verdict {
  readonly target: Target;
  /** undefined when the report does not tell. */
  readonly figure: number | undefined;
  readonly isMet: boolean | undefined;
}

const targets: readonly Target[] = [
  ...against('set-64', 'rate', '≥', { 'etcd-memory': 4, 'bare-uws': 0.9 }),
  ...against('set-64', 'p99', '≤', { 'etcd-memory': 0.35 }),
  ...against('set-1', 'p50', '≤', { 'etcd-memory': 0.25, 'bare-uws': 1.2 }),
  ...against('set-100k-keys', 'rate', '≥', { 'etcd-memory': 4.5, 'bare-uws': 0.8 }),
  ...against('durable-64', 'rate', '≥', { 'etcd-disk': 3.5, 'redis-always': 0.9, uetcd: 0.75 }, 'uetcd-durable'),
  ...against('durable-1', 'p50', '≤', { 'etcd-disk': 0.9 }, 'uetcd-durable'),
  ...against('get-64', 'rate', '≥', { 'etcd-memory': 3.3, 'bare-uws': 0.8 }),
  ...against('swap-64', 'rate', '≥', { 'etcd-memory': 3.5 }),
  ...against('in-order-64', 'rate', '≥', { 'etcd-memory': 3.5 }),
  ...against('auth-set-64', 'rate', '≥', { uetcd: 0.8 }, 'uetcd-auth'),
  ...against('auth-get-64', 'rate', '≥', { uetcd: 0.8 }, 'uetcd-auth'),
  ...against('watch-long-poll', 'p50', '≤', { 'etcd-memory': 0.4, 'bare-uws': 1.2 }),
  ...against('watch-stream', 'p50', '≤', { 'etcd-memory': 0.4, 'bare-uws': 1.2 }),
  ...against('watch-busy', 'p50', '≤', { 'etcd-memory': 0.35 }),
  ...against('watch-busy', 'p99', '≤', { 'etcd-memory': 0.15 }),
  ...['fan-out-1000', 'fan-out-5000'].flatMap((scenario) => [
    ...against(scenario, 'deliveries', '≥', { 'etcd-memory': 1.7, 'bare-uws': 0.9 }),
    ...against(scenario, 'ack p50', '≤', { 'etcd-memory': 0.2 }),
  ]),
  absolute('idle-watchers', 'memory each', '≤', 3),
  absolute('idle-watchers', 'left behind each', '≤', 0.5),
  absolute('idle-watchers', 'rate with/without', '≥', 0.95),
  flat('set rate', '≥', 0.9),
  flat('get rate', '≥', 0.9),
  flat('set p99', '≤', 1.5),
  flat('get p99', '≤', 1.5),
  absolute('keys-1m', 'memory per key', '≤', 400),
  absolute('listing', 'others p99', '≤', 5_000),
  absolute('expiry', 'events heard', '≥', 100_000),
  absolute('expiry', 'lateness p99', '≤', 20),
  absolute('expiry', 'others p99', '≤', 5_000),
  ...against('restart', 'restart', '≤', { 'etcd-disk': 0.3, 'redis-always': 1 }, 'uetcd-durable'),
  absolute('snapshot', 'during/quiet', '≤', 1.5, 'uetcd-durable'),
  ...against('connect-64', 'rate', '≥', { 'etcd-memory': 3, 'bare-uws': 0.8 }),
  absolute('idle', 'idle cpu', '≤', 0.1),
  absolute('metrics-cost', 'cpu cost, at most', '≤', 2),
];

export function judgeTargets(report: Report): Verdict[] {
  return targets.map((target) => {
    const { scenario, peer, metric, relation, bound, yardstick } = target;
    const own = metricOf(report, scenario, peer, metric)?.median;
    const divisor = yardstick === undefined ? 1 : metricOf(report, yardstick.scenario, yardstick.peer, metric)?.median;
    if (own === undefined || divisor === undefined) return { target, figure: undefined, isMet: undefined };
    const figure = own / divisor;
    return { target, figure, isMet: relation === '≥' ? figure >= bound : figure <= bound };
  });
}

export function renderVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ target, figure, isMet }) => [
    `${target.scenario}: ${target.peer} ${target.metric}${yardstickText(target)}`,
    `${target.relation} ${target.bound}`,
    figure === undefined ? '–' : formatNumber(figure),
    isMet === undefined ? 'not measured' : isMet ? 'met' : 'MISSED',
  ]);
  const met = verdicts.filter(({ isMet }) => isMet === true).length;
  const missed = verdicts.filter(({ isMet }) => isMet === false).length;
  return [
    `targets: ${met} met, ${missed} missed, ${verdicts.length - met - missed} not measured`,
    ...alignColumns([['', 'target', 'measured', ''], ...rows]),
  ].join('\n');
}

function yardstickText({ yardstick, scenario }: Target): string {
  if (yardstick === undefined) return '';
  return yardstick.scenario === scenario ? ` ÷ ${yardstick.peer}` : ` ÷ ${yardstick.scenario}`;
}

function against(
  scenario: string,
  metric: string,
  relation: Target['relation'],
  bounds: Partial<Record<PeerName, number>>,
  peer: PeerName = 'uetcd',
): Target[] {
  return Object.entries(bounds).map(([yardstick, bound]) => ({
    scenario,
    metric,
    peer,
    relation,
    bound,
    yardstick: { scenario, peer: yardstick as PeerName },
  }));
}

function absolute(
  scenario: string,
  metric: string,
  relation: Target['relation'],
  bound: number,
  peer: PeerName = 'uetcd',
): Target {
  return { scenario, metric, peer, relation, bound };
}

/** A million keys compared with ten thousand. */
function flat(metric: string, relation: Target['relation'], bound: number): Target {
  const yardstick = { scenario: 'keys-10k', peer: 'uetcd' } as const;
  return { scenario: 'keys-1m', metric, peer: 'uetcd', relation, bound, yardstick };
}
