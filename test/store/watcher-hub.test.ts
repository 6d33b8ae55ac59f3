import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import { StoreEvent } from '../../src/store/event.ts';
import { Failure } from '../../src/store/failure.ts';
import { Store } from '../../src/store/store.ts';
import { perform, randomSteps } from './random-steps.ts';
import { contentOf, happen, makeDirectory, NOON_MS, remove, set } from './store-fixture.ts';

interface Heard {
  readonly index: number;
  readonly ids: number[];
}

/** A store that notes who hears of what. */
function listenedStore() {
  const heard: Heard[] = [];
  const store = new Store(1000, false, (event, recipients) => {
    if (recipients.length > 0)
      heard.push({ index: event.index, ids: recipients.map(({ id }) => id).sort((a, b) => a - b) });
  });
  const watch = (id: number, path: string, isRecursive = false, isStream = false, waitIndex = 0) =>
    store.watch(id, path as ByteString, isRecursive, isStream, waitIndex);
  const idsHeard = () => heard.flatMap(({ ids }) => ids);
  return { store, heard, idsHeard, watch };
}

describe('a watch', () => {
  test('ends with its first event; a stream stays', () => {
    const { store, heard, watch } = listenedStore();
    watch(1, '/k');
    watch(2, '/k', false, true);
    set(store, '/k');
    set(store, '/k');
    expect(heard).toEqual([
      { index: 2, ids: [1, 2] },
      { index: 3, ids: [2] },
    ]);
    expect(store.hub.size).toBe(1);
  });

  test.each([
    ['/d/k', false, true],
    ['/d', false, false],
    ['/d', true, true],
    ['', true, true],
    ['', false, false],
    ['/d/k/below', true, false],
    ['/d/kk', true, false],
    ['/dd', true, false],
  ])('on %j, recursive %s, hears of /d/k: %s', (path, isRecursive, hears) => {
    const { store, heard, watch } = listenedStore();
    watch(1, path, isRecursive);
    set(store, '/d/k');
    expect(heard.length > 0).toBe(hears);
  });

  test.each([
    ['/a/_h/k', '', false],
    ['/a/_h/k', '/a', false],
    ['/a/_h/k', '/a/_h', true],
    ['/a/_h', '/a', false],
    ['/a/_h/_i', '/a/_h', false],
    ['/_a/k', '/_a', true],
    ['/a/k_', '/a', true],
  ])('of what is hidden: a set of %s is seen from %j: %s', (written, watched, sees) => {
    const { store, heard, watch } = listenedStore();
    watch(1, watched, true);
    set(store, written);
    expect(heard.length > 0).toBe(sees);
  });

  test('on exactly a hidden key hears of it', () => {
    const { store, idsHeard, watch } = listenedStore();
    watch(1, '/a/_h');
    set(store, '/a/_h');
    expect(idsHeard()).toEqual([1]);
  });

  test('hears nothing of a refresh', () => {
    const { store, heard, watch } = listenedStore();
    set(store, '/k');
    watch(1, '/k');
    happen(store, Op.update, '/k', { refresh: true, expirationMs: NOON_MS + 1000 });
    expect(heard).toEqual([]);
    expect(store.hub.size).toBe(1);
  });

  test('from a later index sleeps through the events before it', () => {
    const { store, heard, watch } = listenedStore();
    watch(1, '/k', false, false, 4);
    for (let times = 0; times < 3; times++) set(store, '/k');
    expect(heard).toEqual([{ index: 4, ids: [1] }]);
  });
});

describe('who has waited longest', () => {
  const heardInOrder = () => {
    const order: number[] = [];
    const store = new Store(1000, false, (_, recipients) => order.push(...recipients.map(({ id }) => id)));
    const watch = (id: number, path: string, isRecursive = false, isStream = false) =>
      store.watch(id, path as ByteString, isRecursive, isStream, 0);
    return { store, order, watch };
  };

  test('hears first, whoever has left since or was told before', () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.record({ isStream: fc.boolean(), isRecursive: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ left: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ isBelow: fc.boolean() }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
        const { store, order, watch } = heardInOrder();
        makeDirectory(store, '/d');
        let waiting: { id: number; isStream: boolean; isRecursive: boolean }[] = [];
        actions.forEach((each, id) => {
          if ('isStream' in each) {
            watch(id, '/d', each.isRecursive, each.isStream);
            waiting.push({ id, ...each });
          } else if ('left' in each) {
            const [one] = waiting.splice(each.left % Math.max(waiting.length, 1), 1);
            if (one !== undefined) store.hub.cancel(one.id);
          } else {
            if (each.isBelow) set(store, '/d/k');
            else happen(store, Op.update, '/d', { expirationMs: NOON_MS + 1000, timeMs: NOON_MS });
            const hears = ({ isRecursive }: { isRecursive: boolean }) => isRecursive || !each.isBelow;
            expect(order.splice(0)).toEqual(waiting.filter(hears).map(({ id }) => id));
            waiting = waiting.filter((one) => one.isStream || !hears(one));
          }
          expect(store.hub.size).toBe(waiting.length);
        });
      }),
    );
  });

  test('above hears before who waits below', () => {
    const { store, order, watch } = heardInOrder();
    watch(1, '/a/b/k');
    watch(2, '/a/b', true);
    watch(3, '', true);
    watch(4, '/a', true);
    set(store, '/a/b/k');
    expect(order).toEqual([3, 4, 2, 1]);
  });
});

describe('the removal of a directory', () => {
  test('is heard at every node that was in it, deep, hidden and recursive alike, and nowhere else', () => {
    const { store, heard, watch } = listenedStore();
    set(store, '/d/e/k');
    set(store, '/d/_h/k');
    watch(1, '/d');
    watch(2, '/d/e');
    watch(3, '/d/e/k', true);
    watch(4, '/d/_h/k');
    watch(5, '/d/never');
    watch(6, '', true);
    watch(7, '/dd', true);
    remove(store, '/d');
    expect(heard).toEqual([{ index: 4, ids: [1, 2, 3, 4, 6] }]);
    expect(store.hub.size).toBe(2);
  });

  test('by its timer is heard likewise', () => {
    const { store, heard, watch } = listenedStore();
    makeDirectory(store, '/d', NOON_MS + 5);
    set(store, '/d/k');
    watch(1, '/d/k');
    store.tick(NOON_MS + 5, 10);
    expect(heard).toEqual([{ index: 4, ids: [1] }]);
  });
});

describe('cancel', () => {
  test('ends a watch once', () => {
    const { store, heard, watch } = listenedStore();
    watch(1, '/k');
    watch(2, '/k');
    expect(store.hub.cancel(1)).toBe(true);
    expect(store.hub.cancel(1)).toBe(false);
    set(store, '/k');
    expect(heard).toEqual([{ index: 2, ids: [2] }]);
    expect(store.hub.cancel(2)).toBe(false);
  });

  test('in any order leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(12).keys()], { minLength: 12 }), (order) => {
        const { store, watch } = listenedStore();
        for (let id = 0; id < 12; id++) watch(id, `/k${id % 3}`);
        for (const id of order) expect(store.hub.cancel(id)).toBe(true);
        expect(store.hub.size).toBe(0);
      }),
    );
  });
});

test('random watches hear what somebody hears who asks every watch at every event', () => {
  const path = fc.constantFrom('', '/a', '/a/a', '/a/b', '/a/_h', '/a/a/a', '/b', '/_h', '/_h/a');
  const watches = fc.array(fc.tuple(path, fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(watches, randomSteps(), (asked, steps) => {
      const { store, heard, watch } = listenedStore();
      const model = asked.map(([watched, isRecursive, isStream], id) => ({ id, watched, isRecursive, isStream }));
      for (const { id, watched, isRecursive, isStream } of model) watch(id, watched, isRecursive, isStream);

      const expected: Heard[] = [];
      steps.forEach((step, position) => {
        const pathsBefore = new Set(contentOf(store).map((node) => node.path));
        const indexBefore = store.index;
        // One event at a time: the tree between two events of a tick is not ours to see.
        perform(store, step.kind === 'tick' ? { ...step, eventsMax: 1 } : step, position);
        if (store.index === indexBefore) return;
        const event = store.history.at(store.index);
        const hearing = model.filter((one) => hears(one.watched, one.isRecursive, event, pathsBefore));
        if (hearing.length > 0) expected.push({ index: store.index, ids: hearing.map(({ id }) => id) });
        for (const { id, isStream } of hearing)
          if (!isStream)
            model.splice(
              model.findIndex((one) => one.id === id),
              1,
            );
      });
      expect(heard).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

/** The rules of live watches in plain words. */
function hears(watched: string, isRecursive: boolean, event: StoreEvent, pathsBefore: ReadonlySet<string>): boolean {
  const { path } = event.subject;
  if (event.isRefresh) return false;
  if (path === watched) return true;
  if (isRecursive && path.startsWith(`${watched}/`)) return !path.slice(watched.length).includes('/_');
  return event.isDirectoryRemoval && watched.startsWith(`${path}/`) && pathsBefore.has(watched);
}

test('ten thousand idle watches add no look-ups to the write of another key', () => {
  const lookUpsOfWrite = (idleWatches: number) => {
    const { store, watch } = listenedStore();
    set(store, '/busy/a/b/k');
    for (let id = 0; id < idleWatches; id++) watch(id, `/idle/${id}`, id % 2 === 0, id % 3 === 0);
    return countLookUps(() => set(store, '/busy/a/b/k'));
  };
  expect(lookUpsOfWrite(10_000)).toBe(lookUpsOfWrite(1));
});

/** How often `task` asks any Map for anything. */
function countLookUps(task: () => void): number {
  const { get, has } = Map.prototype;
  let count = 0;
  Map.prototype.get = function (key) {
    count++;
    return get.call(this, key);
  };
  Map.prototype.has = function (key) {
    count++;
    return has.call(this, key);
  };
  try {
    task();
  } finally {
    Object.assign(Map.prototype, { get, has });
  }
  return count;
}

describe('a stream that looks back', () => {
  test('is given all that it has missed, in order, and then what happens', () => {
    const { store, heard, watch } = listenedStore();
    for (const path of ['/d/1', '/e', '/d/2', '/d/3']) set(store, path);
    const first = watch(1, '/d', true, true, 2);
    if (!(first instanceof StoreEvent)) throw new Error('the stream has missed something');
    const missed = [...store.missedEvents('/d' as ByteString, true, first)];
    expect(missed.map(({ index }) => index)).toEqual([2, 4, 5]);
    set(store, '/d/4');
    expect(heard).toEqual([{ index: 6, ids: [1] }]);
  });

  test('further than the history reaches is refused, and waits for nothing', () => {
    const store = new Store(2, false);
    for (let times = 0; times < 5; times++) set(store, '/k');
    expect(store.watch(1, '/k' as ByteString, false, true, 3)).toBeInstanceOf(Failure);
    expect(store.hub.size).toBe(0);
  });
});
