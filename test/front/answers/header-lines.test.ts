import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeaderLines, latin1Bytes } from '../../../src/front/answers/header-lines.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
/** Every number of digits is as likely as any other. */
const index = fc.nat({ max: 15 }).chain((digits) => fc.maxSafeNat().map((number) => number % 10 ** (digits + 1)));

test('the lines are those that putting strings together makes, whatever came before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(index, index), { minLength: 1, maxLength: 60 }), (pairs) => {
      const lines = new HeaderLines('a: ', '\r\nb: ', '\r\nc: 7');
      for (const [etcdIndex, raftIndex] of pairs) {
        expect(text(lines.of(etcdIndex, raftIndex))).toBe(`a: ${etcdIndex}\r\nb: ${raftIndex}\r\nc: 7`);
      }
    }),
  );
});

test('the least, the greatest, and those where a digit more begins', () => {
  const lines = new HeaderLines('', '/', '');
  const edges = [0, 1, 9, 10, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 9_999_999_999, 10 ** 15, Number.MAX_SAFE_INTEGER];
  for (const a of edges) for (const b of edges) expect(text(lines.of(a, b))).toBe(`${a}/${b}`);
});

test('bytes have a buffer of their own', () => {
  const bytes = latin1Bytes('200 OK\xff');
  expect(bytes.buffer.byteLength).toBe(7);
  expect([...bytes.slice(-2)]).toEqual([0x4b, 0xff]);
});
