import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import type { Node } from '../../src/store/node.ts';
import { writeStore } from '../../src/store/snapshot-codec.ts';
import { hashOfNode, hashOfPath } from '../../src/store/state-hash.ts';
import type { Store } from '../../src/store/store.ts';
import { contentOf, makeDirectory, reborn, remove, set, storeWith } from './store-fixture.ts';

/** Short and long, below and above what goes through native code; with bytes that are no ASCII, and no UTF-8. */
const TEXTS = {
  'an empty one': '',
  'a short one': 'abc',
  'one of 95 bytes': 'x'.repeat(95),
  'one of 96 bytes': 'y'.repeat(96),
  'a long one': 'z'.repeat(100_000),
  'short bytes': '\u00ff\u0080\u00c3',
  'long bytes': '\u00e9\u00fe'.repeat(200),
};
const texts = Object.entries(TEXTS).map(([name, text]) => ({ name, text }));

function snapshotOf(store: Store): string {
  const chunks: string[] = [];
  writeStore(store, (bytes, offset, lengthBytes) => {
    chunks.push(bytes.toString('latin1', offset, offset + lengthBytes));
  });
  return chunks.join();
}

function nodeOf(store: Store, path: string): Node {
  return store.tree.find(path as ByteString) as Node;
}

describe('a node that comes from a snapshot', () => {
  test.for(texts)('has the value that it had: $name', ({ text }) => {
    const first = storeWith({ '/a': text });
    const second = reborn(first);
    expect(nodeOf(second, '/a').valueLength).toBe(text.length);
    expect(nodeOf(second, '/a').value).toBe(text);
    expect(contentOf(second)).toEqual(contentOf(first));
  });

  test.for(texts)('has the path that it had: $name', ({ text }) => {
    const path = `/d/${text}x`;
    const node = nodeOf(reborn(storeWith({ [path]: 'v' })), path);
    expect(node.path).toBe(path);
    expect(node.pathLength).toBe(path.length);
  });

  test.for(texts)('has the hashes of its bytes: $name', ({ text }) => {
    const store = reborn(storeWith({ [`/d/${text}x`]: text, '/other': text }));
    for (const node of [nodeOf(store, `/d/${text}x`), nodeOf(store, '/other')]) {
      expect(node.pathHash).toBe(hashOfPath(node.path));
      expect(node.hash).toBe(hashOfNode(node));
    }
  });

  test('is written into the next snapshot as it came, asleep or awake', () => {
    const first = storeWith(Object.fromEntries(texts.map(({ name, text }) => [`/d/${name}/${text}x`, text])));
    const expected = snapshotOf(first);
    const second = reborn(first);
    expect(snapshotOf(second)).toBe(expected);
    for (const { name, text } of texts.slice(0, 3)) expect(nodeOf(second, `/d/${name}/${text}x`).value).toBe(text);
    expect(snapshotOf(second)).toBe(expected);
    contentOf(second);
    expect(snapshotOf(second)).toBe(expected);
  });

  test('is replaced, removed and given another life like any other', () => {
    const stores = [storeWith({ '/a': '1', '/b': '2', '/d/c': '3', '/e': '4' })];
    stores.push(reborn(stores[0] as Store));
    for (const store of stores) {
      set(store, '/a', 'new');
      remove(store, '/b');
      set(store, '/d/f', 'beside one asleep');
      makeDirectory(store, '/g');
    }
    const [first, second] = stores as [Store, Store];
    expect(second.stateHash).toBe(first.stateHash);
    expect(snapshotOf(second)).toBe(snapshotOf(first));
  });

  test('is whole, however large, when all that came beside it is gone', () => {
    const value = 'v'.repeat(270_000);
    const small = Array.from({ length: 18_000 }, (_, key) => [`/${key}`, '']);
    const store = reborn(storeWith({ '/large': value, ...Object.fromEntries(small) }));
    const { sleepers } = store.tree;
    const { heldBytes } = sleepers;
    for (const [path] of small) remove(store, path as string);
    expect([sleepers.count, sleepers.heldBytes < heldBytes]).toEqual([1, true]);
    expect(nodeOf(reborn(store), '/large').value).toBe(value);
    expect(nodeOf(store, '/large').value).toBe(value);
  });
});
