import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ACTION_NAMES, type StoreEvent } from '../../src/store/event.ts';
import { Failure } from '../../src/store/failure.ts';
import type { Node } from '../../src/store/node.ts';
import { Store } from '../../src/store/store.ts';
import { play, randomSteps, timeOf, writeOf } from './random-steps.ts';
import { contentOf, listingOf, NOON_MS, set } from './store-fixture.ts';
import { type ModelNode, type ModelOutcome, StoreModel } from './store-model.ts';

const asModelNode = (node: Node | undefined): ModelNode | undefined => {
  if (node === undefined) return undefined;
  const { value, isDirectory, createdIndex, modifiedIndex, expirationMs } = node;
  return { value, isDirectory, createdIndex, modifiedIndex, expirationMs };
};

function asModelOutcome(outcome: StoreEvent | Failure): ModelOutcome {
  if (outcome instanceof Failure) return { code: outcome.code, cause: outcome.cause };
  const { action, index, node, prevNode, subject } = outcome;
  const path = subject.path;
  return {
    action: ACTION_NAMES[action] as string,
    index,
    path,
    node: asModelNode(node),
    prevNode: asModelNode(prevNode),
  };
}

const asContent = (model: StoreModel) =>
  [...model.nodes].map(([path, node]) => ({ path, ...node })).sort((a, b) => (a.path < b.path ? -1 : 1));

/** The keys that a listing shows, in its order. */
function keysShown(body: string): string[] {
  interface Shown {
    readonly key?: string;
    readonly nodes?: readonly Shown[];
  }
  const keysOf = ({ key, nodes = [] }: Shown): string[] => [
    ...(key === undefined ? [] : [key]),
    ...nodes.flatMap(keysOf),
  ];
  return keysOf((JSON.parse(body) as { node: Shown }).node);
}

test('random writes and ticks have the outcomes, and leave the tree, of a map of paths', () => {
  fc.assert(
    fc.property(randomSteps(), (steps) => {
      const store = new Store(1000, true);
      const model = new StoreModel();
      steps.forEach((step, position) => {
        if (step.kind === 'tick') {
          const expected = model.tick(timeOf(position), step.eventsMax);
          expect(store.tick(timeOf(position), step.eventsMax)).toBe(expected);
          return;
        }
        const write = writeOf(step, position);
        expect(asModelOutcome(store.write(write))).toEqual(model.write(write));
        expect(store.index).toBe(model.index);
      });
      expect(contentOf(store)).toEqual(asContent(model));
      expect(keysShown(listingOf(store, '', true, true))).toEqual(model.visiblePaths());
    }),
    { numRuns: 400 },
  );
});

test('all that counts nodes agrees after random writes and ticks', () => {
  fc.assert(
    fc.property(randomSteps(), (steps) => {
      const store = new Store(1000, true);
      play(store, steps);
      const content = contentOf(store);
      expect(store.tree.size).toBe(content.length);
      expect(content.every(({ path }) => store.tree.find(path as Node['path'])?.path === path)).toBe(true);
      const lives = content.flatMap(({ expirationMs }) => (expirationMs === undefined ? [] : [expirationMs]));
      expect(store.tree.ttlQueue.size).toBe(lives.length);
      expect(store.nextExpirationMs).toBe(lives.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...lives));
      expect(store.history.lastIndex).toBe(store.index === 1 ? 0 : store.index);
    }),
    { numRuns: 200 },
  );
});

test('what the history holds and the tree no longer does leads to no other node', () => {
  fc.assert(
    fc.property(randomSteps(), (steps) => {
      const store = new Store(1000, true);
      play(store, steps);
      for (let index = store.history.firstIndex; index <= store.history.lastIndex && index > 0; index++) {
        const { node, prevNode } = store.history.at(index);
        for (const held of [node, prevNode]) {
          if (held !== undefined && store.tree.find(held.path) !== held) expect(held.parent).toBe(undefined);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('time does not go back, though clocks do and commands come out of order; reads do not move it', () => {
  const store = new Store(1000, true);
  expect(set(store, '/k', 'one', { timeMs: NOON_MS + 10 }).timeMs).toBe(NOON_MS + 10);
  expect(set(store, '/k', 'two', { timeMs: NOON_MS }).timeMs).toBe(NOON_MS + 10);
  expect([store.timeFor(NOON_MS), store.timeFor(NOON_MS + 20), store.timeMs]).toEqual([
    NOON_MS + 10,
    NOON_MS + 20,
    NOON_MS + 10,
  ]);
  store.tick(NOON_MS + 5, 1);
  expect(store.timeMs).toBe(NOON_MS + 10);
});

test('a life that would have ended before the year 2000 is none', () => {
  const store = new Store(1000, true);
  const millennium = Date.UTC(2000, 0, 1);
  expect(set(store, '/new', 'v', { expirationMs: millennium - 1 }).node?.expirationMs).toBeUndefined();
  expect(set(store, '/new', 'v', { expirationMs: millennium }).node?.expirationMs).toBe(millennium);
});
