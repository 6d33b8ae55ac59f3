/** Listings that take more than one turn of the store duty. */
import { describe, expect, test } from 'vitest';
import { Flag, Op } from '../../src/protocol/command.ts';
import { DutyBench } from './duty-bench.ts';

describe('a large listing', () => {
  const KEYS = 12_000;
  const filledBench = (listingBytesMax?: number) => {
    const bench = new DutyBench(1, {}, listingBytesMax);
    for (let number = 0; number < KEYS; number++) {
      bench.first.set(1, `/d/${number}`, 'old');
      if (number % 1000 === 999) {
        bench.run();
        bench.first.received();
      }
    }
    return bench;
  };

  test('goes on in slices while sets are answered, and shows nothing of them', () => {
    const bench = filledBench();
    const indexBefore = bench.duty.store.index;
    bench.first.send(Op.get, 7, '/d', { flags: Flag.sorted });
    const replies: ReturnType<typeof bench.first.received> = [];
    let sets = 0;
    while (!replies.some(({ slot }) => slot === 7)) {
      bench.first.set(8, `/d/${sets}`, 'new');
      bench.duty.turn();
      replies.push(...bench.first.received());
      sets++;
    }
    const listing = replies.find(({ slot }) => slot === 7);
    expect(sets).toBeGreaterThan(KEYS / 500);
    expect(replies.filter(({ slot }) => slot === 8)).toHaveLength(sets);
    expect(listing).toMatchObject({ kind: 'answer', status: 200, etcdIndex: indexBefore, gate: KEYS, raftIndex: KEYS });
    const values = [...(listing?.body.matchAll(/"value":"(\w+)"/g) ?? [])].map((match) => match[1]);
    expect(values).toHaveLength(KEYS);
    expect(values.every((value) => value === 'old')).toBe(true);
  });

  test('does not hold up another one', () => {
    const bench = filledBench();
    for (const slot of [1, 2, 3]) bench.first.send(Op.get, slot, '/d');
    bench.first.send(Op.get, 4, '/d/7');
    bench.duty.turn();
    expect(bench.first.received().map(({ slot }) => slot)).toEqual([4]);
    expect(bench.duty.hasWork()).toBe(true);
    bench.run();
    const listings = bench.first.received();
    expect(listings.map(({ slot }) => slot)).toEqual([1, 2, 3]);
    expect(new Set(listings.map(({ body }) => body)).size).toBe(1);
  });

  test('is given up for the sake of others where they do not all find room, and the others are whole', () => {
    const bench = filledBench(4 * 1024 * 1024);
    const slots = Array.from({ length: 20 }, (_, slot) => slot);
    for (const slot of slots) bench.first.send(Op.get, slot, '/d');
    bench.run();
    const replies = bench.first.received();
    expect(replies.map(({ slot }) => slot).sort((a, b) => a - b)).toEqual(slots);
    const whole = replies.filter(({ kind }) => kind === 'answer');
    expect(whole.length).toBeGreaterThanOrEqual(1);
    expect(whole.length).toBeLessThanOrEqual(4);
    for (const { body } of whole) expect(JSON.parse(body).node.nodes).toHaveLength(KEYS);
    expect(replies.filter(({ kind }) => kind === 'listingRefused')).toHaveLength(20 - whole.length);
    // Those that were handed over are on their way still, until their front end says that they have left.
    bench.first.send(Op.get, 30, '/d');
    bench.run();
    expect(bench.first.received().map(({ kind }) => kind)).toEqual(['listingRefused']);
    bench.words.noteListingLeft(0, bench.first.replies.listedKb);
    bench.first.send(Op.get, 31, '/d');
    bench.run();
    expect(bench.first.received().map(({ kind }) => kind)).toEqual(['answer']);
  });

  test('may be larger than all room there is while it is the only one', () => {
    const bench = filledBench(1000);
    bench.first.send(Op.get, 1, '/d');
    bench.run();
    expect(bench.first.received().map(({ kind }) => kind)).toEqual(['answer']);
    bench.first.send(Op.get, 2, '/d');
    bench.run();
    expect(bench.first.received().map(({ kind }) => kind)).toEqual(['listingRefused']);
  });

  test('that a failed disk has undone is refused as a write is, and leaves its room to the next', () => {
    const bench = filledBench(1000);
    bench.journal();
    bench.first.send(Op.get, 1, '/d');
    bench.duty.turn();
    bench.words.failJournal('broken');
    bench.run();
    const [refused, ...others] = bench.first.received();
    expect(refused).toMatchObject({ kind: 'answer', slot: 1, status: 500 });
    expect(refused?.body).toContain('broken');
    expect(others.map(({ kind }) => kind)).toEqual(['rolledBack']);
    bench.first.send(Op.get, 2, '/d');
    bench.run();
    expect(bench.first.received()).toMatchObject([{ kind: 'answer', slot: 2, status: 200 }]);
  });
});
