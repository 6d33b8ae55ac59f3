import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatGoDuration, formatTime, timeSizeBytes, ttlSeconds, writeTime } from '../../src/protocol/time.ts';

describe('points in time', () => {
  test.each([
    [0, '1970-01-01T00:00:00Z'],
    [1_700_000_000_000, '2023-11-14T22:13:20Z'],
    [1_700_000_000_100, '2023-11-14T22:13:20.1Z'],
    [1_700_000_000_120, '2023-11-14T22:13:20.12Z'],
    [1_700_000_000_003, '2023-11-14T22:13:20.003Z'],
    [-1, '1969-12-31T23:59:59.999Z'],
    [-9_223_372_036_854, '1677-09-21T00:12:43.146Z'],
    [9_223_372_036_854, '2262-04-11T23:47:16.854Z'],
    [Number.MAX_SAFE_INTEGER, '9999-12-31T23:59:59.999Z'],
    [Number.MIN_SAFE_INTEGER, '0000-01-01T00:00:00Z'],
  ])('%i ms are %s', (ms, text) => {
    expect(formatTime(ms)).toBe(text);
  });

  test('any of them, in any order, reads back as the same time', () => {
    const ms = fc.integer({ min: Date.UTC(1677, 9), max: Date.UTC(2262, 3) });
    fc.assert(
      fc.property(ms, (time) => {
        expect(Date.parse(formatTime(time))).toBe(time);
        expect(formatTime(time)).not.toMatch(/\.\d*0Z|\.Z/);
      }),
    );
  });

  test('as bytes, any of them is what it is as a string, and touches nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.maxSafeInteger(),
          fc.integer({ min: 0, max: 99 }).map((tens) => tens * 10),
        ),
        (time) => {
          const text = formatTime(time);
          const bytes = Buffer.alloc(40, '#');
          expect(writeTime(bytes, 3, time)).toBe(3 + timeSizeBytes(time));
          expect(bytes.toString('latin1')).toBe(`###${text}`.padEnd(40, '#'));
        },
      ),
    );
  });

  test('a fraction of a millisecond is cut off', () => {
    expect(formatTime(1_700_000_000_120.75)).toBe('2023-11-14T22:13:20.12Z');
  });
});

describe('remaining seconds', () => {
  test.each([
    [10_000, 0, 10],
    [10_000, 1, 10],
    [10_000, 9_999, 1],
    [10_000, 10_000, 0],
    [10_000, 10_500, 0],
    [10_000, 11_000, -1],
    [10_000, 11_500, -1],
  ])('at expiration %i, at %i, are %i', (expirationMs, nowMs, seconds) => {
    expect(ttlSeconds(expirationMs, nowMs)).toBe(seconds);
  });
});

describe('durations', () => {
  test.each([
    [0, '0s'],
    [0.000001, '1ns'],
    [0.25, '250µs'],
    [0.0015, '1.5µs'],
    [1.5, '1.5ms'],
    [999, '999ms'],
    [1000, '1s'],
    [10_000, '10s'],
    [86_060, '1m26.06s'],
    [3_600_000, '1h0m0s'],
    [7_325_250, '2h2m5.25s'],
    [400 * 86_400_000 + 1, '9600h0m0.001s'],
    [-1500, '-1.5s'],
  ])('%d ms are %s', (ms, text) => {
    expect(formatGoDuration(ms)).toBe(text);
  });
});
