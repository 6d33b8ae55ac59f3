import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Parts } from '../../src/store/parts.ts';

const text = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const number = fc.oneof(
  fc.maxSafeNat(),
  fc
    .integer({ min: 0, max: 15 })
    .chain((exponent) => fc.integer({ min: -1, max: 1 }).map((off) => 10 ** exponent + off)),
);

test('what is written comes out in order, texts as their bytes and numbers in decimal digits', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(text, number), { maxLength: 2000, size: 'max' }), (pieces) => {
      const parts = new Parts();
      for (const piece of pieces) {
        if (typeof piece === 'string') parts.text(piece);
        else parts.digits(piece);
      }
      expect(Buffer.concat(parts.take()).toString('latin1')).toBe(pieces.join(''));
    }),
    { numRuns: 50 },
  );
});
