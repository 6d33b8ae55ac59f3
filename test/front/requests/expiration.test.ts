import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expirationMsOf } from '../../../src/front/requests/expiration.ts';

const NOON_MS = Date.UTC(2030, 0, 1, 12);
const SECOND_NS = 1_000_000_000n;

test('without a ttl there is none', () => {
  expect(expirationMsOf(undefined, NOON_MS)).toBe(0);
});

test.each([
  [0n, 0],
  [1n, 0],
  [999_999n, 0],
  [1_000_000n, 1],
  [5n * SECOND_NS, 5000],
  [-1n * SECOND_NS, -1000],
  [-1n, -1],
  [-1_000_001n, -2],
])('%d ns last until %i ms from now', (ttlNs, ms) => {
  expect(expirationMsOf(ttlNs, NOON_MS)).toBe(NOON_MS + ms);
});

test.each([
  // 9,000,000,000 s from 2030 lie beyond 2262, where 64 bits of nanoseconds end: etcd shows the year 1730.
  [9_000_000_000n * SECOND_NS, -7_553_244_873_710],
  [2n ** 63n - 1n, -7_329_872_836_855],
  [-(2n ** 63n), -7_329_872_836_855],
])('%d ns wrap around as a signed 64-bit count of nanoseconds does, to %i', (ttlNs, expectedMs) => {
  expect(expirationMsOf(ttlNs, NOON_MS)).toBe(expectedMs);
});

test('the short way of plain numbers agrees with 64-bit arithmetic, and never keeps a node too long', () => {
  const ttl = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 0n, max: 2n * 10n ** 18n }),
  );
  fc.assert(
    fc.property(ttl, fc.integer({ min: 0, max: NOON_MS }), (ttlNs, nowMs) => {
      const wrappedNs = BigInt.asIntN(64, BigInt(nowMs) * 1_000_000n + ttlNs);
      const lateNs = BigInt(expirationMsOf(ttlNs, nowMs)) * 1_000_000n - wrappedNs;
      expect(lateNs <= 0n && lateNs > -1_000_000n).toBe(true);
    }),
  );
});
