/** Random histories of a store: few paths, few values and short lives, so that everything meets everything. */
import fc from 'fast-check';
import { Op } from '../../src/protocol/command.ts';
import { Failure } from '../../src/store/failure.ts';
import type { Store, Write } from '../../src/store/store.ts';
import { aWrite, NOON_MS, type WriteFields } from './store-fixture.ts';

export type Step =
  | {
      readonly kind: 'write';
      readonly op: Op;
      readonly path: string;
      readonly fields: WriteFields;
      readonly lifeMs: number | undefined;
    }
  | { readonly kind: 'tick'; readonly eventsMax: number };

const keyPath = fc
  .array(fc.constantFrom('a', 'a', 'b', '_h'), { minLength: 1, maxLength: 3 })
  .map((names) => names.map((name) => `/${name}`).join(''));
const path = fc.oneof({ weight: 24, arbitrary: keyPath }, { weight: 1, arbitrary: fc.constant('') });
const value = fc.constantFrom('x', 'x', '', '"<\u00e9');
const writeOps = Object.values(Op).filter((code) => code !== Op.get && code !== Op.watch);
const op = fc.constantFrom(...writeOps, Op.set, Op.set, Op.create);
const flag = fc.boolean();
const rarely = fc.integer({ max: 4, min: 0 }).map((number) => number === 0);

const write = fc
  .record({
    op,
    path,
    value,
    prevValue: fc.constantFrom('', '', '', 'x'),
    prevIndex: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 1 }),
    dir: rarely,
    recursive: flag,
    refresh: rarely,
    // In ms; far enough back it lies before the year 2000, which counts as none where a node is created.
    lifeMs: fc.option(fc.constantFrom(0, 1, 2, 3, 5, 8, -NOON_MS), { nil: undefined }),
  })
  .map(({ op, path, lifeMs, prevIndex, ...others }): Step => {
    return { kind: 'write', op, path, lifeMs, fields: prevIndex === undefined ? others : { ...others, prevIndex } };
  });

const tick = fc.integer({ min: 1, max: 3 }).map((eventsMax): Step => ({ kind: 'tick', eventsMax }));

export function randomSteps(maxLength = 60): fc.Arbitrary<Step[]> {
  return fc.array(fc.oneof({ weight: 8, arbitrary: write }, { weight: 1, arbitrary: tick }), {
    maxLength,
    size: 'max',
  });
}

/** The time of a step: a millisecond passes with every second one. */
export function timeOf(position: number): number {
  return NOON_MS + (position >> 1);
}

export function writeOf(step: Step & { kind: 'write' }, position: number): Write {
  const timeMs = timeOf(position);
  // A little more for each step keeps expirations apart: a tie of a directory with its own contents is
  // the subject of a test of its own (determinism.test.ts).
  const expirationMs = step.lifeMs === undefined ? undefined : timeMs + step.lifeMs + position / 1024;
  return aWrite(step.op, step.path, { ...step.fields, timeMs, expirationMs });
}

export function play(store: Store, steps: readonly Step[], first = 0): void {
  steps.forEach((step, offset) => {
    perform(store, step, first + offset);
  });
}

/** @returns how many events it made. */
export function perform(store: Store, step: Step, position: number): number {
  if (store.undoLog !== undefined) store.undoLog.sequence = position + 1;
  if (step.kind === 'tick') return store.tick(timeOf(position), step.eventsMax);
  return store.write(writeOf(step, position)) instanceof Failure ? 0 : 1;
}
