import { expect, test } from 'vitest';
import type { Metric } from '../../native-bench/measurement.ts';
import { caveatsOf, compareReports, findFallen } from '../../native-bench/report/compare.ts';
import { type Report, summarize } from '../../native-bench/report/report.ts';
import { judgeTargets } from '../../native-bench/targets.ts';

type Rounds = readonly number[];

test('a rate that fell beyond the ranges of the rounds is a regression', () => {
  expect(judge({ uetcd: [100, 102, 101] }, { uetcd: [70, 75, 72] }).isRegression).toBe(true);
});

test('a rate that rose is none', () => {
  expect(judge({ uetcd: [70, 75, 72] }, { uetcd: [100, 102, 101] }).isRegression).toBe(false);
});

test('ranges that touch are noise', () => {
  expect(judge({ uetcd: [70, 102, 101] }, { uetcd: [70, 75, 72] }).isRegression).toBe(false);
});

test('a day on which the yardsticks are slower as well is no regression', () => {
  const before = { uetcd: [100, 102, 101], 'bare-uws': [200, 200, 200] };
  const after = { uetcd: [70, 75, 72], 'bare-uws': [142, 143, 144] };
  expect(judge(before, after)).toMatchObject({ isRegression: false, drift: 143 / 200 });
});

test('a fall that the yardsticks share only in part is one', () => {
  const before = { uetcd: [100, 102, 101], 'bare-uws': [200, 200, 200] };
  const after = { uetcd: [50, 55, 52], 'bare-uws': [179, 180, 181] };
  expect(judge(before, after).isRegression).toBe(true);
});

test('a latency is judged the other way round', () => {
  const latency = { name: 'p50', unit: 'µs', better: 'lower' } as const;
  expect(judge({ uetcd: [10, 11, 12] }, { uetcd: [20, 21, 22] }, latency).isRegression).toBe(true);
  expect(judge({ uetcd: [20, 21, 22] }, { uetcd: [10, 11, 12] }, latency).isRegression).toBe(false);
});

test('a target is judged by the ratio of medians, and left open where a figure is missing', () => {
  const verdicts = judgeTargets(reportOf({ uetcd: [400, 410, 390], 'etcd-memory': [99, 100, 101] }));
  const rate = verdicts.filter(({ target }) => target.scenario === 'set-64' && target.metric === 'rate');
  expect(rate.map(({ target, figure, isMet }) => [target.yardstick?.peer, figure, isMet])).toEqual([
    ['etcd-memory', 4, true],
    ['bare-uws', undefined, undefined],
  ]);
});

test('what should be much and is nothing now is a regression', () => {
  const events = { name: 'events heard', unit: '', better: 'higher' } as const;
  expect(judge({ uetcd: [100, 100, 100] }, { uetcd: [0, 0, 0] }, events).isRegression).toBe(true);
});

test('who has failed since, or did not come up, has fallen; who was not asked for has not', () => {
  const before = reportOf({ uetcd: [100, 102, 101], 'etcd-memory': [9, 9, 9] });
  const [scenario] = before.scenarios;
  const failed = [{ peer: 'uetcd' as const, error: 'connection lost', warnings: [], metrics: [], latencies: {} }];
  const after = (results: typeof failed, skipped: Report['skipped'] = []): Report => ({
    ...before,
    skipped,
    scenarios: [{ ...(scenario as Report['scenarios'][number]), results }],
  });
  expect(findFallen(before, after(failed))).toEqual(['set-64 uetcd FAILED: connection lost']);
  expect(findFallen(before, after([], [{ peer: 'uetcd', reason: 'no dist' }]))).toEqual([
    'set-64 uetcd FAILED: no dist',
  ]);
  expect(findFallen(before, after([]))).toEqual([]);
  expect(findFallen(before, before)).toEqual([]);
});

test('a poor pair of reports is told to be one', () => {
  const good = reportOf({ uetcd: [100] });
  const poor: Report = {
    ...good,
    machine: { ...good.machine, cores: 4 },
    options: { ...good.options, rounds: 1, isSmoke: true, seconds: 2 },
  };
  expect(caveatsOf(good, good)).toEqual([]);
  expect(caveatsOf(good, poor).join('\n')).toMatch(
    /smoke run.*\n.*rounds.*\nruns of 1 s and of 2 s\nanother machine: cores 2, then 4/,
  );
});

function judge(
  before: Record<string, Rounds>,
  after: Record<string, Rounds>,
  metric: Omit<Metric, 'value'> = { name: 'rate', unit: '/s', better: 'higher' },
) {
  const [change] = compareReports(reportOf(before, metric), reportOf(after, metric));
  if (change === undefined) throw new Error('nothing was compared');
  return change;
}

function reportOf(
  figures: Record<string, Rounds>,
  metric: Omit<Metric, 'value'> = { name: 'rate', unit: '/s', better: 'higher' },
): Report {
  const results = Object.entries(figures).map(([peer, rounds]) =>
    summarize(
      peer as 'uetcd',
      rounds.map((value) => ({ metrics: [{ ...metric, value }], latencies: {}, warnings: [] })),
    ),
  );
  return {
    format: 1,
    startedAt: '',
    machine: { processor: '', cores: 2, memoryBytes: 0, kernel: '', node: '' },
    options: { rounds: 3, seconds: 1, isSmoke: false, awake: 'auto', seed: 1 },
    peers: [],
    skipped: [],
    scenarios: [{ name: 'set-64', family: '', title: '', isAwake: false, results }],
  };
}
