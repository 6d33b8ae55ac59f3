import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import {
  COMMAND_HEAD_SIZE_BYTES,
  CommandReader,
  ControlOp,
  clearSlot,
  commandSizeBytes,
  writeCheckpoint,
  writeCommand,
  writeExpiration,
  writeIndex,
  writeTick,
  writeValues,
} from '../../src/frame/command-frame.ts';
import { Flag, Op } from '../../src/protocol/command.ts';

const byteString = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

const command = fc.record({
  op: fc.integer({ min: 1, max: 255 }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  slot: fc.integer({ min: 0, max: 0xffff_ffff }),
  timeMs: fc.double({ noNaN: true }),
  path: byteString,
  value: byteString,
  prevValue: byteString,
  index: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  expirationMs: fc.double({ noNaN: true }),
});

type Command = Parameters<Parameters<typeof command.map>[0]>[0];

/** Memory in which nothing is zero, as in a ring that has gone round. */
function usedMemory(sizeBytes: number): { bytes: Buffer; view: DataView } {
  const bytes = Buffer.alloc(sizeBytes, 0xa5);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function encode({ op, flags, slot, timeMs, path, value, prevValue, index, expirationMs }: Command, at: number) {
  const sizeBytes = commandSizeBytes(path.length, value.length, prevValue.length);
  const { bytes, view } = usedMemory(at + sizeBytes + 8);
  writeCommand(bytes, view, at, op, flags, slot, timeMs, path);
  writeValues(bytes, view, at, value, prevValue);
  writeIndex(view, at, index);
  writeExpiration(view, at, expirationMs);
  return { bytes, view, sizeBytes };
}

const aSet: Command = {
  op: Op.set,
  flags: Flag.pathPlain,
  slot: 7,
  timeMs: 1,
  path: '/k',
  value: 'v',
  prevValue: 'w',
  index: 3n,
  expirationMs: 2,
};

describe('a command', () => {
  test('comes out as it went in, anywhere in memory, and touches nothing beside it', () => {
    fc.assert(
      fc.property(command, fc.integer({ min: 0, max: 8 }), (written, eighths) => {
        const at = 8 * eighths;
        const { bytes, view, sizeBytes } = encode(written, at);
        const reader = new CommandReader();
        reader.read(bytes, view, at, sizeBytes);
        const { op, flags, slot, timeMs, path, value, prevValue, prevIndex, expirationMs } = reader;
        expect({ op, flags, slot, timeMs, path, value, prevValue, index: BigInt(prevIndex), expirationMs }).toEqual(
          written,
        );
        expect(bytes.subarray(0, at).every((byte) => byte === 0xa5)).toBe(true);
        expect(bytes.subarray(at + sizeBytes).every((byte) => byte === 0xa5)).toBe(true);
      }),
    );
  });

  test('with a head only has none of what was there before', () => {
    const { bytes, view } = usedMemory(COMMAND_HEAD_SIZE_BYTES + 2);
    writeCommand(bytes, view, 0, Op.get, 0, 1, 5, '/k');
    const reader = new CommandReader();
    reader.read(bytes, view, 0, bytes.length);
    expect([reader.value, reader.prevValue, reader.prevIndex, reader.expirationMs, reader.stateHash]).toEqual([
      '',
      '',
      0,
      0,
      0,
    ]);
  });

  test.each([
    [0n, 0],
    [2n ** 32n, 2 ** 32],
    [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER],
    [2n ** 53n, 2n ** 53n],
    [2n ** 53n + 1n, 2n ** 53n + 1n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
  ])('keeps prevIndex %d exact', (index, read) => {
    const { bytes, view, sizeBytes } = encode({ ...aSet, index }, 0);
    const reader = new CommandReader();
    reader.read(bytes, view, 0, sizeBytes);
    expect(reader.prevIndex).toBe(read);
    expect(reader.waitIndex).toBe(Number(read));
  });

  test('has slot 0 in the journal', () => {
    const { bytes, view, sizeBytes } = encode(aSet, 8);
    clearSlot(view, 8);
    const reader = new CommandReader();
    reader.read(bytes, view, 8, sizeBytes);
    expect([reader.slot, reader.path, reader.value]).toEqual([0, '/k', 'v']);
  });
});

describe('what the store worker adds to the journal', () => {
  test('a tick carries its cut-off and its bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (cutoffMs, eventsMax) => {
          const { bytes, view } = usedMemory(COMMAND_HEAD_SIZE_BYTES);
          writeTick(bytes, view, 0, cutoffMs, eventsMax);
          const reader = new CommandReader();
          reader.read(bytes, view, 0, COMMAND_HEAD_SIZE_BYTES);
          expect([reader.op, reader.timeMs, reader.tickEventsMax]).toEqual([ControlOp.tick, cutoffMs, eventsMax]);
        },
      ),
    );
  });

  test('a checkpoint carries the state hash', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (hash) => {
        const { bytes, view } = usedMemory(COMMAND_HEAD_SIZE_BYTES);
        writeCheckpoint(bytes, view, 0, 5, hash);
        const reader = new CommandReader();
        reader.read(bytes, view, 0, COMMAND_HEAD_SIZE_BYTES);
        expect([reader.op, reader.timeMs, reader.stateHash]).toEqual([ControlOp.checkpoint, 5, hash]);
      }),
    );
  });
});

describe('a damaged command', () => {
  test.each([
    ['path', 32],
    ['value', 36],
    ['prevValue', 40],
  ])('with another size of its %s is not read', (_, offset) => {
    for (const size of [0, 100, 0xffff_ffff]) {
      const { bytes, view, sizeBytes } = encode(aSet, 0);
      view.setUint32(offset, size, true);
      expect(() => new CommandReader().read(bytes, view, 0, sizeBytes)).toThrow(InvariantError);
    }
  });

  test.each([-1, 1, 8])('of a frame %i bytes longer is not read', (bytesMore) => {
    const { bytes, view, sizeBytes } = encode(aSet, 0);
    expect(() => new CommandReader().read(bytes, view, 0, sizeBytes + bytesMore)).toThrow(InvariantError);
  });

  test('of another version is not read', () => {
    const { bytes, view, sizeBytes } = encode(aSet, 0);
    bytes[1] = 2;
    expect(() => new CommandReader().read(bytes, view, 0, sizeBytes)).toThrow('a version that this build knows');
  });
});
