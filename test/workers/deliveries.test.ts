/** Those who watch, as the store duty serves them: what they hear, and when they are let go. */
import { describe, expect, test } from 'vitest';
import { ControlOp } from '../../src/frame/command-frame.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import { DutyBench } from './duty-bench.ts';

const kindsOf = (replies: readonly { kind: string }[]) => replies.map(({ kind }) => kind);

describe('an event', () => {
  test('with a thousand watchers is one frame with a thousand slots', () => {
    const bench = new DutyBench();
    for (let slot = 1; slot <= 1000; slot++) bench.first.watch(slot, '/k', slot % 2 === 0 ? Flag.stream : 0);
    bench.run();
    expect(bench.first.received()).toHaveLength(1000);

    bench.first.set(2000, '/k');
    bench.run();
    const [answer, event, ...others] = bench.first.received();
    expect(others).toEqual([]);
    expect(answer).toMatchObject({ kind: 'answer', slot: 2000, status: 201 });
    expect(event).toMatchObject({ kind: 'event', body: answer?.body });
    expect([...(event?.slots ?? [])].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, slot) => slot + 1),
    );
    expect(event?.streams).toHaveLength(500);

    bench.first.set(2000, '/k');
    bench.run();
    expect(bench.first.received()[1]?.slots).toHaveLength(500);
  });

  test('with more watchers than a frame takes is split over several, which name each once', () => {
    const bench = new DutyBench();
    for (let slot = 0; slot < 20_000; slot++) {
      bench.first.watch(slot, '/k');
      if (slot % 1000 === 999) {
        bench.run();
        bench.first.received();
      }
    }
    bench.first.set(30_000, '/k');
    bench.run();
    const [answer, ...events] = bench.first.received();
    expect(kindsOf(events)).toEqual(['event', 'event', 'event']);
    expect(new Set(events.flatMap(({ slots }) => slots)).size).toBe(20_000);
    expect(events.every(({ body }) => body === answer?.body)).toBe(true);
  });

  test('goes to each front end whose clients watch, with its own slots', () => {
    const bench = new DutyBench(3);
    bench.first.watch(1, '/k');
    bench.second.watch(1, '/k');
    bench.second.watch(2, '/', Flag.recursive);
    bench.second.watch(3, '', Flag.recursive);
    bench.run();
    for (const frontEnd of bench.frontEnds) frontEnd.received();
    bench.first.set(9, '/k');
    bench.run();
    expect(kindsOf(bench.first.received())).toEqual(['answer', 'event']);
    const [event, ...others] = bench.second.received();
    expect(others).toEqual([]);
    expect([...(event?.slots ?? [])].sort()).toEqual([1, 3]);
    expect(bench.frontEnds[2]?.received()).toEqual([]);
  });

  test('of a write comes after the writer’s own answer, and before the answer to the next command', () => {
    const bench = new DutyBench();
    bench.first.watch(1, '/k');
    bench.first.set(2, '/k');
    bench.first.send(Op.get, 3, '/k');
    bench.run();
    const replies = bench.first.received();
    expect(kindsOf(replies)).toEqual(['watchOpened', 'answer', 'event', 'answer']);
    expect(replies.map(({ slot, slots }) => slots[0] ?? slot)).toEqual([1, 2, 1, 3]);
  });

  test('shows the value to watchers, though the writer has asked for none', () => {
    const bench = new DutyBench();
    bench.first.watch(1, '/k');
    bench.first.set(2, '/k', 'v', { flags: Flag.noValueOnSuccess });
    bench.run();
    const [, answer, event] = bench.first.received();
    expect(answer?.body).toBe('{"action":"set"}\n');
    expect(event?.body).toContain('"value":"v"');
  });
});

describe('a watch that looks back', () => {
  test('is answered at once', () => {
    const bench = new DutyBench();
    bench.first.set(1, '/k', 'one');
    bench.first.set(1, '/k', 'two');
    bench.first.watch(2, '/k', 0, 2n);
    bench.run();
    expect(bench.first.received()[2]).toMatchObject({ kind: 'answer', slot: 2, status: 200, etcdIndex: 3 });
    expect(bench.duty.store.hub.size).toBe(0);
  });

  test('as a stream gets each missed event in a frame of its own, then what happens', () => {
    const bench = new DutyBench();
    for (const value of ['one', 'two']) bench.first.set(1, '/k', value);
    bench.first.watch(2, '/k', Flag.stream, 2n);
    bench.first.set(1, '/k', 'three');
    bench.run();
    const [, , ...replies] = bench.first.received();
    expect(kindsOf(replies)).toEqual(['watchOpened', 'event', 'event', 'answer', 'event']);
    expect(replies.filter(({ kind }) => kind === 'event').every(({ streams }) => streams[0] === 2)).toBe(true);
    expect(replies.map(({ body }) => /"value":"(\w+)"/.exec(body)?.[1])).toEqual([
      undefined,
      'one',
      'two',
      'three',
      'three',
    ]);
  });
});

describe('a watch too many', () => {
  const benchWithPlaces = (places: number) => new DutyBench(2, { watchersMax: places });

  test('of one client is refused by a frame of its own, until one of its watches has ended', () => {
    const bench = new DutyBench(2, { watchersMax: 4, clientWatchersMax: 1 });
    bench.first.watch(1, '/k', 0, 0n, 'one');
    bench.second.watch(1, '/k', 0, 0n, 'one');
    bench.second.watch(2, '/other', 0, 0n, 'two');
    bench.run();
    expect(kindsOf(bench.first.received())).toEqual(['watchOpened']);
    expect(kindsOf(bench.second.received())).toEqual(['clientWatchRefused', 'watchOpened']);
    bench.first.set(9, '/k');
    bench.run();
    bench.second.watch(3, '/k', 0, 0n, 'one');
    bench.run();
    expect(kindsOf(bench.second.received())).toEqual(['watchOpened']);
  });

  test('is refused, whichever front ends the others belong to', () => {
    const bench = benchWithPlaces(2);
    for (const frontEnd of bench.frontEnds) frontEnd.watch(1, '/k');
    bench.run();
    bench.first.watch(2, '/k');
    bench.second.watch(3, '/k', Flag.stream);
    bench.run();
    expect(kindsOf(bench.first.received())).toEqual(['watchOpened', 'watchRefused']);
    expect(kindsOf(bench.second.received())).toEqual(['watchOpened', 'watchRefused']);
    expect(bench.duty.store.hub.size).toBe(2);
    bench.first.send(ControlOp.cancelWatch, 1, '');
    bench.second.watch(3, '/k');
    bench.run();
    expect(kindsOf(bench.second.received())).toEqual(['watchOpened']);
  });

  test('is answered all the same by what it has missed', () => {
    const bench = benchWithPlaces(1);
    bench.first.set(1, '/k');
    bench.first.watch(2, '/other');
    bench.first.watch(3, '/k', 0, 2n);
    bench.first.watch(4, '/k', Flag.stream, 2n);
    bench.run();
    expect(kindsOf(bench.first.received())).toEqual(['answer', 'watchOpened', 'answer', 'watchRefused']);
  });
});

describe('a cancelled watch', () => {
  test('hears no more, and its slot is released behind all frames addressed to it', () => {
    const bench = new DutyBench();
    bench.first.watch(1, '/k', Flag.stream);
    bench.first.set(2, '/k');
    bench.first.send(ControlOp.cancelWatch, 1, '');
    bench.first.set(2, '/k');
    bench.run();
    const replies = bench.first.received();
    expect(kindsOf(replies)).toEqual(['watchOpened', 'answer', 'event', 'released', 'answer']);
    expect(replies[3]).toMatchObject({ slot: 1 });
    expect(bench.duty.store.hub.size).toBe(0);
  });

  test('that had its event just before is released all the same', () => {
    const bench = new DutyBench();
    bench.first.watch(1, '/k');
    bench.first.set(2, '/k');
    bench.first.send(ControlOp.cancelWatch, 1, '');
    bench.run();
    expect(kindsOf(bench.first.received())).toEqual(['watchOpened', 'answer', 'event', 'released']);
  });

  test('of one front end leaves the watch of the same slot of another', () => {
    const bench = new DutyBench(2);
    for (const frontEnd of bench.frontEnds) frontEnd.watch(1, '/k');
    bench.run();
    bench.first.send(ControlOp.cancelWatch, 1, '');
    bench.first.set(2, '/k');
    bench.run();
    expect(kindsOf(bench.first.received())).toEqual(['watchOpened', 'released', 'answer']);
    expect(kindsOf(bench.second.received())).toEqual(['watchOpened', 'event']);
  });
});
