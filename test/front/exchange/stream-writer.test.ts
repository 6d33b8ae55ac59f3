import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { StreamWriter } from '../../../src/front/exchange/stream-writer.ts';
import { TimedWatchers } from './timed-watchers.ts';

const BACKLOG_BYTES_MAX = 100_000;

class Rig extends TimedWatchers {
  readonly onSlow = vi.fn();
  readonly writer = new StreamWriter(this.slots, BACKLOG_BYTES_MAX, this.onSlow, this.queue);
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig(0.01);
});

describe('a batch', () => {
  test('gives each stream its events in order, each followed by the first byte of the next', () => {
    const [one, two] = [rig.open(), rig.open()];
    for (const text of ['a}', 'b}', 'c}']) {
      rig.writer.add(one.slot, Buffer.from(text));
      if (text !== 'b}') rig.writer.add(two.slot, Buffer.from(text));
    }
    expect(one.response.written).toEqual([]);
    rig.writer.flush();
    expect(one.response.written).toEqual(['a}', '{', 'b}', '{', 'c}', '{']);
    expect(two.response.written).toEqual(['a}', '{', 'c}', '{']);
    rig.writer.flush();
    expect(one.response.written).toHaveLength(6);
  });

  test('leaves a stream in as few corks as their bound allows', () => {
    const { slot, response } = rig.open();
    const cork = vi.spyOn(response, 'cork');
    for (let event = 0; event < 100; event++) rig.writer.add(slot, Buffer.alloc(200, 'x'));
    rig.writer.flush();
    expect(response.body).toBe(`${'x'.repeat(200)}{`.repeat(100));
    expect(cork.mock.calls.length).toBe(3);
  });

  test('writes an event larger than a cork in parts, in its place', () => {
    const { slot, response } = rig.open();
    const cork = vi.spyOn(response, 'cork');
    const texts = ['small', 'L'.repeat(20_000), 'last'];
    for (const text of texts) rig.writer.add(slot, Buffer.from(text));
    rig.writer.flush();
    expect(response.body).toBe(texts.map((text) => `${text}{`).join(''));
    expect(cork.mock.calls.length).toBe(2 + Math.ceil(20_000 / (15 * 1024)));
    expect(Math.max(...response.written.map(({ length }) => length))).toBe(15 * 1024);
  });

  test('says nothing to a stream that has gone meanwhile', () => {
    const { slot, response } = rig.open();
    rig.writer.add(slot, Buffer.from('a}'));
    rig.slots.startCancelling(slot);
    rig.writer.flush();
    rig.slots.release(slot);
    const next = rig.open();
    expect(next.slot).toBe(slot);
    rig.writer.flush();
    expect([...response.written, ...next.response.written]).toEqual([]);
  });
});

describe('more streams than a turn has time for', () => {
  const event = (text: string) => Buffer.from(text);

  test('have their turns one after the other, and the bytes of the batch may be used again meanwhile', () => {
    const streams = Array.from({ length: 600 }, () => rig.open());
    const texts = ['first}', 'second}', 'third}'];
    let turns = 0;
    for (const text of texts) {
      const piece = event(text);
      for (const { slot } of streams) rig.writer.add(slot, piece);
      rig.writer.flush();
      piece.fill('?');
      turns++;
      if (turns === 1) expect(streams.at(-1)?.response.written).toEqual([]);
    }
    for (; rig.writer.hasWaiting; turns++) rig.writer.flush();
    for (const { response } of streams) expect(response.body).toBe('first}{second}{third}{');
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(rig.onSlow).not.toHaveBeenCalled();
  });

  test.each([
    { sendMs: 0.01, toldMin: 25, toldMax: 30 },
    { sendMs: 0.1, toldMin: 3, toldMax: 5 },
    { sendMs: 0, toldMin: 200, toldMax: 200 },
  ])('are as many as there is time for when a send takes $sendMs ms', ({ sendMs, toldMin, toldMax }) => {
    const streams = Array.from({ length: 200 }, () => rig.open());
    for (const { slot } of streams) rig.writer.add(slot, event('told}'));
    rig.sendMs = sendMs;
    rig.writer.flush();
    const told = streams.filter(({ response }) => response.written.length > 0).length;
    expect(told).toBeGreaterThanOrEqual(toldMin);
    expect(told).toBeLessThanOrEqual(toldMax);
  });

  test('can be told all at once', () => {
    const streams = Array.from({ length: 600 }, () => rig.open());
    for (const { slot } of streams) rig.writer.add(slot, event('last}'));
    rig.writer.flush('all');
    expect(rig.writer.hasWaiting).toBe(false);
    for (const { response } of streams) expect(response.body).toBe('last}{');
  });

  test('and one that goes before its turn leaves nothing for the next in its slot', () => {
    const streams = Array.from({ length: 600 }, () => rig.open());
    for (const { slot } of streams) rig.writer.add(slot, event('old}'));
    rig.writer.flush();
    const { slot } = streams.at(-1) as { slot: number };
    rig.writer.forget(slot);
    rig.slots.startCancelling(slot);
    rig.slots.release(slot);
    const next = rig.open();
    expect(next.slot).toBe(slot);
    rig.writer.add(slot, event('new}'));
    while (rig.writer.hasWaiting) rig.writer.flush();
    expect(next.response.body).toBe('new}{');
  });

  test('one of them whose turn does not come before it is too far behind is named, and holds nothing', () => {
    const streams = Array.from({ length: 600 }, () => rig.open());
    const { slot, response } = streams.at(-1) as ReturnType<Rig['open']>;
    for (const other of streams) rig.writer.add(other.slot, event('x}'));
    for (let count = 0; count < 11; count++) rig.writer.add(slot, Buffer.alloc(10_000, 'x'));
    rig.writer.flush();
    expect(rig.onSlow).toHaveBeenCalledExactlyOnceWith(slot);
    while (rig.writer.hasWaiting) rig.writer.flush();
    expect(response.written).toEqual([]);
  });
});

describe('a slow stream', () => {
  test('gets every byte once and in order, wherever its socket is full, though the bytes of the batch are reused', () => {
    const batches = fc.array(fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 5 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        batches,
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.boolean(),
        (sizes, results, isDrainedBetween) => {
          rig = new Rig(0.01);
          const { slot, response } = rig.open();
          response.writeResults.push(...results);
          let expected = '';
          let event = 0;
          for (const batch of sizes) {
            const pieces = batch.map((size) => Buffer.alloc(size, String(event++ % 10)));
            for (const piece of pieces) rig.writer.add(slot, piece);
            expected += pieces.map((piece) => `${piece.toString('latin1')}{`).join('');
            rig.writer.flush();
            for (const piece of pieces) piece.fill('?');
            if (isDrainedBetween) response.onWritableHandler?.();
          }
          fc.pre(rig.onSlow.mock.calls.length === 0);
          for (let turn = 0; turn < 40; turn++) response.onWritableHandler?.();
          expect(response.body === expected).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is named once it is further behind than allowed, and no other is', () => {
    const [slow, quick] = [rig.open(), rig.open()];
    slow.response.writeResults.push(false);
    for (let event = 0; event < 30 && rig.onSlow.mock.calls.length === 0; event++) {
      for (const { slot } of [slow, quick]) rig.writer.add(slot, Buffer.alloc(8_000, 'x'));
      rig.writer.flush();
    }
    expect(rig.onSlow).toHaveBeenCalledExactlyOnceWith(slow.slot);
    expect(quick.response.written.length).toBeGreaterThan(20);
  });
});
