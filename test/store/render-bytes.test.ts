import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { isPlain } from '../../src/protocol/json.ts';
import { Action, StoreEvent } from '../../src/store/event.ts';
import { directorySnapshot, Node, newDirectory } from '../../src/store/node.ts';
import { NodeBit } from '../../src/store/node-record.ts';
import { renderEvent, renderGetOfKey } from '../../src/store/render.ts';
import { eventSizeBytes, getOfKeySizeBytes, writeEvent, writeGetOfKey } from '../../src/store/render-bytes.ts';
import { Sleepers } from '../../src/store/sleepers.ts';
import { NOON_MS } from './store-fixture.ts';

/** An answer lies between other frames, of which it must not touch a byte. */
const AT = 8;
const UNTOUCHED = 0x7f;

function written(sizeBytes: number, write: (bytes: Buffer, view: DataView, at: number) => void): string {
  const bytes = Buffer.alloc(AT + sizeBytes + AT, UNTOUCHED);
  write(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), AT);
  const around = [...bytes.subarray(0, AT), ...bytes.subarray(AT + sizeBytes)];
  expect(around.every((byte) => byte === UNTOUCHED)).toBe(true);
  return bytes.latin1Slice(AT, AT + sizeBytes);
}

function key(path: string, value: string, createdIndex: number, modifiedIndex: number, expirationMs?: number): Node {
  return new Node(
    path as ByteString,
    isPlain(path as ByteString),
    value as ByteString,
    isPlain(value as ByteString),
    undefined,
    createdIndex,
    modifiedIndex,
    expirationMs,
  );
}

/** The same key, as a record. */
function asleep({ path, value, isPathPlain, isValuePlain, createdIndex, modifiedIndex, expirationMs }: Node): Node {
  const sleepers = new Sleepers();
  const key = { bytes: Buffer.from(`#${path}${value}`, 'latin1'), pathAt: 1, pathSizeBytes: path.length };
  const bits = (isPathPlain ? NodeBit.pathPlain : 0) | (isValuePlain ? NodeBit.valuePlain : 0);
  const record = { ...key, valueSizeBytes: value.length };
  const sleeper = sleepers.chunkFor(record).add(record, bits, createdIndex, modifiedIndex, expirationMs, 0, 0);
  return sleepers.chunkOf(sleeper).nodeOf(sleeper);
}

/** No slashes: what these are to a path is not the matter here. */
const plainText = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '~'), maxLength: 100 });
const text = fc.oneof(plainText, fc.string({ unit: fc.constantFrom('a', '"', '\xc3\xa9', '\x80'), maxLength: 100 }));
/** All bytes, most of them what JSON documents are made of. */
const anyByte = fc.nat(0xff).map((code) => String.fromCharCode(code));
const documentByte = fc.oneof(fc.constantFrom('a', '"', '{', ':', '\xc3\xa9', '\xe2\x80\xa8'), anyByte);
const valueText = fc.string({ unit: documentByte, maxLength: 100 });
const index = fc.oneof(fc.nat(20), fc.nat(), fc.maxSafeNat());
/** For ever, or to be over at some moment around the present one. */
const life = fc.option(
  fc.oneof(fc.integer({ min: -20_000, max: 20_000 }), fc.integer({ min: -1e12, max: 1e12 })).map((ms) => NOON_MS + ms),
  { nil: undefined },
);
const node = fc
  .tuple(text, valueText, index, index, life, fc.boolean())
  .map(([name, value, created, modified, expirationMs, isAsleep]) => {
    const awake = key(`/${name}`, value, created, modified, expirationMs);
    return isAsleep ? asleep(awake) : awake;
  });
const removal = fc.constantFrom(Action.delete, Action.compareAndDelete, Action.expire);
const action = fc.constantFrom(Action.set, Action.create, Action.update, Action.compareAndSwap);

describe('an answer written as bytes', () => {
  test('is that of a write as a string', () => {
    fc.assert(
      fc.property(action, index, node, fc.option(node, { nil: undefined }), (what, at, after, before) => {
        const event = new StoreEvent(what, at, NOON_MS, false, after, before);
        expect(written(eventSizeBytes(event), (...where) => writeEvent(...where, event))).toBe(renderEvent(event));
      }),
    );
  });

  test('is that of a removal as a string', () => {
    fc.assert(
      fc.property(removal, index, node, (what, at, before) => {
        const event = new StoreEvent(what, at, NOON_MS, false, undefined, before);
        expect(written(eventSizeBytes(event), (...where) => writeEvent(...where, event))).toBe(renderEvent(event));
      }),
    );
  });

  test('is that of a get as a string', () => {
    fc.assert(
      fc.property(node, (shown) => {
        const answer = written(getOfKeySizeBytes(shown, NOON_MS), (...where) =>
          writeGetOfKey(...where, shown, NOON_MS),
        );
        expect(answer).toBe(renderGetOfKey(shown, NOON_MS));
      }),
    );
  });

  test.each([1_000, 70_000, 1_500_000])('is that of a write with escaped values of %i characters', (length) => {
    const after = key('/k', '"\xc3\xa9'.repeat(length / 3), 2, 3);
    const event = new StoreEvent(Action.set, 3, 0, false, after, key('/k', '\x01'.repeat(length), 2, 2));
    expect(written(eventSizeBytes(event), (...where) => writeEvent(...where, event))).toBe(renderEvent(event));
  });

  test('is left to the string where it tells of a directory', () => {
    const directory = directorySnapshot(newDirectory('/k' as ByteString, true, 1, undefined));
    const plain = key('/k', 'v', 1, 1);
    expect(eventSizeBytes(new StoreEvent(Action.set, 2, NOON_MS, false, directory, undefined))).toBe(0);
    expect(eventSizeBytes(new StoreEvent(Action.set, 2, NOON_MS, false, plain, directory))).toBe(0);
    expect(eventSizeBytes(new StoreEvent(Action.delete, 2, NOON_MS, false, undefined, directory))).toBe(0);
  });
});
