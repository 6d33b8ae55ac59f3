import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Node } from '../../src/store/node.ts';
import { TtlQueue } from '../../src/store/ttl-queue.ts';

const timed = (expirationMs: number, modifiedIndex: number) =>
  new Node(
    `/${modifiedIndex}` as ByteString,
    true,
    '' as ByteString,
    true,
    undefined,
    modifiedIndex,
    modifiedIndex,
    expirationMs,
  );

const soonestFirst = (a: Node, b: Node) =>
  (a.expirationMs as number) - (b.expirationMs as number) || a.modifiedIndex - b.modifiedIndex;

function drained(queue: TtlQueue): Node[] {
  const nodes: Node[] = [];
  for (let node = queue.peek(); node !== undefined; node = queue.peek()) {
    nodes.push(node);
    queue.remove(node);
  }
  return nodes;
}

test('nodes come out soonest first, those of one time in the order of their indexes, whatever came and went between', () => {
  // Each entry adds a node; a number beside it takes one of those in the queue away.
  const entry = fc.tuple(fc.integer({ min: 0, max: 8 }), fc.option(fc.nat(), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 80, size: 'max' }), (entries) => {
      const queue = new TtlQueue();
      const model: Node[] = [];
      entries.forEach(([expirationMs, removed], position) => {
        // Indexes neither ascend nor descend.
        const node = timed(expirationMs, (position * 37) % 101);
        queue.add(node);
        model.push(node);
        if (removed !== undefined) queue.remove(model.splice(removed % model.length, 1)[0] as Node);
        expect(queue.size).toBe(model.length);
        expect(queue.peek()).toBe([...model].sort(soonestFirst)[0]);
      });
      expect(drained(queue)).toEqual(model.sort(soonestFirst));
    }),
  );
});

test('a node that has left can be taken out again without harm, and come back', () => {
  const queue = new TtlQueue();
  const [one, other] = [timed(1, 1), timed(2, 2)];
  queue.add(one);
  queue.add(other);
  queue.remove(one);
  queue.remove(one);
  expect(queue.size).toBe(1);
  queue.add(one);
  expect(drained(queue)).toEqual([one, other]);
});

test('an empty queue has nothing next', () => {
  expect(new TtlQueue().peek()).toBeUndefined();
});
