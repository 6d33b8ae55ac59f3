import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import { Listing } from '../../src/store/listing.ts';
import type { Node } from '../../src/store/node.ts';
import { renderFields } from '../../src/store/render.ts';
import { Store } from '../../src/store/store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { finished, happen, listingOf, makeDirectory, NOON_MS, remove, set, storeWith } from './store-fixture.ts';

const nodeAt = (store: Store, path: string) => store.tree.find(path as ByteString) as Node;

/** A recursive, sorted listing, rendered in the plainest way. */
function plainListing(store: Store, path: string): string {
  const render = (node: Node): string => {
    const isBelow = (child: Node) => !child.path.slice(node.path.length).startsWith('/_');
    const children = (node.isDirectory ? store.tree.childrenOf(node) : [])
      .filter(isBelow)
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    if (children.length === 0) return `{${renderFields(node, NOON_MS)}}`;
    const nodes = `,"nodes":[${children.map(render).join(',')}]`;
    const fields = renderFields(node, NOON_MS);
    const end = fields.indexOf(',"modifiedIndex"');
    return end === -1 ? `{${fields}${nodes}}` : `{${fields.slice(0, end)}${nodes}${fields.slice(end)}}`;
  };
  return `{"action":"get","node":${render(nodeAt(store, path))}}\n`;
}

const keysOf = (body: string) => [...body.matchAll(/"key":"([^"]*)"/g)].map((match) => match[1]);

describe('what a listing shows', () => {
  test('the root has neither key nor indexes', () => {
    expect(listingOf(storeWith({}), '', false, false)).toBe('{"action":"get","node":{"dir":true}}\n');
    expect(listingOf(storeWith({ '/k': 'v' }), '', false, false)).toBe(
      '{"action":"get","node":{"dir":true,"nodes":[{"key":"/k","value":"v","modifiedIndex":2,"createdIndex":2}]}}\n',
    );
  });

  test('keys are shown as when they are asked for alone, whatever they need in JSON', () => {
    const store = storeWith({
      '/d/"\xc3\xa9': 'v',
      '/d/a': '<\x80>',
      '/d/b': `"${'\xe2\x80\xa8'.repeat(100_000)}`,
      '/d/c': '',
    });
    expect(listingOf(store, '/d', true, true) === plainListing(store, '/d')).toBe(true);
  });

  test('an empty directory has no nodes', () => {
    const store = storeWith({});
    makeDirectory(store, '/d');
    expect(listingOf(store, '/d', true, true)).toBe(
      '{"action":"get","node":{"key":"/d","dir":true,"modifiedIndex":2,"createdIndex":2}}\n',
    );
  });

  test('without recursion, directories are shown without their contents', () => {
    expect(listingOf(storeWith({ '/d/e/k': 'v' }), '/d', false, true)).toBe(
      '{"action":"get","node":{"key":"/d","dir":true,"nodes":[{"key":"/d/e","dir":true,"modifiedIndex":2,"createdIndex":2}],"modifiedIndex":2,"createdIndex":2}}\n',
    );
  });

  test('hidden names are left out, below a hidden directory only those further down', () => {
    const store = storeWith({ '/_h/k': 'v', '/_h/_i': 'v', '/a': 'v', '/d/_j': 'v' });
    expect(keysOf(listingOf(store, '', true, true))).toEqual(['/a', '/d']);
    expect(keysOf(listingOf(store, '/_h', true, true))).toEqual(['/_h', '/_h/k']);
  });

  test('a directory with nothing but hidden names shows no nodes', () => {
    expect(listingOf(storeWith({ '/d/_a': 'v', '/d/_b/k': 'v' }), '/d', true, true)).toBe(
      '{"action":"get","node":{"key":"/d","dir":true,"modifiedIndex":2,"createdIndex":2}}\n',
    );
  });

  test('sorted means by the bytes of the keys', () => {
    const names = ['b', 'a', 'B', '10', '9', 'a!', 'a0', '\u00ff', '\u00c3\u00a9', '~', 'aa'];
    const store = storeWith(Object.fromEntries(names.map((name) => [`/d/${name}`, 'v'])));
    const inBytes = names.map((name) => Buffer.from(name, 'latin1')).sort(Buffer.compare);
    const positions = inBytes.map((name) => nodeAt(store, `/d/${name.toString('latin1')}`).createdIndex);
    const shown = [...listingOf(store, '/d', false, true).matchAll(/"createdIndex":(\d+)\}[,\]]/g)].map((match) =>
      Number(match[1]),
    );
    expect(shown).toEqual(positions);
  });
});

describe('a listing of more than ten thousand nodes', () => {
  const COUNT = 12_345;
  const bigStore = () => {
    const store = new Store(10, false);
    const random = new SeededRandom(7);
    while (store.tree.size < COUNT) {
      const path = `/d/${random.below(4)}/${random.below(3) === 0 ? `e/${random.below(50)}/` : ''}${random.below(1_000_000)}`;
      set(
        store,
        path,
        'x'.repeat(random.below(40)),
        random.chance(0.1) ? { expirationMs: NOON_MS + random.below(100_000) } : {},
      );
    }
    return store;
  };

  test('is made in many steps and is what a plain rendering gives', () => {
    const store = bigStore();
    const listing = new Listing(nodeAt(store, ''), store.tree, true, true, NOON_MS);
    let steps = 1;
    while (!listing.step()) steps++;
    const parts = listing.takeParts();
    expect(steps).toBeGreaterThan(COUNT / 500);
    expect(Buffer.concat(parts).toString('latin1') === plainListing(store, '')).toBe(true);
  });

  test('asks for room in the heap before it takes it, and goes no further without', () => {
    const store = bigStore();
    for (let count = 0; count < 5000; count++) set(store, `/many/${count}/k`);
    const asked: number[] = [];
    const ask = (rooms: number) => (sizeBytes: number) => asked.push(sizeBytes) <= rooms;
    const whole = new Listing(nodeAt(store, ''), store.tree, true, false, NOON_MS, ask(Number.POSITIVE_INFINITY));
    expect(whole.lacksRoom).toBe(false);
    expect(finished(whole)).toBe(listingOf(store, '', true, false));
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.reduce((sum, sizeBytes) => sum + sizeBytes)).toBeGreaterThan(5000 * 500);
    asked.length = 0;
    expect(new Listing(nodeAt(store, ''), store.tree, true, false, NOON_MS, ask(1)).lacksRoom).toBe(true);
    expect(asked).toHaveLength(2);
  });

  test('shows the same nodes when it need not sort them', () => {
    const store = bigStore();
    const inOrder = (isSorted: boolean) => keysOf(listingOf(store, '', true, isSorted)).sort();
    expect(inOrder(false)).toEqual(inOrder(true));
  });

  test.each([true, false])('is not changed by what is written while it is made (sorted: %s)', (isSorted) => {
    const store = bigStore();
    const directoryOf = (number: number) => `/d/${number}`;
    const expected = listingOf(store, '/d', true, isSorted);
    const listing = new Listing(nodeAt(store, '/d'), store.tree, true, isSorted, NOON_MS);
    const random = new SeededRandom(11);
    const writes = [
      () => set(store, `/d/${random.below(4)}/new${random.below(1000)}`),
      () => {
        const children = store.tree.childrenOf(nodeAt(store, directoryOf(0)));
        const key = children.find((child) => !child.isDirectory);
        if (key !== undefined) set(store, key.path, 'changed');
      },
      () => {
        const children = store.tree.childrenOf(nodeAt(store, directoryOf(1)));
        const first = children[0];
        if (first !== undefined && children.length > 1) remove(store, first.path);
      },
      () => happen(store, Op.update, directoryOf(random.below(3)), { dir: true, expirationMs: NOON_MS + 9_000_000 }),
      () => happen(store, Op.update, '/d', { dir: true, expirationMs: NOON_MS + 9_000_000 }),
    ];
    while (!listing.step()) for (const write of writes) write();
    remove(store, '/d');
    const body = Buffer.concat(listing.takeParts()).toString('latin1');
    expect(body === expected).toBe(true);
  });

  test('comes in parts that own their memory, as they are handed to another thread', () => {
    const store = new Store(10, false);
    for (let number = 0; number < 100; number++) set(store, `/d/${number}`, 'x'.repeat(30_000));
    const listing = new Listing(nodeAt(store, '/d'), store.tree, false, false, NOON_MS);
    while (!listing.step());
    const parts = listing.takeParts();
    expect(parts.length).toBeGreaterThan(2);
    expect(new Set(parts.map(({ buffer }) => buffer)).size).toBe(parts.length);
    expect(parts.every(({ byteOffset }) => byteOffset === 0)).toBe(true);
  });

  test('takes a value larger than a part in one piece', () => {
    const store = storeWith({ '/d/small': 'v', '/d/large': 'x'.repeat(3_000_000) });
    expect(finished(new Listing(nodeAt(store, '/d'), store.tree, false, true, NOON_MS))).toBe(
      plainListing(store, '/d'),
    );
  });
});
