import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import type { StoreEvent } from '../../src/store/event.ts';
import type { Node } from '../../src/store/node.ts';
import { renderActionOnly, renderEvent, renderGetOfKey, statusOfEvent } from '../../src/store/render.ts';
import { Store } from '../../src/store/store.ts';
import { happen, makeDirectory, NOON_MS, remove, set } from './store-fixture.ts';

const NOON_AND_5_S = ',"expiration":"2030-01-01T12:00:05Z","ttl":5';
const V2 = '{"key":"/k","value":"v","modifiedIndex":2,"createdIndex":2}';

/** What happens, in a store with the key `/k` (index 2); the answer without its newline; its status. */
const events: [string, (store: Store) => StoreEvent, string, number][] = [
  [
    'set of a new key',
    (store) => set(store, '/n', 'w'),
    '{"action":"set","node":{"key":"/n","value":"w","modifiedIndex":3,"createdIndex":3}}',
    201,
  ],
  [
    'set of a known key',
    (store) => set(store, '/k', 'w'),
    `{"action":"set","node":{"key":"/k","value":"w","modifiedIndex":3,"createdIndex":3},"prevNode":${V2}}`,
    200,
  ],
  [
    'set with a timer',
    (store) => set(store, '/n', 'w', { expirationMs: NOON_MS + 5000 }),
    `{"action":"set","node":{"key":"/n","value":"w"${NOON_AND_5_S},"modifiedIndex":3,"createdIndex":3}}`,
    201,
  ],
  [
    'create of a directory',
    (store) => makeDirectory(store, '/d'),
    '{"action":"create","node":{"key":"/d","dir":true,"modifiedIndex":3,"createdIndex":3}}',
    201,
  ],
  [
    'create of an in-order key',
    (store) => happen(store, Op.createInOrder, '/q', { value: 'w' }),
    '{"action":"create","node":{"key":"/q/00000000000000000003","value":"w","modifiedIndex":3,"createdIndex":3}}',
    201,
  ],
  [
    'update of a key',
    (store) => happen(store, Op.update, '/k', { value: 'w' }),
    `{"action":"update","node":{"key":"/k","value":"w","modifiedIndex":3,"createdIndex":2},"prevNode":${V2}}`,
    200,
  ],
  [
    'update of a directory, which shows an index that the directory does not keep',
    (store) => {
      makeDirectory(store, '/d');
      return happen(store, Op.update, '/d', { dir: true, expirationMs: NOON_MS + 5000 });
    },
    `{"action":"update","node":{"key":"/d","dir":true${NOON_AND_5_S},"modifiedIndex":4,"createdIndex":3},"prevNode":{"key":"/d","dir":true,"modifiedIndex":3,"createdIndex":3}}`,
    200,
  ],
  [
    'compareAndSwap',
    (store) => happen(store, Op.compareAndSwap, '/k', { value: 'w', prevValue: 'v', prevIndex: 2 }),
    `{"action":"compareAndSwap","node":{"key":"/k","value":"w","modifiedIndex":3,"createdIndex":2},"prevNode":${V2}}`,
    200,
  ],
  [
    'delete of a key',
    (store) => remove(store, '/k'),
    `{"action":"delete","node":{"key":"/k","modifiedIndex":3,"createdIndex":2},"prevNode":${V2}}`,
    200,
  ],
  [
    'delete of a directory',
    (store) => {
      set(store, '/d/k');
      return remove(store, '/d');
    },
    '{"action":"delete","node":{"key":"/d","dir":true,"modifiedIndex":4,"createdIndex":3},"prevNode":{"key":"/d","dir":true,"modifiedIndex":3,"createdIndex":3}}',
    200,
  ],
  [
    'compareAndDelete',
    (store) => happen(store, Op.compareAndDelete, '/k', { prevIndex: 2 }),
    `{"action":"compareAndDelete","node":{"key":"/k","modifiedIndex":3,"createdIndex":2},"prevNode":${V2}}`,
    200,
  ],
  [
    'expire, which no longer shows a ttl',
    (store) => {
      set(store, '/n', 'w', { expirationMs: NOON_MS + 5000 });
      store.tick(NOON_MS + 5000, 1);
      return store.history.at(4);
    },
    '{"action":"expire","node":{"key":"/n","modifiedIndex":4,"createdIndex":3},"prevNode":{"key":"/n","value":"w","expiration":"2030-01-01T12:00:05Z","modifiedIndex":3,"createdIndex":3}}',
    200,
  ],
];

test.each(events)('%s is rendered as etcd does', (_, act, expected, status) => {
  const store = new Store(1000, true);
  set(store, '/k', 'v');
  const event = act(store);
  expect(renderEvent(event)).toBe(`${expected}\n`);
  expect(statusOfEvent(event)).toBe(status);
});

test('noValueOnSuccess leaves the action', () => {
  expect(renderActionOnly(set(new Store(10, false), '/k'))).toBe('{"action":"set"}\n');
});

describe('a GET of a key', () => {
  const getAfter = (value: string, path = '/k', nowMs = NOON_MS, expirationMs?: number) => {
    const store = new Store(10, false);
    set(store, path, value, { expirationMs });
    return renderGetOfKey(store.tree.find(path as ByteString) as Node, nowMs);
  };

  test.each([
    ['v', '/k', '"key":"/k","value":"v"'],
    ['', '/k', '"key":"/k","value":""'],
    ['<a href="x">&\n', '/k', '"key":"/k","value":"\\u003ca href=\\"x\\"\\u003e\\u0026\\n"'],
    ['\xff\xc3\xa9', '/\xfe', '"key":"/\\ufffd","value":"\\ufffd\xc3\xa9"'],
  ])('with the value %j at %j shows %s', (value, path, fields) => {
    const body = `{"action":"get","node":{${fields},"modifiedIndex":2,"createdIndex":2}}\n`;
    expect(getAfter(value, path)).toBe(body);
  });

  test.each([
    [0, ',"ttl":5'],
    [1, ',"ttl":5'],
    [4000, ',"ttl":1'],
    [4999, ',"ttl":1'],
    [5000, ''],
    [6000, ',"ttl":-1'],
  ])('%i ms after a set for five seconds shows %j', (passedMs, ttl) => {
    const timer = `,"expiration":"2030-01-01T12:00:05Z"${ttl}`;
    const body = `{"action":"get","node":{"key":"/k","value":"v"${timer},"modifiedIndex":2,"createdIndex":2}}\n`;
    expect(getAfter('v', '/k', NOON_MS + passedMs, NOON_MS + 5000)).toBe(body);
  });
});
