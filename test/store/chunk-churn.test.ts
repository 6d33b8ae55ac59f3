/** Thousands of keys and hundreds of thousands of writes, so that chunks fill, are given up, copied from and go, whatever is done with their keys. */
import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Op } from '../../src/protocol/command.ts';
import type { WriteBytes } from '../../src/store/recorder.ts';
import { renderEvent } from '../../src/store/render.ts';
import { hashOfPathBytes } from '../../src/store/state-hash.ts';
import { Store, type Write } from '../../src/store/store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { aWrite, listingOf, NOON_MS, reborn } from './store-fixture.ts';

const STEPS = 120_000;
const KEYS = 3_000;
const OPS = [Op.set, Op.set, Op.set, Op.create, Op.update, Op.compareAndSwap, Op.delete, Op.compareAndDelete];

function writeByBytes(store: Store, write: Write): void {
  const { op, path, value, prevValue } = write;
  const bytes = Buffer.from(`${path}${value}${prevValue}`, 'latin1');
  const sizes = { pathSizeBytes: path.length, valueSizeBytes: value.length, prevValueSizeBytes: prevValue.length };
  const frame: WriteBytes = { ...write, bytes, pathAt: 0, prevValueAt: path.length + value.length, ...sizes };
  if (store.writeBytes(op, frame, hashOfPathBytes(bytes, 0, path.length)) === undefined) store.write(write);
}

function randomWrite(random: SeededRandom, store: Store, timeMs: number): Write {
  const path = `/${random.below(7)}/${random.below(KEYS)}`;
  const op = random.oneOf(OPS);
  const isRefresh = random.below(12) === 0;
  const expirationMs = isRefresh || random.below(3) === 0 ? timeMs + random.below(400) : undefined;
  const sizeBytes = random.below(30) === 0 ? random.below(20_000) : random.below(300);
  const value = isRefresh ? '' : `${random.below(10)}${'v'.repeat(sizeBytes)}`;
  const known = store.tree.read(path as ByteString);
  const prevValue = 'value' in known && random.below(3) > 0 ? known.value : '0';
  return aWrite(op, path, { value, prevValue, refresh: isRefresh, expirationMs, timeMs });
}

test.each([1, 2])('by bytes they leave what texts leave, and their chunks go (seed %i)', (seed) => {
  const random = new SeededRandom(seed);
  const [texts, bytes] = [new Store(100, true), new Store(100, true)];
  const { sleepers } = bytes.tree;
  for (let step = 0; step < STEPS; step++) {
    const timeMs = NOON_MS + (step >> 3);
    const write = randomWrite(random, bytes, timeMs);
    texts.write(write);
    writeByBytes(bytes, write);
    for (const store of [texts, bytes]) if (step % 20 === 0) store.tick(timeMs, 50);
    if (step % 997 === 0) sleepers.isTight = !sleepers.isTight;
    // Some wake.
    if (step % 50 === 0) bytes.tree.find(write.path);
    if (step === 0 || step % 5_000 !== 0) continue;
    expect(bytes.stateHash).toBe(texts.stateHash);
    expect(bytes.nextExpirationMs).toBe(texts.nextExpirationMs);
    expect(renderEvent(bytes.history.at(bytes.index))).toBe(renderEvent(texts.history.at(texts.index)));
    expect(listingOf(bytes, '', true, true)).toBe(listingOf(texts, '', true, true));
  }
  expect(reborn(bytes).stateHash).toBe(texts.stateHash);
  texts.tick(Number.MAX_SAFE_INTEGER, STEPS);
  bytes.tick(Number.MAX_SAFE_INTEGER, STEPS);
  expect(bytes.stateHash).toBe(texts.stateHash);
  for (let directory = 0; directory < 7; directory++) {
    const removal = aWrite(Op.delete, `/${directory}`, { recursive: true, timeMs: NOON_MS + STEPS });
    texts.write(removal);
    writeByBytes(bytes, removal);
  }
  expect([bytes.tree.size, sleepers.count, bytes.tree.ttlQueue.size]).toEqual([0, 0, 0]);
  expect(sleepers.hold().filter((chunk) => chunk !== undefined).length).toBeLessThan(2);
  expect(bytes.stateHash).toBe(texts.stateHash);
});
