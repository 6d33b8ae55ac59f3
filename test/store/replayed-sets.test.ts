import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Op } from '../../src/protocol/command.ts';
import { renderEvent } from '../../src/store/render.ts';
import { ReplayedSets } from '../../src/store/replayed-sets.ts';
import { writeStore } from '../../src/store/snapshot-codec.ts';
import { Store, type Write } from '../../src/store/store.ts';
import { perform, play, randomSteps, type Step, timeOf, writeOf } from './random-steps.ts';
import { aWrite, contentOf, listingOf, reborn, set, storeWith } from './store-fixture.ts';

/** What a set leaves in the journal, with something before it. */
function replaySet(sets: ReplayedSets, { path, value, flags, timeMs }: Write): boolean {
  const bytes = Buffer.from(`before${path}${value}behind`, 'latin1');
  return sets.perform(bytes, 'before'.length, path.length, value.length, flags, timeMs);
}

function replay(store: Store, steps: readonly Step[], first = 0): void {
  const sets = new ReplayedSets(store);
  steps.forEach((step, offset) => {
    const position = first + offset;
    if (step.kind === 'write' && step.op === Op.set && replaySet(sets, writeOf(step, position))) return;
    perform(store, step, position);
  });
  sets.finish();
}

function past({ history }: Store): string[] {
  const events = [`${history.firstIndex} to ${history.lastIndex}`];
  if (history.lastIndex === 0) return events;
  for (let index = history.firstIndex; index <= history.lastIndex; index++) events.push(renderEvent(history.at(index)));
  return events;
}

function snapshotOf(store: Store): string {
  const chunks: string[] = [];
  writeStore(store, (bytes, offset, lengthBytes) => {
    chunks.push(bytes.toString('latin1', offset, offset + lengthBytes));
  });
  return chunks.join();
}

const chunksCount = (store: Store) => store.tree.sleepers.hold().filter((chunk) => chunk !== undefined).length;

/** Random steps, with some sets in a row between them. */
const steps = fc
  .tuple(randomSteps(), fc.array(fc.array(fc.nat(40), { maxLength: 8 }), { minLength: 60 }))
  .map(([others, keys]) => others.flatMap((step, position) => [step, ...(keys[position] ?? []).map(plainSet)]));

function plainSet(key: number): Step {
  return { kind: 'write', op: Op.set, path: `/a/k${key % 7}`, lifeMs: undefined, fields: { value: `${key}` } };
}

describe('sets that are replayed', () => {
  test.each([1000, 3])('leave what sets leave, with a history of %s events', (capacity) => {
    fc.assert(
      fc.property(steps, steps, randomSteps(20), (before, replayed, after) => {
        const first = new Store(capacity, true);
        play(first, before);
        const second = reborn(first);
        play(first, replayed, before.length);
        replay(second, replayed, before.length);
        expect(second.stateHash).toBe(first.stateHash);
        expect(past(second)).toEqual(past(first));
        expect(snapshotOf(second)).toBe(snapshotOf(first));
        expect(listingOf(second, '', true, false)).toBe(listingOf(first, '', true, false));
        expect(listingOf(second, '', true, true)).toBe(listingOf(first, '', true, true));
        play(first, after, before.length + replayed.length);
        play(second, after, before.length + replayed.length);
        expect(second.stateHash).toBe(first.stateHash);
        expect(past(second)).toEqual(past(first));
        expect(contentOf(second)).toEqual(contentOf(first));
      }),
    );
  });

  test('are left to others where they are refused, and then change nothing', () => {
    const store = storeWith({ '/key': 'v', '/directory/key': 'v' });
    const { stateHash } = store;
    const sets = new ReplayedSets(store);
    for (const path of ['', '/directory', '/key/below', '/key/below/new']) {
      expect(replaySet(sets, aWrite(Op.set, path, { value: 'w' }))).toBe(false);
    }
    sets.finish();
    expect(store.stateHash).toBe(stateHash);
  });

  test.each([
    ['of the same keys again and again', (position: number) => `/${position % 10}`],
    [
      'of a key in between that is set once',
      (position: number) => (position % 1000 === 0 ? `/once${position}` : '/many'),
    ],
  ])('%s do not keep the bytes of all that is gone', (_, pathOf) => {
    const store = new Store(10, true);
    const sets = new ReplayedSets(store);
    const value = 'v'.repeat(1000);
    for (let position = 0; position < 20_000; position++) {
      expect(replaySet(sets, aWrite(Op.set, pathOf(position), { value, timeMs: timeOf(position) }))).toBe(true);
    }
    sets.finish();
    expect(chunksCount(store)).toBeLessThan(4);
    expect(contentOf(store)).toHaveLength(store.tree.size);
  });

  test('of a key that goes on as any other', () => {
    const store = new Store(10, true);
    const sets = new ReplayedSets(store);
    for (const path of ['/a', '/b', '/c']) replaySet(sets, aWrite(Op.set, path, { value: 'v' }));
    sets.finish();
    expect(store.tree.sleepers.count).toBe(3);
    expect(set(store, '/b', 'w').prevNode?.value).toBe('v');
    expect(store.tree.sleepers.count).toBe(2);
    contentOf(store);
    expect(chunksCount(store)).toBe(0);
  });
});
