import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import type { StoreEvent } from '../../src/store/event.ts';
import { type EventHistory, FIRST_EVENT_INDEX } from '../../src/store/event-history.ts';
import { Store } from '../../src/store/store.ts';
import { play, randomSteps } from './random-steps.ts';
import { happen, makeDirectory, NOON_MS, remove, set } from './store-fixture.ts';

const bytes = (text: string) => text as ByteString;

/** A history that has seen the sets of `/1`, `/2`, … of a new store. */
function historyAfter(eventsCount: number, eventsMax: number): EventHistory {
  const store = new Store(eventsMax, false);
  for (let number = 1; number <= eventsCount; number++) set(store, `/${number}`);
  return store.history;
}

describe('the number of events held', () => {
  test.each([
    [0, 3, 0, 0],
    [1, 3, 2, 2],
    [3, 3, 2, 4],
    [4, 3, 3, 5],
    [1000, 1000, 2, 1001],
    [1001, 1000, 3, 1002],
    [5, 1, 6, 6],
  ])('after %i events, with room for %i, the history reaches from index %i to %i', (count, max, first, last) => {
    const history = historyAfter(count, max);
    expect([history.firstIndex, history.lastIndex]).toEqual([first, last]);
    expect(history.capacity).toBe(max);
    if (count > 0) expect(history.at(first).index).toBe(first);
  });
});

test('what the next event pushes out is known by its size; while there is room it is nothing', () => {
  const store = new Store(2, false);
  const sizes = ['x'.repeat(100), '', 'y'].map((value) => {
    set(store, '/k', value);
    return store.history.nextForgottenBytes;
  });
  // The second event has the first one's value beside its own.
  expect(sizes).toEqual([0, 100, 100]);
});

describe('a look back', () => {
  test('before the oldest event is refused with the bounds of the request', () => {
    const history = historyAfter(6, 3);
    expect(history.firstIndex).toBe(5);
    expect(history.scan(bytes('/4'), false, 4)).toMatchObject({
      code: 401,
      cause: 'the requested history has been cleared [5/4]',
    });
    expect(history.scan(bytes('/4'), false, 5)).toMatchObject({ index: 5 });
  });

  test('before the first event of all is none too early while nothing has been dropped', () => {
    const history = historyAfter(3, 3);
    expect(history.scan(bytes('/1'), false, 1)).toMatchObject({ index: FIRST_EVENT_INDEX });
  });

  test('beyond the latest event waits', () => {
    expect(historyAfter(3, 3).scan(bytes('/1'), false, 5)).toBeUndefined();
    expect(historyAfter(0, 3).scan(bytes('/1'), false, 1)).toBeUndefined();
  });

  test('passes over refreshes', () => {
    const store = new Store(10, false);
    set(store, '/k');
    happen(store, Op.set, '/k', { refresh: true, expirationMs: NOON_MS + 1000 });
    expect(store.history.scan(bytes('/k'), false, 3)).toBeUndefined();
    expect(store.history.lastIndex).toBe(3);
  });

  test.each([
    ['/d', true],
    ['/d/k', true],
    ['/d/not/there', true],
    ['/dd', false],
    ['/e', false],
  ])('by a watch on %s sees the removal of the directory /d: %s', (path, sees) => {
    const store = new Store(10, false);
    makeDirectory(store, '/d');
    remove(store, '/d');
    expect(store.history.scan(bytes(path), false, 3) !== undefined).toBe(sees);
  });

  test('finds the oldest event that a walk through all of them finds', () => {
    const path = fc.constantFrom('', '/a', '/a/a', '/a/b', '/_h', '/b');
    fc.assert(
      fc.property(
        randomSteps(),
        path,
        fc.boolean(),
        fc.integer({ min: 1, max: 60 }),
        (steps, watched, isRecursive, since) => {
          const told: StoreEvent[] = [];
          const store = new Store(20, false, (event) => told.push(event));
          play(store, steps);
          const kept = told.slice(-20);
          const found = store.history.scan(bytes(watched), isRecursive, since);
          const oldest = kept[0]?.index ?? 0;
          if (told.length > 20 && since < oldest) expect(found).toMatchObject({ code: 401 });
          else expect(found).toBe(kept.find((event) => event.index >= since && concerns(event, watched, isRecursive)));
        },
      ),
    );
  });
});

/** The rule of the look back in plain words. */
function concerns(event: StoreEvent, watched: string, isRecursive: boolean): boolean {
  const { path } = event.subject;
  if (event.isRefresh) return false;
  if (path === watched || (isRecursive && path.startsWith(`${watched}/`))) return true;
  return event.node === undefined && event.prevNode?.isDirectory === true && watched.startsWith(`${path}/`);
}

test('an event that is undone leaves the history, down to the empty one', () => {
  const history = historyAfter(2, 3);
  history.dropLast();
  expect([history.firstIndex, history.lastIndex]).toEqual([2, 2]);
  history.dropLast();
  expect([history.firstIndex, history.lastIndex]).toEqual([0, 0]);
});
