import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { type Child, Node } from '../../src/store/node.ts';
import { isAsleep, Sleepers } from '../../src/store/sleepers.ts';
import { TtlQueue } from '../../src/store/ttl-queue.ts';

const PLACE = 0;
const DIRECTORY = 0;

const pathOf = (modifiedIndex: number) => `/${modifiedIndex}` as ByteString;
const timed = (expirationMs: number, index: number) =>
  new Node(pathOf(index), true, '' as ByteString, true, undefined, index, index, expirationMs);

class Model {
  readonly sleepers = new Sleepers();
  readonly queue = new TtlQueue(this.sleepers);

  /** A key that sleeps. */
  asleep(expirationMs: number, index: number): number {
    const path = pathOf(index);
    const key = { bytes: Buffer.from(path), pathAt: 0, pathSizeBytes: path.length, valueSizeBytes: 0 };
    const sleeper = this.sleepers.chunkFor(key).add(key, 0, index, index, expirationMs, 0, 0);
    this.sleepers.enter(sleeper, DIRECTORY, PLACE);
    return sleeper;
  }

  shown(child: Child): Node {
    return isAsleep(child) ? this.sleepers.chunkOf(child).nodeOf(child) : child;
  }

  add(child: Child): void {
    const { expirationMs, modifiedIndex } = this.shown(child);
    this.queue.add(child, expirationMs as number, modifiedIndex);
  }

  /** Asleep in another place, or awake from now on. */
  moved(child: number, isAwake: boolean): Child {
    const copy = isAwake ? this.shown(child) : this.sleepers.copy(child);
    if (isAsleep(copy)) this.sleepers.enter(copy, DIRECTORY, PLACE);
    this.queue.exchange(child, copy);
    return copy;
  }

  drained(): Child[] {
    const children: Child[] = [];
    for (let child = this.queue.peek(); child !== undefined; child = this.queue.peek()) {
      children.push(child);
      this.queue.remove(child);
    }
    return children;
  }

  readonly soonestFirst = (one: Child, other: Child): number => {
    const [a, b] = [this.shown(one), this.shown(other)];
    return (a.expirationMs as number) - (b.expirationMs as number) || a.modifiedIndex - b.modifiedIndex;
  };
}

test('keys come out soonest first, those of one time in the order of their indexes, whatever came, woke, moved and went between', () => {
  const entry = fc.record({
    expirationMs: fc.integer({ min: 0, max: 8 }),
    isAsleep: fc.boolean(),
    /** Which one is taken away then, and which one asleep moves or wakes. */
    removed: fc.option(fc.nat(), { nil: undefined }),
    moved: fc.option(fc.nat(), { nil: undefined }),
    isWoken: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 80, size: 'max' }), (entries) => {
      const model = new Model();
      const { queue } = model;
      const children: Child[] = [];
      entries.forEach(({ expirationMs, isAsleep: sleeps, removed, moved, isWoken }, position) => {
        // Indexes neither ascend nor descend.
        const index = (position * 37) % 101;
        const child = sleeps ? model.asleep(expirationMs, index) : timed(expirationMs, index);
        model.add(child);
        children.push(child);
        const place = moved === undefined ? -1 : moved % children.length;
        const mover = children[place];
        if (isAsleep(mover)) children[place] = model.moved(mover, isWoken);
        if (removed !== undefined) queue.remove(children.splice(removed % children.length, 1)[0] as Child);
        const soonest = [...children].sort(model.soonestFirst)[0];
        expect(queue.size).toBe(children.length);
        expect(queue.peek()).toBe(soonest);
        expect(queue.nextMs).toBe(soonest === undefined ? Number.POSITIVE_INFINITY : model.shown(soonest).expirationMs);
      });
      expect(model.drained()).toEqual(children.sort(model.soonestFirst));
    }),
  );
});

test.each(['awake', 'asleep'])('a key %s that has left can be taken out again without harm, and come back', (how) => {
  const model = new Model();
  const [one, other] = how === 'awake' ? [timed(1, 1), timed(2, 2)] : [model.asleep(1, 1), model.asleep(2, 2)];
  model.add(one);
  model.add(other);
  model.queue.remove(one);
  model.queue.remove(one);
  expect(model.queue.size).toBe(1);
  model.add(one);
  expect(model.drained()).toEqual([one, other]);
});

test('an empty queue has nothing next', () => {
  const { queue } = new Model();
  expect(queue.peek()).toBeUndefined();
  expect(queue.nextMs).toBe(Number.POSITIVE_INFINITY);
});
