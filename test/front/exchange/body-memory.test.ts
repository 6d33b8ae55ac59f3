import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyBudget, BodyShare } from '../../../src/front/exchange/body-budget.ts';
import { BLOCK_SIZE_BYTES, BodyMemory } from '../../../src/front/exchange/body-memory.ts';
import { Counter, FrontEndMetrics } from '../../../src/metrics/front-end-metrics.ts';

const MB = 1024 * 1024;

function newBudget(sizeBytes: number): { budget: BodyBudget; usedBytes: () => number } {
  const metrics = new FrontEndMetrics(FrontEndMetrics.createMemory());
  return { budget: new BodyBudget(sizeBytes, metrics), usedBytes: () => metrics.get(Counter.bodyBytes) };
}

describe('the memory of forms', () => {
  test('lends each block once, as low as it can, and none beyond its size', () => {
    const memory = new BodyMemory(3 * BLOCK_SIZE_BYTES - 1);
    expect([memory.take(), memory.take(), memory.take(), memory.take()]).toEqual([0, 1, 2, -1]);
    memory.giveBack([1]);
    memory.giveBack([0]);
    expect([memory.take(), memory.take(), memory.take()]).toEqual([0, 1, -1]);
  });

  test('shrinks by and by to what is in use, and grows again', async () => {
    const memory = new BodyMemory(64 * MB);
    const blocks = Array.from({ length: (16 * MB) / BLOCK_SIZE_BYTES }, () => memory.take());
    expect(memory.sizeBytes).toBe(16 * MB);
    memory.giveBack(blocks.filter((block) => block !== 7));
    await expect.poll(() => memory.sizeBytes, { timeout: 30_000 }).toBe(8 * BLOCK_SIZE_BYTES);
    memory.giveBack([7]);
    await expect.poll(() => memory.sizeBytes, { timeout: 30_000 }).toBe(0);
    expect(memory.take()).toBe(0);
  });
});

describe('a form that comes in pieces', () => {
  test('is whole again, whatever its pieces, and others at the same time', () => {
    const forms = fc.array(fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 6 }), { maxLength: 5 });
    fc.assert(
      fc.property(forms, (sizes) => {
        const { budget, usedBytes } = newBudget(MB);
        const shares = sizes.map(() => new BodyShare(budget));
        const expected = sizes.map(() => '');
        for (let piece = 0; piece < 6; piece++) {
          for (const [form, pieces] of sizes.entries()) {
            const text = String((form + piece) % 10).repeat(pieces[piece] ?? 0);
            expect(shares[form]?.tryAdd(Buffer.from(text))).toBe(true);
            expected[form] += text;
          }
        }
        expect(shares.map((share) => Buffer.from(share.join()).toString())).toEqual(expected);
        for (const share of shares) share.giveBack();
        expect(usedBytes()).toBe(0);
      }),
    );
  });

  test('is copied in whatever parts', () => {
    const { budget } = newBudget(MB);
    const share = new BodyShare(budget);
    const form = Buffer.from(Array.from({ length: 3 * BLOCK_SIZE_BYTES + 5 }, (_, at) => at % 251));
    share.tryAdd(form);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: form.length }), { maxLength: 5 }), (cuts) => {
        const copy = Buffer.alloc(form.length);
        const places = [0, ...cuts.toSorted((a, b) => a - b), form.length];
        for (const [position, end] of places.entries()) share.copyTo(copy, places[position - 1] ?? 0, end);
        expect(copy.equals(form)).toBe(true);
      }),
    );
  });

  test('takes of the budget what it takes of the memory: pieces of one byte a block for all of them', () => {
    const { budget, usedBytes } = newBudget(MB);
    const share = new BodyShare(budget);
    for (let piece = 0; piece < BLOCK_SIZE_BYTES; piece++) share.tryAdd(Buffer.from('x'));
    expect(usedBytes()).toBe(BLOCK_SIZE_BYTES);
    expect(budget.memory.sizeBytes).toBe(MB);
  });

  test('counts until it is given back, and finds no room beside those that take all', () => {
    const { budget, usedBytes } = newBudget(2 * BLOCK_SIZE_BYTES);
    const [large, small] = [new BodyShare(budget), new BodyShare(budget)];
    expect(large.tryAdd(Buffer.alloc(BLOCK_SIZE_BYTES + 1))).toBe(true);
    large.join();
    expect(usedBytes()).toBe(2 * BLOCK_SIZE_BYTES);
    expect(small.tryAdd(Buffer.from('x'))).toBe(false);
    small.giveBack();
    large.giveBack();
    large.giveBack();
    expect(usedBytes()).toBe(0);
    expect(small.tryAdd(Buffer.from('x'))).toBe(true);
  });
});
