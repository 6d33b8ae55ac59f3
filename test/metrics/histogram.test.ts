import { describe, expect, test } from 'vitest';
import {
  BUCKETS,
  bucketOf,
  HISTOGRAM_WORDS,
  HistogramReading,
  Histograms,
  leastOf,
} from '../../src/metrics/histogram.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const VALUE_MAX = 2 ** 31 - 1;

function someHistograms(count = 1): Histograms {
  return new Histograms(new Float64Array(new SharedArrayBuffer(8 * HISTOGRAM_WORDS * count)), 0);
}

/** Values of every size. */
function someValues(count: number): number[] {
  const random = new SeededRandom(7);
  return Array.from({ length: count }, () => Math.floor(2 ** (random.next() * 31)));
}

describe('buckets', () => {
  test('follow each other without a gap, from 0 to the greatest value', () => {
    expect(leastOf(0)).toBe(0);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      expect(bucketOf(leastOf(bucket))).toBe(bucket);
      expect(bucketOf(leastOf(bucket + 1) - 1)).toBe(bucket);
    }
    expect(leastOf(BUCKETS)).toBe(VALUE_MAX + 1);
  });

  test('are an eighth of their values wide at most', () => {
    for (const value of someValues(10_000)) {
      const bucket = bucketOf(value);
      expect(leastOf(bucket + 1) - leastOf(bucket)).toBeLessThanOrEqual(Math.max(1, value / 8));
    }
  });
});

describe('a histogram', () => {
  test('counts below each power of two exactly, and sums exactly', () => {
    const histograms = someHistograms();
    const values = someValues(5_000);
    for (const value of values) histograms.record(0, value);
    const reading = histograms.read(0);
    expect(reading.count).toBe(values.length);
    expect(reading.sum).toBe(values.reduce((sum, value) => sum + value, 0));
    for (let power = 0; power <= 31; power++) {
      expect(reading.countBelow(2 ** power)).toBe(values.filter((value) => value < 2 ** power).length);
    }
  });

  test('knows quantiles to an eighth', () => {
    const histograms = someHistograms();
    const values = someValues(5_001).sort((a, b) => a - b);
    for (const value of values) histograms.record(0, value);
    const reading = histograms.read(0);
    for (const share of [0.01, 0.5, 0.99, 0.999, 1]) {
      const exact = values[Math.ceil(share * values.length) - 1] as number;
      expect(Math.abs(reading.quantile(share) - exact)).toBeLessThanOrEqual(exact / 8);
    }
    expect(new HistogramReading().quantile(0.99)).toBe(0);
  });

  test('counts the whole part, sums the whole value, and takes what is too large as the greatest', () => {
    const histograms = someHistograms();
    for (const value of [0, 2.75, VALUE_MAX + 0.5, 1e300]) histograms.record(0, value);
    const reading = histograms.read(0);
    expect([reading.countBelow(1), reading.countBelow(2), reading.countBelow(3)]).toEqual([1, 1, 2]);
    expect(reading.countBelow(leastOf(BUCKETS - 1))).toBe(2);
    expect(reading.count).toBe(4);
    expect(reading.sum).toBe(1e300);
  });

  test('leaves its neighbours alone, and adds up with others', () => {
    const histograms = someHistograms(3);
    histograms.record(1, VALUE_MAX);
    histograms.record(1, 0);
    expect([histograms.read(0).count, histograms.read(2).count]).toEqual([0, 0]);
    histograms.record(2, 5);
    const both = histograms.read(1).add(histograms.read(2));
    expect([both.count, both.sum, both.countBelow(6)]).toEqual([3, VALUE_MAX + 5, 2]);
  });
});
