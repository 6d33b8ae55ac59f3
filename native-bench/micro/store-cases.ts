/** The state machine alone: no frame, no ring, no JSON. */
import { type ByteString, byteStringOf } from '../../src/base/byte-string.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import { Failure } from '../../src/store/failure.ts';
import { Store, type Write } from '../../src/store/store.ts';
import { Random } from '../load/random.ts';
import { keyAt } from '../load/request-source.ts';
import { type MicroCase, repeated } from './micro-case.ts';

const HISTORY_EVENTS = 1000;
const IDLE_WATCHERS = 10_000;
const VALUE = byteStringOf('x'.repeat(64));
const PLAIN = Flag.pathPlain | Flag.valuePlain;
const SEED = 7;

export function storeCases(keyCount: number): MicroCase[] {
  const many = `among ${keyCount.toLocaleString('en-US')} keys`;
  return [
    setCase('set, one key', newStore(1, false), 1),
    setCase(`set, ${many}`, newStore(keyCount, false), keyCount),
    setCase(`set, ${many}, state hash kept`, newStore(keyCount, true), keyCount),
    getCase(`get, ${many}`, newStore(keyCount, false), keyCount),
    swapCase('compare-and-swap, one key'),
    setCase('set, 10,000 watchers wait on other keys', withIdleWatchers(newStore(1, false)), 1),
    notifyCase('set heard by 1 stream', 1),
    notifyCase('set heard by 100 streams', 100),
  ];
}

export function newWrite(op: Op): Write {
  return {
    op,
    flags: PLAIN,
    path: byteStringOf(keyAt(0, { keyCount: 1 })),
    value: VALUE,
    prevValue: byteStringOf(''),
    prevIndex: 0,
    expirationMs: 0,
    timeMs: 1_700_000_000_000,
  };
}

export function pathsOf(keyCount: number): ByteString[] {
  return Array.from({ length: keyCount }, (_, key) => byteStringOf(keyAt(key, { keyCount })));
}

function setCase(name: string, store: Store, keyCount: number): MicroCase {
  const write = newWrite(Op.set);
  const paths = pathsOf(keyCount);
  const random = new Random(SEED);
  return repeated(name, () => {
    write.path = paths[random.below(keyCount)] ?? write.path;
    requireSuccess(store.write(write));
  });
}

function getCase(name: string, store: Store, keyCount: number): MicroCase {
  const paths = pathsOf(keyCount);
  const random = new Random(SEED);
  return repeated(name, () => requireSuccess(store.get(paths[random.below(keyCount)] ?? VALUE)));
}

function swapCase(name: string): MicroCase {
  const store = newStore(1, false);
  const write = { ...newWrite(Op.compareAndSwap), prevValue: VALUE };
  return repeated(name, () => requireSuccess(store.write(write)));
}

function notifyCase(name: string, streams: number): MicroCase {
  let heard = 0;
  const store = new Store(HISTORY_EVENTS, false, (_event, recipients) => {
    heard += recipients.length;
  });
  const write = newWrite(Op.set);
  for (let id = 0; id < streams; id++) store.watch(id, write.path, false, true, 0);
  return repeated(name, () => {
    const before = heard;
    requireSuccess(store.write(write));
    if (heard !== before + streams) throw new Error(`${heard - before} of ${streams} streams heard a set`);
  });
}

function newStore(keyCount: number, keepsHash: boolean): Store {
  const store = new Store(HISTORY_EVENTS, keepsHash);
  const write = newWrite(Op.set);
  for (const path of pathsOf(keyCount)) {
    write.path = path;
    requireSuccess(store.write(write));
  }
  return store;
}

function withIdleWatchers(store: Store): Store {
  for (let id = 0; id < IDLE_WATCHERS; id++) store.watch(id, byteStringOf(`/idle/${id}`), false, false, 0);
  return store;
}

function requireSuccess(outcome: unknown): void {
  if (outcome instanceof Failure) throw new Error(`refused with code ${outcome.code}`);
}
