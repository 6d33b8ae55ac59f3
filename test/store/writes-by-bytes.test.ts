import { getHeapStatistics } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { collectGarbage } from '../../src/base/garbage.ts';
import { Op } from '../../src/protocol/command.ts';
import type { StoreEvent } from '../../src/store/event.ts';
import type { Failure } from '../../src/store/failure.ts';
import { Listing } from '../../src/store/listing.ts';
import type { Node } from '../../src/store/node.ts';
import { renderEvent } from '../../src/store/render.ts';
import { ReplayedPast } from '../../src/store/replayed-past.ts';
import { SleepingChunk } from '../../src/store/sleeping-chunk.ts';
import { writeStore } from '../../src/store/snapshot-codec.ts';
import { hashOfPathBytes } from '../../src/store/state-hash.ts';
import { Store, type Write } from '../../src/store/store.ts';
import { UndoLog } from '../../src/store/undo-log.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { perform, play, randomSteps, type Step, timeOf, writeOf } from './random-steps.ts';
import { aWrite, contentOf, finished, listingOf, NOON_MS, reborn, set, storeWith } from './store-fixture.ts';

/** A write as it stands in a frame, with something before it. */
function writeBytes(store: Store, fields: Write, past?: ReplayedPast): boolean {
  return bytesOutcome(store, fields, past) !== undefined;
}

function bytesOutcome(store: Store, fields: Write, past?: ReplayedPast): StoreEvent | Failure | true | undefined {
  const { op, path, value, prevValue } = fields;
  const bytes = Buffer.from(`before${path}${value}${prevValue}behind`, 'latin1');
  const pathAt = 'before'.length;
  const pathHash = hashOfPathBytes(bytes, pathAt, pathAt + path.length);
  const prevValueAt = pathAt + path.length + value.length;
  const sizes = { pathSizeBytes: path.length, valueSizeBytes: value.length, prevValueSizeBytes: prevValue.length };
  const write = { ...fields, bytes, pathAt, prevValueAt, ...sizes };
  const outcome = past ? store.replaySet(write, pathHash, past) || undefined : store.writeBytes(op, write, pathHash);
  // The frame is another's at once.
  bytes.fill('#');
  return outcome;
}

function playByBytes(store: Store, steps: readonly Step[], first = 0): void {
  steps.forEach((step, offset) => {
    const position = first + offset;
    if (store.undoLog !== undefined) store.undoLog.sequence = position + 1;
    if (step.kind === 'write' && writeBytes(store, writeOf(step, position))) return;
    perform(store, step, position);
  });
}

function pastOf({ history }: Store): string[] {
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

describe('writes by their bytes', () => {
  test.each([1000, 3])('leave what others leave, with a history of %s events', (capacity) => {
    fc.assert(
      fc.property(steps, steps, randomSteps(20), (before, during, after) => {
        const first = new Store(capacity, true);
        play(first, before);
        const second = reborn(first);
        play(first, during, before.length);
        playByBytes(second, during, before.length);
        expect(second.stateHash).toBe(first.stateHash);
        expect(pastOf(second)).toEqual(pastOf(first));
        expect(snapshotOf(second)).toBe(snapshotOf(first));
        expect(listingOf(second, '', true, false)).toBe(listingOf(first, '', true, false));
        expect(listingOf(second, '', true, true)).toBe(listingOf(first, '', true, true));
        play(first, after, before.length + during.length);
        play(second, after, before.length + during.length);
        expect(second.stateHash).toBe(first.stateHash);
        expect(pastOf(second)).toEqual(pastOf(first));
        expect(contentOf(second)).toEqual(contentOf(first));
      }),
    );
  });

  test.each([1000, 3])('that are replayed leave the same, too, with a history of %s events', (capacity) => {
    fc.assert(
      fc.property(steps, steps, (before, during) => {
        const first = new Store(capacity, true);
        play(first, before);
        const second = reborn(first);
        play(first, during, before.length);
        const past = new ReplayedPast(capacity);
        during.forEach((step, offset) => {
          const position = before.length + offset;
          if (step.kind === 'write' && step.op === Op.set && writeBytes(second, writeOf(step, position), past)) return;
          perform(second, step, position);
        });
        past.finish(second.history, second.index);
        expect(second.stateHash).toBe(first.stateHash);
        expect(pastOf(second)).toEqual(pastOf(first));
        expect(snapshotOf(second)).toBe(snapshotOf(first));
      }),
    );
  });

  test('are undone as others are', () => {
    fc.assert(
      fc.property(steps, steps, steps, (before, undone, after) => {
        const first = new Store(1000, true);
        const second = new Store(1000, true);
        play(first, before);
        playByBytes(second, before);
        second.undoLog = new UndoLog();
        playByBytes(second, undone, before.length);
        second.undoLog.rollBack(second);
        expect(listingOf(second, '', true, true)).toBe(listingOf(first, '', true, true));
        expect(second.tree.hash).toBe(first.tree.hash);
        expect(second.index).toBe(first.index);
        playByBytes(second, after, before.length + undone.length);
        play(first, after, before.length + undone.length);
        expect(contentOf(second)).toEqual(contentOf(first));
      }),
    );
  });

  test('are left to others where they are refused, and then change nothing', () => {
    const store = storeWith({ '/key': 'v', '/directory/key': 'v' });
    const { stateHash } = store;
    for (const path of ['', '/directory', '/key/below', '/key/below/new']) {
      expect(writeBytes(store, aWrite(Op.set, path, { value: 'w' }))).toBe(false);
    }
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
    const value = 'v'.repeat(1000);
    for (let position = 0; position < 20_000; position++) {
      expect(writeBytes(store, aWrite(Op.set, pathOf(position), { value, timeMs: timeOf(position) }))).toBe(true);
    }
    expect(chunksCount(store)).toBeLessThan(4);
    expect(contentOf(store)).toHaveLength(store.tree.size);
  });

  test.each([
    ['about twice what they are', false, 2.6],
    ['half as much again where memory is dear', true, 1.8],
  ])('set at random again and again, take no more than %s', (_, isTight, part) => {
    const store = new Store(10, false);
    store.tree.sleepers.isTight = isTight;
    const random = new SeededRandom(1);
    const value = 'v'.repeat(200);
    for (let position = 0; position < 120_000; position++) {
      writeBytes(store, aWrite(Op.set, `/d/${random.below(10_000)}`, { value }));
    }
    expect(store.tree.sleepers.count).toBe(10_000);
    expect(store.tree.sleepers.heldBytes).toBeLessThan(part * 10_000 * (33 + 7 + 200 + 24));
    expect(contentOf(store)).toHaveLength(10_001);
  });

  test('of a key that is deleted again and again do not keep the bytes of it', () => {
    const store = new Store(10, false);
    for (let round = 0; round < 40; round++) {
      // As much as a chunk holds, all of it dead before the chunk is full, and a few that stay.
      for (let position = 0; position < 230; position++) {
        writeBytes(store, aWrite(Op.set, '/d/often', { value: 'v'.repeat(1000) }));
      }
      store.write(aWrite(Op.delete, '/d/often', {}));
      for (let position = 0; position < 40; position++) {
        writeBytes(store, aWrite(Op.set, `/d/${round}.${position}`, { value: 'v'.repeat(1000) }));
      }
    }
    expect(store.tree.sleepers.heldBytes).toBeLessThan(4 * 40 * 40 * 1060);
    expect(contentOf(store)).toHaveLength(1 + 40 * 40);
  });

  test('are told as they were, though their own chunk is given up at once', () => {
    const store = new Store(10, true);
    const random = new SeededRandom(1);
    for (let position = 0; position < 40_000; position++) {
      // Nearly all that is written dies soon; what is left of other chunks is copied into the same one.
      const path = random.below(10) > 0 ? '/often' : `/seldom/${random.below(1_500)}`;
      const value = `${position}${'v'.repeat(1000)}`;
      expect(writeBytes(store, aWrite(Op.set, path, { value, timeMs: timeOf(position) }))).toBe(true);
      const { node } = store.history.at(store.index);
      expect(`${node?.path} ${node?.value}`).toBe(`${path} ${value}`);
    }
    expect(contentOf(store)).toHaveLength(store.tree.size);
  });

  test.each([1, 100])('small ones do not keep the bytes of %i large ones that were set among them', (large) => {
    const store = new Store(10, false);
    for (let key = 0; key < 5_000; key++) {
      writeBytes(store, aWrite(Op.set, `/small/${key}`, { value: 'v' }));
      writeBytes(store, aWrite(Op.set, `/large/${key % large}`, { value: 'v'.repeat(15_000) }));
    }
    const sleepingBytes = 5_000 * (33 + 20 + 12) + large * 15_060;
    expect(store.tree.sleepers.heldBytes).toBeLessThan(4 * sleepingBytes + 512 * 1024);
    expect(contentOf(store)).toHaveLength(store.tree.size);
  });

  test('in a directory that is removed are let go of with it', () => {
    const store = new Store(10, false);
    const outsideBytes = () => {
      collectGarbage();
      return getHeapStatistics().external_memory;
    };
    const beforeBytes = outsideBytes();
    for (let key = 0; key < 5_000; key++) writeBytes(store, aWrite(Op.set, `/d/${key}`, { value: 'v'.repeat(2_000) }));
    expect(outsideBytes() - beforeBytes).toBeGreaterThan(10_000_000);
    store.write(aWrite(Op.delete, '/d', { recursive: true }));
    expect(outsideBytes() - beforeBytes).toBeLessThan(2_000_000);
  });

  test('do not keep the bytes of what was deleted', () => {
    const store = new Store(10, false);
    for (let key = 0; key < 40_000; key++) writeBytes(store, aWrite(Op.set, `/d/${key}`, { value: 'v'.repeat(100) }));
    const { heldBytes } = store.tree.sleepers;
    for (let key = 0; key < 40_000; key++) if (key % 100 !== 0) store.write(aWrite(Op.delete, `/d/${key}`, {}));
    expect(store.tree.sleepers.count).toBe(400);
    expect(store.tree.sleepers.heldBytes).toBeLessThan(heldBytes / 6);
    expect(contentOf(store)).toHaveLength(401);
  });

  test('do not wait for all that is left of a chunk to be copied', () => {
    const store = new Store(10, false);
    const { sleepers } = store.tree;
    const copy = sleepers.copy.bind(sleepers);
    let copies = 0;
    let copiesMax = 0;
    sleepers.copy = (sleeper) => {
      copies++;
      return copy(sleeper);
    };
    for (let key = 0; key < 10_000; key++) writeBytes(store, aWrite(Op.set, `/d/${key}`, { value: 'v'.repeat(100) }));
    let all = 0;
    for (let key = 0; key < 10_000; key++) {
      copies = 0;
      // All over each chunk, so that much of it is left when it is given up.
      if (key % 5 > 0) writeBytes(store, aWrite(Op.delete, `/d/${(key * 7919) % 10_000}`, {}));
      copiesMax = Math.max(copiesMax, copies);
      all += copies;
    }
    expect(all).toBeGreaterThan(500);
    expect(copiesMax).toBeLessThan(4);
  });

  test('are shown by a listing as they were when it began, whatever becomes of their bytes', () => {
    const store = new Store(10, false);
    for (let key = 0; key < 3_000; key++) writeBytes(store, aWrite(Op.set, `/d/${key}`, { value: `first ${key}` }));
    const before = listingOf(store, '/d', true, true);
    const chunks = chunksCount(store);
    const listing = new Listing(store.tree.find('/d' as ByteString) as Node, store.tree, true, true, NOON_MS);
    for (let round = 0; round < 20; round++) {
      for (let key = 0; key < 3_000; key++)
        writeBytes(store, aWrite(Op.set, `/d/${key}`, { value: `${round} ${key}` }));
    }
    expect(chunksCount(store)).toBeLessThan(chunks + 3);
    expect(finished(listing)).toBe(before);
  });

  test('are left to others where there are no numbers for more chunks', () => {
    const store = new Store(10, false);
    const { sleepers } = store.tree;
    const nothing = new SleepingChunk(Buffer.alloc(0), new Int32Array(0));
    writeBytes(store, aWrite(Op.set, '/before', { value: 'v' }));
    while (sleepers.mayGrow) sleepers.add(nothing);
    const write = aWrite(Op.set, '/behind', { value: 'v' });
    expect(writeBytes(store, write)).toBe(false);
    store.write(write);
    expect(sleepers.count).toBe(1);
    expect(contentOf(store)).toHaveLength(2);
  });

  test('are read without being woken', () => {
    const store = new Store(10, false);
    for (const path of ['/a', '/b']) writeBytes(store, aWrite(Op.set, path, { value: path }));
    expect((store.get('/a' as ByteString) as Node).value).toBe('/a');
    expect(store.tree.sleepers.count).toBe(2);
  });

  test.each([
    ['an update', Op.update, {}],
    ['a swap of the value', Op.compareAndSwap, { prevValue: 'v' }],
    ['a swap of a long value', Op.compareAndSwap, { prevValue: 'v'.repeat(200) }],
    ['a swap by the index', Op.compareAndSwap, { prevIndex: 2 }],
  ])('of %s find a key asleep or awake, and leave it asleep with its createdIndex', (_, op, fields) => {
    for (const isAwake of [false, true]) {
      const store = new Store(10, true);
      const value = 'prevValue' in fields ? fields.prevValue : 'v';
      if (isAwake) set(store, '/key', value);
      else writeBytes(store, aWrite(Op.set, '/key', { value }));
      expect(writeBytes(store, aWrite(op, '/key', { ...fields, value: 'w' }))).toBe(true);
      expect(store.tree.sleepers.count).toBe(1);
      const { node, prevNode } = store.history.at(3);
      expect([node?.value, node?.createdIndex, node?.modifiedIndex]).toEqual(['w', 2, 3]);
      expect([prevNode?.value, prevNode?.modifiedIndex]).toEqual([value, 2]);
    }
  });

  test.each([
    ['prevValue', { prevValue: 'w' }],
    ['prevValue, of another length', { prevValue: 'vv' }],
    ['prevIndex', { prevIndex: 3 }],
    ['prevIndex, beyond all', { prevIndex: 0xffff_ffff_ffff_ffffn }],
    ['both', { prevIndex: 3, prevValue: 'w' }],
  ])('of a swap whose %s is wrong are refused, and wake nobody', (_, fields) => {
    const first = new Store(10, true);
    const second = new Store(10, true);
    for (const store of [first, second]) writeBytes(store, aWrite(Op.set, '/key', { value: 'v' }));
    const swap = aWrite(Op.compareAndSwap, '/key', { ...fields, value: 'w' });
    expect(bytesOutcome(first, swap)).toEqual(second.write(swap));
    expect(first.tree.sleepers.count).toBe(1);
    expect(first.stateHash).toBe(second.stateHash);
  });

  describe('that give a life', () => {
    const soon = NOON_MS + 10;
    const later = NOON_MS + 20;

    test('leave a key asleep until it is over', () => {
      const store = new Store(10, true);
      writeBytes(store, aWrite(Op.set, '/key', { value: 'v', expirationMs: soon }));
      expect([store.tree.sleepers.count, store.nextExpirationMs]).toEqual([1, soon]);
      expect((store.get('/key' as ByteString) as Node).expirationMs).toBe(soon);
      store.tick(soon - 1, 100);
      expect(store.tree.size).toBe(1);
      store.tick(soon, 100);
      expect(store.tree.size).toBe(0);
      expect(store.history.at(store.index).prevNode?.value).toBe('v');
      expect(store.nextExpirationMs).toBe(Number.POSITIVE_INFINITY);
    });

    test.each([
      ['a set', Op.set, { value: 'w' }, Number.POSITIVE_INFINITY],
      ['a set with another life', Op.set, { value: 'w', expirationMs: later }, later],
      ['an update', Op.update, { value: 'w' }, Number.POSITIVE_INFINITY],
      ['an update with another life', Op.update, { value: 'w', expirationMs: later }, later],
      ['a swap', Op.compareAndSwap, { value: 'w', prevValue: 'v' }, Number.POSITIVE_INFINITY],
      ['a refresh', Op.update, { refresh: true, expirationMs: later }, later],
      ['a set that refreshes', Op.set, { refresh: true, expirationMs: later }, later],
      ['an update to before the year 2000', Op.update, { value: 'w', expirationMs: -1 }, -1],
      ['a set to before the year 2000', Op.set, { value: 'w', expirationMs: -1 }, Number.POSITIVE_INFINITY],
    ])('have it ended or renewed by %s', (_, op, fields, nextMs) => {
      const store = new Store(10, true);
      writeBytes(store, aWrite(Op.set, '/key', { value: 'v', expirationMs: soon }));
      expect(writeBytes(store, aWrite(op, '/key', fields))).toBe(true);
      expect([store.tree.sleepers.count, store.nextExpirationMs]).toEqual([1, nextMs]);
      const { node } = store.history.at(store.index);
      expect(node?.value).toBe('value' in fields ? fields.value : 'v');
      expect(node?.createdIndex).toBe(op === Op.set ? 3 : 2);
    });

    test.each([
      ['a key that is not there', () => {}],
      ['a key that is awake', (store: Store) => void set(store, '/key', 'v', { expirationMs: soon })],
    ])('refresh %s in no other way than others', (_, prepare) => {
      const store = new Store(10, true);
      prepare(store);
      const { stateHash } = store;
      expect(writeBytes(store, aWrite(Op.update, '/key', { refresh: true, expirationMs: later }))).toBe(false);
      expect(store.stateHash).toBe(stateHash);
    });

    test('keep it when their bytes move, when they wake, and in a snapshot', () => {
      const store = new Store(10, true);
      const random = new SeededRandom(1);
      for (let position = 0; position < 20_000; position++) {
        const key = random.below(300);
        const expirationMs = key % 2 === 0 ? soon + key : undefined;
        writeBytes(store, aWrite(Op.set, `/d/${key}`, { value: `${key}${'v'.repeat(1000)}`, expirationMs }));
        if (position % 100 === 0) writeBytes(store, aWrite(Op.set, '/d/often', { value: 'v'.repeat(10_000) }));
      }
      for (let key = 0; key < 300; key += 10) store.tree.find(`/d/${key}` as ByteString);
      const second = reborn(store);
      expect(second.tree.sleepers.count).toBe(301);
      for (const each of [store, second]) {
        for (let key = 0; key < 300; key += 2) {
          expect(each.nextExpirationMs).toBe(soon + key);
          each.tick(soon + key, 100);
          expect(each.tree.size).toBe(302 - key / 2 - 1);
          expect(each.history.at(each.index).prevNode?.path).toBe(`/d/${key}`);
        }
        expect(each.nextExpirationMs).toBe(Number.POSITIVE_INFINITY);
      }
      expect(second.stateHash).toBe(store.stateHash);
    });
  });

  test.each([
    ['a delete', Op.delete, {}],
    ['a delete of what might be a directory', Op.delete, { recursive: true, dir: true }],
    ['a compare and delete', Op.compareAndDelete, { prevValue: 'v' }],
  ])('%s takes a key away without waking it', (_, op, fields) => {
    const store = new Store(10, true);
    for (const path of ['/d/a', '/d/b'])
      writeBytes(store, aWrite(Op.set, path, { value: 'v', expirationMs: NOON_MS + 1 }));
    expect(writeBytes(store, aWrite(op, '/d/a', fields))).toBe(true);
    expect([store.tree.sleepers.count, store.tree.size, store.tree.ttlQueue.size]).toEqual([1, 2, 1]);
    expect(store.history.at(store.index).prevNode?.value).toBe('v');
    expect(bytesOutcome(store, aWrite(Op.compareAndDelete, '/d/b', { prevValue: 'w' }))).toMatchObject({ code: 101 });
    expect(writeBytes(store, aWrite(Op.delete, '/d', { recursive: true }))).toBe(false);
  });

  test('of a key that goes on as any other', () => {
    const store = new Store(10, true);
    for (const path of ['/a', '/b', '/c']) writeBytes(store, aWrite(Op.set, path, { value: 'v' }));
    expect(store.tree.sleepers.count).toBe(3);
    expect(set(store, '/b', 'w').prevNode?.value).toBe('v');
    expect(store.tree.sleepers.count).toBe(2);
    contentOf(store);
    expect(store.tree.sleepers.count).toBe(0);
  });
});
