import { describe, expect, test, vi } from 'vitest';
import { ControlOp } from '../../src/frame/command-frame.ts';
import { ReplyFormat } from '../../src/frame/reply-frame.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import { NOON_MS } from '../store/store-fixture.ts';
import { DutyBench, isWokenBy } from './duty-bench.ts';

const kindsOf = (replies: readonly { kind: string }[]) => replies.map(({ kind }) => kind);

describe('a turn', () => {
  test('takes a bounded batch from each front end, so that none waits for another', () => {
    const bench = new DutyBench(2);
    for (let slot = 0; slot < 100; slot++) bench.first.set(slot, '/k');
    bench.second.send(Op.get, 1, '/k');
    bench.duty.turn();
    expect(bench.first.received()).toHaveLength(64);
    expect(bench.second.received()).toHaveLength(1);
    bench.duty.turn();
    expect(bench.first.received()).toHaveLength(36);
    expect(bench.duty.turn()).toBe(0);
  });

  test('rings the bell of a front end when its batch is done, not when those of the others are', () => {
    const bench = new DutyBench(2);
    const leftWhenRung: boolean[] = [];
    vi.spyOn(bench.first.replies, 'wakeFrontEnd').mockImplementation(() => {
      leftWhenRung.push(!bench.second.requests.isEmpty());
    });
    const wakeSecond = vi.spyOn(bench.second.replies, 'wakeFrontEnd');
    bench.first.set(1, '/k');
    bench.second.set(1, '/k');
    bench.duty.turn();
    expect(leftWhenRung[0]).toBe(true);
    expect(wakeSecond).toHaveBeenCalledTimes(1);
  });

  test('rings the bell of a front end that is told of an event and has asked for nothing', () => {
    const bench = new DutyBench(2);
    bench.first.watch(1, '/k');
    bench.run();
    const wakeFirst = vi.spyOn(bench.first.replies, 'wakeFrontEnd');
    bench.second.set(1, '/k');
    bench.duty.turn();
    expect(wakeFirst).toHaveBeenCalled();
  });

  test('expires a bounded number of keys, and serves commands in between', () => {
    const bench = new DutyBench();
    for (let slot = 0; slot < 500; slot++) bench.first.set(slot, `/k${slot}`, 'v', { expirationMs: NOON_MS + 1000 });
    bench.run();
    bench.first.received();
    bench.nowMs += 1000;
    const sizes: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      bench.first.send(Op.get, turn, '/none');
      bench.duty.turn();
      expect(bench.first.received()).toHaveLength(1);
      sizes.push(bench.duty.store.tree.size);
    }
    expect(sizes).toEqual([400, 300, 200, 100]);
    bench.run();
    expect(bench.duty.store.tree.size).toBe(0);
    expect(bench.duty.idleMsMax).toBe(Number.POSITIVE_INFINITY);
  });

  test('shows the indexes to all front ends, also of an expiry that nobody watches', () => {
    const bench = new DutyBench(2);
    bench.first.set(1, '/k', 'v', { expirationMs: NOON_MS + 1000 });
    bench.duty.turn();
    const { etcdIndex, raftIndex } = bench.first.received()[0] ?? {};
    expect([bench.words.etcdIndex, bench.words.sequence]).toEqual([etcdIndex, raftIndex]);
    bench.nowMs += 1000;
    bench.run();
    expect([bench.words.etcdIndex, bench.words.sequence]).toEqual([(etcdIndex ?? 0) + 1, (raftIndex ?? 0) + 1]);
  });

  test('holds expiry back while a front end has much before it, and serves commands all the same', () => {
    const bench = new DutyBench();
    for (let slot = 0; slot < 2000; slot++) {
      bench.first.set(slot, `/k${slot}`, 'v', { expirationMs: NOON_MS + 1000 });
      if (slot % 500 === 499) {
        bench.run();
        bench.first.received();
      }
    }
    bench.first.watch(1, '', Flag.recursive | Flag.stream);
    bench.run();
    bench.first.received();
    bench.nowMs += 1000;
    // The watcher's front end takes nothing.
    for (let turn = 0; turn < 30; turn++) bench.duty.turn();
    const left = bench.duty.store.tree.size;
    expect(left).toBeGreaterThan(500);
    expect(bench.duty.turn()).toBe(0);
    // Soon, and not at once: it would spin.
    expect(bench.duty.idleMsMax).toBeGreaterThan(0);
    expect(bench.duty.idleMsMax).toBeLessThan(1);
    bench.first.send(Op.get, 2, '/none');
    expect(bench.duty.turn()).toBe(1);
    expect(bench.duty.store.tree.size).toBe(left);
    // Now it does.
    let heard = 0;
    while (bench.duty.store.tree.size > 0) {
      heard += kindsOf(bench.first.received()).filter((kind) => kind === 'event').length;
      bench.duty.turn();
    }
    heard += kindsOf(bench.first.received()).filter((kind) => kind === 'event').length;
    expect(heard).toBe(2000);
    bench.duty.turn();
    expect(bench.duty.idleMsMax).toBe(Number.POSITIVE_INFINITY);
  });

  test('is not due any more when what was to expire has been deleted while it was held back', () => {
    const bench = new DutyBench();
    const value = 'x'.repeat(200_000);
    bench.first.set(1, '/k', value, { expirationMs: NOON_MS + 1000 });
    bench.run();
    bench.nowMs += 1000;
    // Its answer has not been taken yet.
    expect(bench.duty.turn()).toBe(0);
    // Soon, and not at once: it would spin.
    expect(bench.duty.idleMsMax).toBeGreaterThan(0);
    expect(bench.duty.idleMsMax).toBeLessThan(1);
    bench.first.send(Op.delete, 2, '/k');
    bench.run();
    expect(bench.duty.store.tree.size).toBe(0);
    expect(bench.duty.idleMsMax).toBe(Number.POSITIVE_INFINITY);
  });

  test('leaves what is written with its life over for a moment, and what follows finds it', () => {
    const bench = new DutyBench();
    bench.first.set(1, '/k', 'v', { expirationMs: NOON_MS });
    bench.run();
    bench.nowMs += 249;
    // No grace for those that come while there is one: together they are gone.
    bench.first.set(2, '/l', 'v', { expirationMs: NOON_MS - 1000, timeMs: NOON_MS + 249 });
    bench.run();
    expect([bench.valueAt('/k'), bench.valueAt('/l')]).toEqual(['v', 'v']);
    expect(bench.duty.idleMsMax).toBe(1);
    bench.nowMs += 1;
    expect(bench.duty.turn()).toBe(2);
    expect([bench.valueAt('/k'), bench.valueAt('/l')]).toEqual([undefined, undefined]);
    expect(bench.duty.idleMsMax).toBe(Number.POSITIVE_INFINITY);
  });

  test('goes by the clock when that is set back: for what is written then, and what had grace', () => {
    const bench = new DutyBench();
    bench.first.set(1, '/over', 'v', { expirationMs: NOON_MS });
    bench.first.set(2, '/later', 'v', { expirationMs: NOON_MS + 1000 });
    bench.run();
    bench.nowMs -= 3_600_000;
    bench.first.set(3, '/k', 'v', { expirationMs: bench.nowMs + 2000, timeMs: bench.nowMs });
    bench.run();
    bench.nowMs += 1999;
    expect(bench.duty.turn()).toBe(0);
    expect(bench.duty.idleMsMax).toBe(1);
    bench.nowMs += 1;
    expect(bench.duty.turn()).toBe(1);
    expect([bench.valueAt('/k'), bench.valueAt('/later')]).toEqual([undefined, 'v']);
    bench.first.set(4, '/k', 'v', { expirationMs: bench.nowMs, timeMs: bench.nowMs });
    bench.run();
    expect(bench.valueAt('/k')).toBe('v');
    bench.nowMs += 250;
    expect(bench.duty.turn()).toBe(1);
    expect(bench.valueAt('/k')).toBeUndefined();
  });

  test('gives no grace while there is something due, so that none waits for more than one', () => {
    const bench = new DutyBench();
    for (let slot = 0; slot < 300; slot++) bench.first.set(slot, `/k${slot}`, 'v', { expirationMs: NOON_MS });
    bench.run();
    bench.nowMs += 250;
    const sizes: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      bench.first.set(turn, `/l${turn}`, 'v', { expirationMs: NOON_MS, timeMs: bench.nowMs });
      bench.duty.turn();
      bench.first.received();
      sizes.push(bench.duty.store.tree.size);
    }
    // A hundred go each turn, and one comes. The fourth comes when all others have gone: it has grace, and the fifth with it.
    expect(sizes).toEqual([201, 102, 3, 1, 2]);
  });

  test('is not due before the next key expires, and is then', () => {
    const bench = new DutyBench();
    bench.first.set(1, '/k', 'v', { expirationMs: NOON_MS + 1000 });
    bench.run();
    expect(bench.duty.idleMsMax).toBe(1000);
    bench.nowMs += 999;
    expect(bench.duty.turn()).toBe(0);
    bench.nowMs += 1;
    expect(bench.duty.idleMsMax).toBe(0);
    expect(bench.duty.turn()).toBe(1);
    expect(bench.valueAt('/k')).toBeUndefined();
  });

  test('has work while commands or listings wait, or the thread is to stop', () => {
    const bench = new DutyBench();
    expect(bench.duty.hasWork()).toBe(false);
    bench.first.send(Op.get, 1, '/k');
    expect(bench.duty.hasWork()).toBe(true);
    bench.run();
    expect(bench.duty.hasWork()).toBe(false);
    bench.words.stopStore();
    expect(bench.duty.hasWork()).toBe(true);
  });

  test('stops the thread at a command that it does not know', () => {
    const bench = new DutyBench();
    bench.first.send(31, 1, '/k');
    expect(() => bench.duty.turn()).toThrow(RangeError);
  });
});

describe('what a reply says of the store', () => {
  test('index and raft index are those after the command; a refused write has its raft index, too', () => {
    const bench = new DutyBench();
    bench.first.set(1, '/k');
    bench.first.send(Op.create, 2, '/k');
    bench.first.send(Op.get, 3, '/k');
    bench.first.set(4, '/k', 'w', { flags: Flag.dir });
    bench.run();
    const seen = bench.first.received().map(({ status, etcdIndex, raftIndex, format, isWrite }) => {
      return { status, etcdIndex, raftIndex, format, isWrite };
    });
    const { keys, keysError } = ReplyFormat;
    expect(seen).toEqual([
      { status: 201, etcdIndex: 2, raftIndex: 1, format: keys, isWrite: true },
      { status: 412, etcdIndex: 2, raftIndex: 2, format: keysError, isWrite: true },
      { status: 200, etcdIndex: 2, raftIndex: 2, format: keys, isWrite: false },
      { status: 200, etcdIndex: 3, raftIndex: 3, format: keys, isWrite: true },
    ]);
  });

  test.each([
    ['a key', '/k'],
    ['a directory', '/'.slice(1)],
    ['what is missing', '/no'],
  ])('the answer to a HEAD of %s says how large that to a GET is', (_, path) => {
    const bench = new DutyBench();
    bench.first.set(1, '/k');
    bench.run();
    bench.first.received();
    bench.first.send(Op.get, 2, path);
    bench.first.send(Op.get, 3, path, { flags: Flag.head });
    bench.run();
    const [get, head] = bench.first.received();
    expect([get?.isHead, head?.isHead]).toEqual([false, true]);
    expect(head?.body).toBe(String(get?.body.length));
    expect(head?.status).toBe(get?.status);
  });

  test('the store’s statistics count watchers and operations', () => {
    const bench = new DutyBench();
    bench.first.watch(1, '/k');
    bench.first.set(2, '/other');
    bench.first.send(ControlOp.healthCheck, 3, '');
    bench.first.send(ControlOp.storeStatistics, 4, '');
    bench.run();
    const statistics = bench.first.received()[3];
    expect(statistics).toMatchObject({ slot: 4, format: ReplyFormat.plainJson });
    expect(JSON.parse(statistics?.body ?? '')).toMatchObject({ setsSuccess: 1, getsSuccess: 1, watchers: 1 });
  });
});

describe('a sleeping front end', () => {
  const set = (bench: DutyBench) => () => {
    bench.first.set(1, '/k');
    bench.run();
  };

  test('is woken by the store for what may leave: in memory for everything', async () => {
    const bench = new DutyBench(2);
    expect(await isWokenBy(bench.first.bell, set(bench))).toBe(true);
    expect(await isWokenBy(bench.second.bell, set(bench))).toBe(false);
  });

  test('is not woken for what must wait for the disk: the journal worker is, once for the batch', async () => {
    const bench = new DutyBench();
    const journal = bench.journal();
    expect(await isWokenBy(bench.first.bell, set(bench))).toBe(false);
    expect(await isWokenBy(journal.bell, set(bench))).toBe(true);
    const wakes = journal.bell.wakes;
    await isWokenBy(journal.bell, () => {
      for (let slot = 0; slot < 30; slot++) bench.first.set(slot, '/k');
      bench.run();
    });
    expect(journal.bell.wakes).toBe(wakes + 1);
  });

  test('is woken for a read behind which all is durable, and for what comes when the disk has caught up meanwhile', async () => {
    const bench = new DutyBench();
    bench.journal();
    set(bench)();
    const read = () => {
      bench.first.send(Op.get, 2, '/k');
      bench.run();
    };
    expect(await isWokenBy(bench.first.bell, read)).toBe(false);
    bench.words.durableSequence = 1;
    expect(await isWokenBy(bench.first.bell, read)).toBe(true);
  });

  test('is woken for the refusals of a failed disk, although nothing becomes durable any more', async () => {
    const bench = new DutyBench();
    bench.journal();
    set(bench)();
    bench.words.failJournal('broken');
    expect(await isWokenBy(bench.first.bell, () => bench.run())).toBe(true);
    expect(await isWokenBy(bench.first.bell, set(bench))).toBe(true);
  });
});

test('a crowd at any front end is one, until that front end says that it has gone', () => {
  const bench = new DutyBench(3);
  expect(bench.duty.isCrowded).toBe(false);
  bench.words.setCrowded(0, true);
  bench.words.setCrowded(2, true);
  bench.words.setCrowded(0, false);
  expect(bench.duty.isCrowded).toBe(true);
  bench.words.setCrowded(2, false);
  expect(bench.duty.isCrowded).toBe(false);
});

test('among many keys commands are served in order and each as itself, large and small, of clients and of nobody', () => {
  const bench = new DutyBench(2);
  for (let key = 0; key < 5000; key++) {
    bench.first.set(key, `/many/${key}`);
    if (key % 100 === 99) bench.run();
    bench.first.received();
  }
  const large = 'x'.repeat(300_000);
  const newValue = (key: number) => (key % 10 === 3 ? large : `v${key}`);
  for (let key = 0; key < 50; key++) {
    if (key % 7 === 2) bench.first.send(ControlOp.healthCheck, 1000 + key, '');
    bench.first.set(key, `/many/${key * 100}`, newValue(key));
    bench.second.send(Op.delete, key, `/many/${key * 100 + 1}`);
  }
  bench.run();
  const slotsOf = (replies: readonly { slot: number }[]) =>
    replies.map(({ slot }) => slot).filter((slot) => slot < 1000);
  const inOrder = Array.from({ length: 50 }, (_, slot) => slot);
  expect(slotsOf(bench.first.received())).toEqual(inOrder);
  expect(slotsOf(bench.second.received())).toEqual(inOrder);
  for (let key = 0; key < 50; key++) {
    expect(bench.valueAt(`/many/${key * 100}`)).toBe(newValue(key));
    expect(bench.valueAt(`/many/${key * 100 + 1}`)).toBeUndefined();
  }
});
