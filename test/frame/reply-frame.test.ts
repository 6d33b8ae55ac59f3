import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import {
  HEAD_BIT,
  REPLY_HEAD_SIZE_BYTES,
  ReplyFormat,
  ReplyKind,
  ReplyReader,
  replySizeBytes,
  STREAM_BIT,
  WRITE_BIT,
  writeReplyHead,
} from '../../src/frame/reply-frame.ts';
import { createSharedWords, isDurable, JournalState, SharedWords } from '../../src/frame/shared-words.ts';

const reply = fc.record({
  kind: fc.constantFrom(ReplyKind.answer, ReplyKind.watchOpened, ReplyKind.released, ReplyKind.rolledBack),
  format: fc
    .constantFrom(...Object.values(ReplyFormat))
    .chain((format) => fc.constantFrom(format, format | HEAD_BIT, format | WRITE_BIT, format | HEAD_BIT | WRITE_BIT)),
  status: fc.integer({ min: 100, max: 599 }),
  slot: fc.integer({ min: 0, max: 0xffff_ffff }),
  gate: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  etcdIndex: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  raftIndex: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  body: fc.uint8Array({ maxLength: 300 }),
});

function usedMemory(sizeBytes: number): { bytes: Buffer; view: DataView } {
  const bytes = Buffer.alloc(sizeBytes, 0xa5);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** An event with three slots and a body of five bytes. */
function anEvent() {
  const sizeBytes = replySizeBytes(3, 5);
  const { bytes, view } = usedMemory(sizeBytes);
  writeReplyHead(bytes, view, 0, ReplyKind.event, ReplyFormat.keys, 200, 3, 1, 5, 2, 1);
  [4, (5 | STREAM_BIT) >>> 0, 6].forEach((slot, position) => {
    view.setUint32(REPLY_HEAD_SIZE_BYTES + 4 * position, slot, true);
  });
  bytes.write('event', sizeBytes - 5);
  return { bytes, view, sizeBytes };
}

test('a reply comes out as it went in, anywhere in memory', () => {
  fc.assert(
    fc.property(reply, fc.integer({ min: 0, max: 8 }), (written, eighths) => {
      const at = 8 * eighths;
      const sizeBytes = replySizeBytes(0, written.body.length);
      const { bytes, view } = usedMemory(at + sizeBytes);
      const { kind, format, status, slot, gate, etcdIndex, raftIndex, body } = written;
      writeReplyHead(bytes, view, at, kind, format, status, slot, gate, body.length, etcdIndex, raftIndex);
      bytes.set(body, at + REPLY_HEAD_SIZE_BYTES);
      const reader = new ReplyReader();
      reader.read(bytes, view, at, sizeBytes);
      const bodyRead = new Uint8Array(bytes.subarray(reader.bodyOffset, reader.bodyOffset + reader.bodySizeBytes));
      expect({
        kind: reader.kind,
        format: reader.format,
        status: reader.status,
        slot: reader.slot,
        gate: reader.gate,
        etcdIndex: reader.etcdIndex,
        raftIndex: reader.raftIndex,
        body: bodyRead,
      }).toEqual(written);
      expect(reader.slotCount).toBe(0);
    }),
  );
});

test('an event names its slots, tells streams from the rest, and keeps its body behind them', () => {
  const { bytes, view, sizeBytes } = anEvent();
  const reader = new ReplyReader();
  reader.read(bytes, view, 0, sizeBytes);
  expect(reader.slotCount).toBe(3);
  const entries = [0, 1, 2].map((position) => reader.slotAt(position));
  expect(entries.map((entry) => entry & ~STREAM_BIT)).toEqual([4, 5, 6]);
  expect(entries.map((entry) => (entry & STREAM_BIT) !== 0)).toEqual([false, true, false]);
  expect(bytes.toString('latin1', reader.bodyOffset, reader.bodyOffset + reader.bodySizeBytes)).toBe('event');
});

describe('a damaged reply', () => {
  test.each([
    ['number of slots', 4],
    ['size of its body', 12],
  ])('with another %s is not read', (_, offset) => {
    for (const count of [0, 2, 1000, 0xffff_ffff]) {
      const { bytes, view, sizeBytes } = anEvent();
      view.setUint32(offset, count, true);
      expect(() => new ReplyReader().read(bytes, view, 0, sizeBytes)).toThrow(InvariantError);
    }
  });

  test('of another size is not read', () => {
    const { bytes, view, sizeBytes } = anEvent();
    expect(() => new ReplyReader().read(bytes, view, 0, sizeBytes - 1)).toThrow(InvariantError);
  });
});

describe('the durability gate', () => {
  test.each([
    [0, 0, true],
    [1, 0, false],
    [1, 1, true],
    [1, 2, true],
    [0x7fff_ffff, 0x7fff_fffe, false],
    [-0x8000_0000, 0x7fff_ffff, false],
    [-0x8000_0000, -0x8000_0000, true],
    [0x7fff_ffff, -0x8000_0000, true],
    [0, -1, false],
    [-1, 0, true],
  ])('of %i opens when %i is durable: %s', (gate, durable, opens) => {
    expect(isDurable(gate, durable)).toBe(opens);
  });

  test('is held to the low 32 bits of the count', () => {
    const words = new SharedWords(createSharedWords());
    words.durableSequence = 2 ** 32 + 5;
    expect(words.durableSequence).toBe(5);
    words.durableSequence = 2 ** 31;
    expect(words.durableSequence).toBe(-(2 ** 31));
  });
});

test('shared words do not touch each other', () => {
  const memory = createSharedWords();
  const words = new SharedWords(memory);
  words.durableSequence = -1;
  words.journalState = JournalState.running;
  expect([words.isStoreStopping, words.isJournalStopping]).toEqual([false, false]);
  words.stopStore();
  expect([words.isStoreStopping, words.isJournalStopping]).toEqual([true, false]);
  words.stopJournal();
  const other = new SharedWords(memory);
  expect([other.durableSequence, other.journalState, other.isJournalStopping]).toEqual([
    -1,
    JournalState.running,
    true,
  ]);
});

test.each(['no space left on device', 'é'.repeat(1000), ''])(
  'the reason of a failure is told to the other threads',
  (reason) => {
    const memory = createSharedWords();
    new SharedWords(memory).failJournal(reason);
    const words = new SharedWords(memory);
    expect(words.journalState).toBe(JournalState.failed);
    expect(reason.startsWith(words.failureReason)).toBe(true);
    expect(Buffer.byteLength(words.failureReason)).toBe(Math.min(Buffer.byteLength(reason), 500));
  },
);
