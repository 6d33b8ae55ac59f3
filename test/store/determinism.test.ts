import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import { Node } from '../../src/store/node.ts';
import { renderEvent } from '../../src/store/render.ts';
import { hashOfNode, hashOfPath } from '../../src/store/state-hash.ts';
import { Store } from '../../src/store/store.ts';
import { Tree } from '../../src/store/tree.ts';
import { play, randomSteps } from './random-steps.ts';
import { contentOf, happen, makeDirectory, NOON_MS, reborn, set } from './store-fixture.ts';

function played(...args: Parameters<typeof play> extends [Store, ...infer Rest] ? Rest : never): Store {
  const store = new Store(1000, true);
  play(store, ...args);
  return store;
}

/** The sum over all nodes that the tree keeps up to date, taken anew. */
function hashOfAllNodes(store: Store): number {
  let sum = 0;
  for (const { path } of contentOf(store)) {
    const node = store.tree.find(path as ByteString) as Node;
    expect(node.pathHash).toBe(hashOfPath(node.path));
    sum = (sum + hashOfNode(node)) | 0;
  }
  return sum;
}

const past = (store: Store) => {
  const { history } = store;
  const events: string[] = [];
  if (history.lastIndex === 0) return events;
  for (let index = history.firstIndex; index <= history.lastIndex; index++) events.push(renderEvent(history.at(index)));
  return events;
};

describe('the state hash', () => {
  test('is the same for the same commands', () => {
    fc.assert(
      fc.property(randomSteps(), (steps) => {
        expect(played(steps).stateHash).toBe(played(steps).stateHash);
      }),
    );
  });

  test('is at each moment what one gets by hashing every node anew', () => {
    fc.assert(
      fc.property(randomSteps(30), (steps) => {
        const store = new Store(1000, true);
        steps.forEach((step, position) => {
          play(store, [step], position);
          expect(store.tree.hash).toBe(hashOfAllNodes(store));
        });
      }),
    );
  });

  test.each<[string, (store: Store) => void]>([
    ['another value', (store) => set(store, '/a', 'w')],
    ['another key', (store) => set(store, '/b', 'v')],
    ['a directory', (store) => makeDirectory(store, '/a')],
    ['an expiration', (store) => set(store, '/a', 'v', { expirationMs: NOON_MS + 1 })],
    ['another time', (store) => set(store, '/a', 'v', { timeMs: NOON_MS + 1 })],
    ['another action', (store) => happen(store, Op.create, '/a', { value: 'v' })],
    ['no write', () => {}],
  ])('tells %s from the set of a key', (_, write) => {
    const one = new Store(1000, true);
    const other = new Store(1000, true);
    set(one, '/a', 'v');
    write(other);
    expect(other.stateHash).not.toBe(one.stateHash);
  });

  test('of the nodes does not depend on the order in which they came', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 20 });
    const orders = names.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(orders, ([inOrder, shuffled]) => {
        const treeOf = (list: readonly string[]) => {
          const tree = new Tree(true);
          for (const name of list) {
            const index = 2 + inOrder.indexOf(name);
            tree.attach(
              tree.root,
              new Node(`/${name}` as ByteString, true, 'v' as ByteString, true, undefined, index, index, NOON_MS),
            );
          }
          return tree;
        };
        const [one, other] = [treeOf(inOrder), treeOf(shuffled)];
        expect(other.hash).toBe(one.hash);
        while (one.ttlQueue.size > 0) {
          const next = one.ttlQueue.peek() as Node;
          expect((other.ttlQueue.peek() as Node).path).toBe(next.path);
          one.detach(next, undefined);
          other.detach(other.find(next.path) as Node, undefined);
        }
        expect(other.hash).toBe(0);
      }),
    );
  });

  test('is not kept where nobody asks for it', () => {
    const store = new Store(1000, false);
    set(store, '/a');
    expect(store.stateHash).toBe(0);
  });
});

describe('a store that was saved and read back', () => {
  test('has the same state, and goes on like the first', () => {
    fc.assert(
      fc.property(randomSteps(), randomSteps(20), (before, after) => {
        const first = played(before);
        const second = reborn(first);
        expect(contentOf(second)).toEqual(contentOf(first));
        expect(second.stateHash).toBe(first.stateHash);
        play(first, after, before.length);
        play(second, after, before.length);
        expect(second.stateHash).toBe(first.stateHash);
      }),
    );
  });

  test('tells the same of the past', () => {
    fc.assert(
      fc.property(randomSteps(), randomSteps(20), (before, after) => {
        const first = played(before);
        const second = reborn(first);
        play(first, after, before.length);
        play(second, after, before.length);
        expect(past(second)).toEqual(past(first));
      }),
    );
  });

  test('expires a directory and a key made with it in the same order, also when both end at the same time', () => {
    const first = new Store(1000, true);
    // Both nodes have modifiedIndex 2: the directory comes about with its key, and its update does not show in it.
    set(first, '/d/k', 'v', { expirationMs: NOON_MS + 1000 });
    happen(first, Op.update, '/d', { dir: true, expirationMs: NOON_MS + 1000 });
    const second = reborn(first);
    first.tick(NOON_MS + 1000, 100);
    second.tick(NOON_MS + 1000, 100);
    expect(second.index).toBe(first.index);
    expect(second.stateHash).toBe(first.stateHash);
  });
});

test('an event stays as it was when its directory gets another life', () => {
  const store = new Store(1000, true);
  set(store, '/d');
  const replaced = set(store, '/d', '', { dir: true });
  const told = renderEvent(replaced);
  happen(store, Op.update, '/d', { dir: true, expirationMs: NOON_MS + 300_000 });
  expect(renderEvent(replaced)).toBe(told);
});
