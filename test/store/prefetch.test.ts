import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { newDirectory } from '../../src/store/node.ts';
import { PREFETCHED_PATHS_MAX, Prefetch } from '../../src/store/prefetch.ts';
import { hashOfPath, hashOfPathBytes } from '../../src/store/state-hash.ts';
import { Tree } from '../../src/store/tree.ts';

const LENGTHS = [1, 2, 10, 63, 64, 95];
const LONG = 96;
const pathOf = (length: number) => `/${'\xff'.repeat(length - 1)}` as ByteString;

function treeWith(...paths: ByteString[]): Tree {
  const tree = new Tree(false);
  for (const path of paths) tree.attach(tree.root, newDirectory(path, true, 1, undefined));
  return tree;
}

/** Notes each path as it lies in a frame, with something before and behind it. */
function noteAll(prefetch: Prefetch, paths: readonly ByteString[]): void {
  for (const path of paths) prefetch.note(Buffer.from(`x${path}x`, 'latin1'), 1, path.length);
}

describe('the hash of a path among other bytes', () => {
  test.each([...LENGTHS, LONG])('is that of the path, of %d characters', (length) => {
    const path = pathOf(length);
    expect(hashOfPathBytes(Buffer.from(`x${path}x`, 'latin1'), 1, 1 + length)).toBe(hashOfPath(path));
  });
});

describe('looking at nodes ahead of commands', () => {
  test('finds those that are there', () => {
    const prefetch = new Prefetch(treeWith(...LENGTHS.map(pathOf)));
    noteAll(prefetch, LENGTHS.map(pathOf));
    expect(prefetch.fetch()).toBe(LENGTHS.length);
  });

  test('knows of the paths since the last time only', () => {
    const prefetch = new Prefetch(treeWith(pathOf(5)));
    noteAll(prefetch, [pathOf(5)]);
    prefetch.fetch();
    expect(prefetch.fetch()).toBe(0);
  });

  test('takes as many as it says, among them what is absent, long, or the root', () => {
    const prefetch = new Prefetch(treeWith(pathOf(5), pathOf(LONG)));
    const paths = Array.from({ length: PREFETCHED_PATHS_MAX - 2 }, () => pathOf(7));
    noteAll(prefetch, [pathOf(LONG), '' as ByteString, ...paths, pathOf(5)]);
    expect(prefetch.fetch()).toBe(2);
  });
});
