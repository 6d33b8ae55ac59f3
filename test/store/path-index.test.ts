import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { type Child, Node } from '../../src/store/node.ts';
import { PathIndex } from '../../src/store/path-index.ts';
import { hashOfPath, hashOfPathBytes } from '../../src/store/state-hash.ts';

/** More than a search looks through. */
const CROWD = 100;
/** Of the hashes of the crowd: 8 choose the shard, and 8 the place while it has no more than these keys. */
const SHARD_AND_PLACE = 0xff0000ff;

function nodeAt(path: string, pathHash = hashOfPath(path as ByteString)): Node {
  const node = new Node(path as ByteString, true, '' as ByteString, true, undefined, 1, 1, undefined);
  node.pathHash = pathHash;
  return node;
}

/** Paths that all want one place, as somebody would choose them who knows the hash. */
function crowdedPaths(): string[] {
  const paths: string[] = [];
  for (let name = 0; paths.length < CROWD; name++) {
    const path = `/dir/${name}`;
    if ((hashOfPath(path as ByteString) & SHARD_AND_PLACE) === 0) paths.push(path);
  }
  return paths;
}

function indexOf(nodes: Iterable<Node>): PathIndex {
  const index = new PathIndex();
  for (const node of nodes) index.add(node);
  return index;
}

/** Looks for a path as it lies in a frame, among other bytes. */
function getByBytes(index: PathIndex, path: string): Child | undefined {
  const bytes = Buffer.from(`<${path}>`, 'latin1');
  return index.getByBytes(bytes, 1, bytes.length - 2, hashOfPathBytes(bytes, 1, bytes.length - 1));
}

const crowded = crowdedPaths();
const strewn = Array.from({ length: CROWD }, (_, name) => `/other/${name}`);

describe('the index of paths', () => {
  test.each([
    ['crowd in one place', crowded],
    ['lie strewn', strewn],
  ])('does what a map does, come and go what may, where paths %s', (_, paths) => {
    const steps = fc.array(
      fc.record({ position: fc.nat(CROWD - 1), action: fc.constantFrom('add or replace', 'remove') }),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(steps, fc.boolean(), (taken, isFull) => {
        const model = new Map(isFull ? paths.map((path) => [path, nodeAt(path)]) : []);
        const index = indexOf(model.values());
        for (const { position, action } of taken) {
          const path = paths[position] as string;
          const old = model.get(path);
          if (action === 'remove') {
            if (old !== undefined) index.remove(old);
            model.delete(path);
          } else {
            const node = nodeAt(path);
            if (old === undefined) index.add(node);
            else index.replace(old, node);
            model.set(path, node);
          }
        }
        expect(index.size).toBe(model.size);
        for (const path of paths) {
          expect(index.get(path as ByteString)).toBe(model.get(path));
          expect(getByBytes(index, path)).toBe(model.get(path));
        }
      }),
    );
  });

  test('finds all while it grows, and the others while it shrinks', () => {
    const nodes = Array.from({ length: 20_000 }, (_, name) => nodeAt(`/many/${name}`));
    const index = indexOf(nodes);
    for (const node of nodes) expect(index.get(node.path)).toBe(node);
    const isKept = (position: number) => position % 100 === 0;
    for (const [position, node] of nodes.entries()) if (!isKept(position)) index.remove(node);
    for (const [position, node] of nodes.entries()) {
      expect(index.get(node.path)).toBe(isKept(position) ? node : undefined);
    }
  });

  // Minutes, were the row walked to its end each time: no load makes that of it.
  test('gives up a long row of paths side by side one after the other', () => {
    const row = Array.from({ length: 400_000 }, (_, place) => nodeAt(`/row/${place}`, place));
    const index = indexOf(row);
    for (const node of row) index.remove(node);
    expect(index.size).toBe(0);
  });

  test('tells paths with one hash apart by their bytes', () => {
    const hash = hashOfPath('/a/x' as ByteString);
    const index = indexOf([nodeAt('/a/y', hash), nodeAt('/a/xx', hash)]);
    expect(getByBytes(index, '/a/x')).toBeUndefined();
    const node = nodeAt('/a/x', hash);
    index.add(node);
    expect(getByBytes(index, '/a/x')).toBe(node);
  });

  test('finds a directory by the beginning of the paths in it', () => {
    const long = `/${'x'.repeat(200)}`;
    const directories = ['', '/a', '/a/b', long, ...crowded].map((path) => nodeAt(path));
    const index = indexOf(directories);
    for (const directory of directories) {
      expect(index.getAncestor(`${directory.path}/child` as ByteString, directory.path.length)).toBe(directory);
    }
    expect(index.getAncestor('/abc' as ByteString, 3)).toBeUndefined();
  });
});
