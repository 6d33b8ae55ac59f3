/**
 * Two reports of different days: what of uetcd has become worse beyond noise?
 *
 * A machine has good and bad days, so a change of uetcd's is first divided by the change of the yardsticks in the same
 * scenario and metric (the peers, which have not changed). What remains is a regression when it is worse by more than
 * the tolerance *and* the ranges of the rounds, so corrected, do not touch.
 */
import type { PeerName } from '../peers/peer.ts';
import { alignColumns, formatNumber } from './format.ts';
import { type MetricReport, medianOf, metricOf, type Report } from './report.ts';

export interface Change {
  readonly scenario: string;
  readonly peer: PeerName;
  readonly metric: string;
  readonly before: number;
  readonly after: number;
  /** How the yardsticks changed: after divided by before. */
  readonly drift: number;
  /** Above 1 is worse, whichever direction is better; corrected for drift. */
  readonly worsening: number;
  readonly isRegression: boolean;
}

const ours: readonly PeerName[] = ['uetcd', 'uetcd-durable', 'uetcd-auth'];
/** Of fewer, ranges that do not touch are nothing rare. */
const ROUNDS_MIN = 3;
const TOLERANCE = 1.1;
/** Tails are made of few answers. */
const TAIL_TOLERANCE = 1.5;
const tails: readonly string[] = ['p99', 'p99.9', 'p99.99', 'max'];

export function compareReports(before: Report, after: Report): Change[] {
  const changes: Change[] = [];
  for (const scenario of after.scenarios)
    for (const { peer, metrics } of scenario.results) {
      if (!ours.includes(peer)) continue;
      for (const now of metrics) {
        const then = metricOf(before, scenario.name, peer, now.name);
        // Of what may be nothing, or less, no ratio says anything; but nothing left of what should be much is the end of it.
        if (then === undefined || then.median <= 0 || (now.median <= 0 && now.better === 'lower')) continue;
        const drift = driftOf(before, after, scenario.name, now.name);
        changes.push(judge(scenario.name, peer, then, now, drift));
      }
    }
  return changes;
}

/** Whoever of us had figures in a scenario and now has failed there: a server that falls is not a faster one. */
export function findFallen(before: Report, after: Report): string[] {
  return after.scenarios.flatMap(({ name, results }) => {
    const then = before.scenarios.find((scenario) => scenario.name === name)?.results ?? [];
    return then
      .filter(({ peer, error, metrics }) => ours.includes(peer) && error === undefined && metrics.length > 0)
      .flatMap(({ peer }) => {
        // Who is neither here nor skipped was not asked for.
        const now = results.find((result) => result.peer === peer);
        const reason = now === undefined ? after.skipped.find((skipped) => skipped.peer === peer)?.reason : now.error;
        return reason === undefined ? [] : [`${name} ${peer} FAILED: ${reason}`];
      });
  });
}

/** What makes these two reports a poor pair. */
export function caveatsOf(before: Report, after: Report): string[] {
  const differing = (['processor', 'cores', 'kernel', 'node', 'diskFileSystem'] as const).filter(
    (part) => (before.machine[part] ?? after.machine[part]) !== (after.machine[part] ?? before.machine[part]),
  );
  const { options: then } = before;
  const { options: now } = after;
  return [
    ...(then.isSmoke || now.isSmoke ? ['of a smoke run no figure means anything'] : []),
    ...(Math.min(then.rounds, now.rounds) < ROUNDS_MIN
      ? [`of fewer than ${ROUNDS_MIN} rounds nobody can tell what is noise`]
      : []),
    ...(then.seconds === now.seconds ? [] : [`runs of ${then.seconds} s and of ${now.seconds} s`]),
    ...(then.awake === now.awake ? [] : [`cores kept awake: ${then.awake} and ${now.awake}`]),
    ...differing.map((part) => `another machine: ${part} ${before.machine[part]}, then ${after.machine[part]}`),
  ];
}

export function renderChanges(changes: readonly Change[]): string {
  const regressions = changes.filter(({ isRegression }) => isRegression);
  const shown = changes
    .filter(({ worsening, isRegression }) => isRegression || worsening > TOLERANCE || worsening < 1 / TOLERANCE)
    .toSorted((a, b) => b.worsening - a.worsening);
  const rows = shown.map(({ scenario, peer, metric, before, after, drift, worsening, isRegression }) => [
    `${scenario} ${peer} ${metric}`,
    formatNumber(before),
    formatNumber(after),
    `${drift.toFixed(2)}×`,
    `${worsening.toFixed(2)}×`,
    isRegression ? 'REGRESSION' : worsening < 1 ? 'better' : 'within noise',
  ]);
  return [
    `${changes.length} figures compared, ${regressions.length} worse beyond noise`,
    ...alignColumns([['', 'before', 'after', 'yardsticks', 'worse by', ''], ...rows]),
  ].join('\n');
}

function judge(scenario: string, peer: PeerName, then: MetricReport, now: MetricReport, drift: number): Change {
  const isHigherBetter = now.better === 'higher';
  const corrected = (value: number): number => value / drift;
  const change = corrected(now.median) / then.median;
  const worsening = isHigherBetter ? 1 / change : change;
  const tolerance = tails.some((tail) => now.name.endsWith(tail)) ? TAIL_TOLERANCE : TOLERANCE;
  const isApart = isHigherBetter ? corrected(now.max) < then.min : corrected(now.min) > then.max;
  return {
    scenario,
    peer,
    metric: now.name,
    before: then.median,
    after: now.median,
    drift,
    worsening,
    isRegression: worsening > tolerance && isApart,
  };
}

/** The median change of everybody who is not us; 1 where nobody else was measured. */
function driftOf(before: Report, after: Report, scenario: string, metric: string): number {
  const ratios = (after.scenarios.find(({ name }) => name === scenario)?.results ?? [])
    .filter(({ peer }) => !ours.includes(peer))
    .flatMap(({ peer }) => {
      const then = metricOf(before, scenario, peer, metric)?.median ?? 0;
      const now = metricOf(after, scenario, peer, metric)?.median ?? 0;
      return then > 0 && now > 0 ? [now / then] : [];
    })
    .toSorted((a, b) => a - b);
  return ratios.length === 0 ? 1 : medianOf(ratios);
}
