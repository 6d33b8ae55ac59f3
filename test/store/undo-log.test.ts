import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Node } from '../../src/store/node.ts';
import { Store } from '../../src/store/store.ts';
import { UndoLog } from '../../src/store/undo-log.ts';
import { play, randomSteps } from './random-steps.ts';
import { contentOf, remove, set } from './store-fixture.ts';

/** All that an undo turns back. Counters and the chain of events it leaves alone. */
const stateOf = (store: Store) => ({
  index: store.index,
  lastIndex: store.history.lastIndex,
  treeHash: store.tree.hash,
  size: store.tree.size,
  timers: store.tree.ttlQueue.size,
  nextExpirationMs: store.nextExpirationMs,
  content: contentOf(store),
});

test('after the last commands are undone everything is as before them', () => {
  fc.assert(
    fc.property(randomSteps(), randomSteps(30), (durable, lost) => {
      const expected = new Store(1000, true);
      play(expected, durable);

      const store = new Store(1000, true);
      store.undoLog = new UndoLog();
      play(store, durable);
      play(store, lost, durable.length);
      store.undoLog.trim(durable.length);
      const events = store.index - expected.index;
      expect(store.undoLog.rollBack(store)).toBe(events);
      expect(stateOf(store)).toEqual(stateOf(expected));
    }),
    { numRuns: 300 },
  );
});

test('what is written after an undo falls on the same ground', () => {
  fc.assert(
    fc.property(randomSteps(30), randomSteps(20), randomSteps(20), (durable, lost, later) => {
      const expected = new Store(1000, true);
      play(expected, durable);
      play(expected, later, 100);

      const store = new Store(1000, true);
      play(store, durable);
      store.undoLog = new UndoLog();
      play(store, lost, durable.length);
      store.undoLog.rollBack(store);
      store.undoLog = undefined;
      play(store, later, 100);
      expect(stateOf(store)).toEqual(stateOf(expected));
    }),
  );
});

describe('trim', () => {
  test('keeps the events of commands that are not yet durable, all of one command together', () => {
    const store = new Store(1000, true);
    const log = new UndoLog();
    store.undoLog = log;
    for (let sequence = 1; sequence <= 5; sequence++) {
      log.sequence = sequence;
      set(store, `/${sequence}`);
    }
    log.trim(3);
    expect(log.length).toBe(2);
    log.trim(2);
    expect(log.length).toBe(2);
    log.rollBack(store);
    expect(contentOf(store).map(({ path }) => path)).toEqual(['/1', '/2', '/3']);
    expect(log.length).toBe(0);
  });

  test('keeps pace with many commands', () => {
    const store = new Store(10, false);
    const log = new UndoLog();
    store.undoLog = log;
    for (let sequence = 1; sequence <= 10_000; sequence++) {
      log.sequence = sequence;
      set(store, '/k', String(sequence));
      if (sequence % 7 === 0) log.trim(sequence - 1500);
    }
    log.trim(10_000 - 3);
    expect(log.length).toBe(3);
    log.rollBack(store);
    expect(store.tree.find('/k' as Node['path'])?.value).toBe('9997');
  });
});

test('a removed directory comes back with all that was in it, timers too', () => {
  const store = new Store(1000, true);
  set(store, '/d/e/k', 'v', { expirationMs: 9_999_999_999_999 });
  set(store, '/d/j');
  const before = stateOf(store);
  store.undoLog = new UndoLog();
  remove(store, '/d');
  expect(store.tree.size).toBe(0);
  store.undoLog.rollBack(store);
  expect(stateOf(store)).toEqual(before);
});

test('a look back further than an undone history reaches is still refused', () => {
  const store = new Store(3, false);
  for (let times = 0; times < 10; times++) set(store, '/k');
  store.undoLog = new UndoLog();
  for (let times = 0; times < 3; times++) set(store, '/k');
  store.undoLog.rollBack(store);
  expect(store.watch(1, '/k' as Node['path'], false, false, 5)).toMatchObject({ code: 401 });
});
