/** What a reader of a report is told beside its figures. */
import { expect, test } from 'vitest';
import { renderHtml } from '../../native-bench/report/html.ts';
import { renderPicture } from '../../native-bench/report/plots.ts';
import type { Report } from '../../native-bench/report/report.ts';
import { renderTable } from '../../native-bench/report/table.ts';

const figure = { unit: 'KB', better: 'lower', min: 1, max: 1, rounds: [1] } as const;
const report: Report = {
  format: 1,
  startedAt: '',
  machine: { processor: '', cores: 2, memoryBytes: 0, kernel: '', node: '', diskFileSystem: 'ext4' },
  options: { rounds: 1, seconds: 1, isSmoke: false, awake: 'auto', seed: 1 },
  peers: [],
  skipped: [],
  scenarios: [
    {
      name: 'set-1',
      family: 'requests',
      title: 'set, 1 connection',
      isAwake: true,
      results: [
        {
          peer: 'uetcd',
          warnings: [],
          latencies: {
            answer: [
              [0, 10],
              [99.99, 100],
            ],
          },
          metrics: [{ ...figure, name: 'left', median: 1 }],
        },
        { peer: 'redis', warnings: [], latencies: {}, metrics: [{ ...figure, name: 'left', median: -2 }] },
      ],
    },
  ],
};
const renderings = [
  ['table', renderTable],
  ['page', renderHtml],
] as const;

test.each([...renderings, ['picture', renderPicture] as const])(
  'the %s of a smoke run says what it is',
  (_, render) => {
    const remark = 'a smoke run: it shows that everything works, its figures mean nothing';
    expect(render({ ...report, options: { ...report.options, isSmoke: true } })).toContain(remark);
    expect(render(report)).not.toContain(remark);
  },
);

test.each(renderings)('the %s says of each scenario whether its cores were kept awake', (_, render) => {
  expect(render(report)).toContain('set-1: set, 1 connection, cores kept awake');
  const scenarios = report.scenarios.map((scenario) => ({ ...scenario, isAwake: false }));
  expect(render({ ...report, scenarios })).not.toContain('kept awake');
});

test.each(renderings)('the %s says what was durable was not, where it was in memory', (_, render) => {
  expect(render(report)).toContain('what is durable on ext4');
  const machine = { ...report.machine, diskFileSystem: 'tmpfs' };
  expect(render({ ...report, machine })).toContain('NOTHING WAS ON A DISK');
});

test.each(renderings)('the %s divides by nothing that is less than nothing', (_, render) => {
  expect(render(report)).not.toContain('×');
});

test('the last label of an axis is not cut off at the edge of its plot', () => {
  expect(renderHtml(report)).toMatch(/text-anchor="end">p99\.99</);
  expect(renderHtml(report)).toMatch(/text-anchor="middle">p99</);
});
