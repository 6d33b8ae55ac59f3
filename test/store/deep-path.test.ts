import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import { Failure } from '../../src/store/failure.ts';
import { Store } from '../../src/store/store.ts';
import { UndoLog } from '../../src/store/undo-log.ts';
import { aWrite, listingOf, reborn, remove, set } from './store-fixture.ts';

const DEPTH = 2000;
const deepPath = '/d'.repeat(DEPTH) as ByteString;

function deepStore(): Store {
  const store = new Store(10, true);
  set(store, deepPath);
  return store;
}

test('a key two thousand directories down is set, read and listed', () => {
  const store = deepStore();
  expect(store.tree.size).toBe(DEPTH);
  expect(store.get(deepPath)).toMatchObject({ value: 'v', path: deepPath });
  const body = listingOf(store, '', true, true);
  expect(body.match(/"nodes":/g)).toHaveLength(DEPTH);
  expect(body.match(/[{}]/g)).toHaveLength(2 * (DEPTH + 2));
});

test('what is missing so far down is told as anywhere', () => {
  const missing = new Store(10, false).get(deepPath);
  expect(missing).toMatchObject({ code: 100, cause: '/d' });
  expect(deepStore().get(`${deepPath}/e/f` as ByteString)).toMatchObject({ code: 104, cause: deepPath });
  expect(deepStore().write(aWrite(Op.set, `${deepPath}/e/f`))).toBeInstanceOf(Failure);
});

test('it is deleted with all its directories, tells its watchers, and comes back by an undo', () => {
  const heard: number[] = [];
  const store = new Store(10, true, (_, recipients) => heard.push(...recipients.map(({ id }) => id)));
  set(store, deepPath);
  store.watch(1, deepPath, false, false, 0);
  store.undoLog = new UndoLog();
  remove(store, '/d');
  expect(heard).toEqual([1]);
  expect(store.tree.size).toBe(0);
  store.undoLog.rollBack(store);
  expect(store.tree.size).toBe(DEPTH);
  expect(store.tree.hash).toBe(deepStore().tree.hash);
});

test('it is saved and read back', () => {
  const store = deepStore();
  expect(reborn(store).stateHash).toBe(store.stateHash);
});

test('what is missing half a million directories down, as long as a request line can be, is told as anywhere', () => {
  const longest = '/d'.repeat(500_000) as ByteString;
  const store = new Store(10, false);
  expect(store.get(longest)).toMatchObject({ code: 100, cause: '/d' });
  set(store, '/d/d');
  expect(store.get(longest)).toMatchObject({ code: 104, cause: '/d/d' });
});
