import { expect, test } from 'vitest';
import { Exposition } from '../../src/metrics/exposition.ts';
import { HISTOGRAM_WORDS, Histograms } from '../../src/metrics/histogram.ts';

test('a metric is its help, its type and its samples', () => {
  const page = new Exposition();
  page.counter('sent_total', 'What was sent.').sample(3, { kind: 'a' }).sample(0.5, { kind: 'b', size: 'x' });
  page.gauge('waiting', 'Who waits.').sample(0);
  expect(String(page)).toBe(
    '# HELP sent_total What was sent.\n# TYPE sent_total counter\n' +
      'sent_total{kind="a"} 3\nsent_total{kind="b",size="x"} 0.5\n' +
      '# HELP waiting Who waits.\n# TYPE waiting gauge\nwaiting 0\n',
  );
});

test('quotes, backslashes and newlines are escaped where the format wants it', () => {
  const page = new Exposition().gauge('odd', 'a "quote",\na \\').sample(1, { label: 'a "quote",\na \\' });
  expect(String(page)).toBe(
    '# HELP odd a "quote",\\na \\\\\n# TYPE odd gauge\nodd{label="a \\"quote\\",\\na \\\\"} 1\n',
  );
});

test('a distribution is cumulative, and ends with all of it', () => {
  const histograms = new Histograms(new Float64Array(HISTOGRAM_WORDS), 0);
  for (const value of [1, 3, 3, 100]) histograms.record(0, value);
  const reading = histograms.read(0);
  const page = new Exposition().histogram('took', 'Time.').distribution(reading, [2, 4], 2, 53.5, { of: 'a' });
  expect(String(page).split('\n').slice(2)).toEqual([
    'took_bucket{of="a",le="1"} 1',
    'took_bucket{of="a",le="2"} 3',
    'took_bucket{of="a",le="+Inf"} 4',
    'took_sum{of="a"} 53.5',
    'took_count{of="a"} 4',
    '',
  ]);
});
