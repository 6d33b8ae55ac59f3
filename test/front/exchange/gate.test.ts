import { expect, test } from 'vitest';
import { ReplyFormat, ReplyKind, type ReplyReader } from '../../../src/frame/reply-frame.ts';
import { createSharedWords, JournalState, SharedWords } from '../../../src/frame/shared-words.ts';
import { Gate } from '../../../src/front/exchange/gate.ts';

/** A gate of a server with a journal that is durable up to `durable`. */
function aGate(durable: number) {
  const words = new SharedWords(createSharedWords());
  words.journalState = JournalState.running;
  words.durableSequence = durable;
  return { words, gate: new Gate(words) };
}

const reply = (gate: number, kind: number = ReplyKind.answer, format: number = ReplyFormat.keys) =>
  ({ gate, kind, format }) as unknown as ReplyReader;

test.each([
  ['near zero', 7],
  ['where the count of 32 bits comes round', 2 ** 31 - 1],
])('what is durable may leave, and what is not is held until it is: %s', (_, durable) => {
  const { words, gate } = aGate(durable);
  expect(gate.admits(durable | 0)).toBe(true);
  expect(gate.isShut).toBe(false);
  expect(gate.admits((durable + 2) | 0)).toBe(false);
  words.durableSequence = durable + 1;
  expect(gate.isShut).toBe(true);
  words.durableSequence = durable + 2;
  expect(gate.isShut).toBe(false);
  expect(gate.admits((durable + 2) | 0)).toBe(true);
});

test('without a journal all may leave, whatever stands behind it', () => {
  const gate = new Gate(new SharedWords(createSharedWords()));
  expect(gate.admits(99)).toBe(true);
  expect(gate.isOpenFor(99)).toBe(true);
  expect(gate.isUndone(reply(99))).toBe(false);
});

test('a kept answer may leave while all is durable and the disk is well', () => {
  const { words, gate } = aGate(7);
  expect(gate.isOpenFor(8)).toBe(false);
  expect(gate.isOpenFor(7)).toBe(true);
  words.failJournal('broken');
  expect(gate.isOpenFor(7)).toBe(false);
});

test('a failed disk opens the gate, and has undone what is not durable, until the store has gone back', () => {
  const { words, gate } = aGate(7);
  expect(gate.admits(9)).toBe(false);
  expect(gate.isUndone(reply(9))).toBe(false);
  words.failJournal('broken');
  expect(gate.isShut).toBe(false);
  expect(gate.admits(9)).toBe(true);
  expect(gate.isUndone(reply(7))).toBe(false);
  expect(gate.isUndone(reply(9))).toBe(true);
  // These are true whatever the disk has lost.
  expect(gate.isUndone(reply(9, ReplyKind.rolledBack))).toBe(false);
  expect(gate.isUndone(reply(9, ReplyKind.answer, ReplyFormat.reading))).toBe(false);
  gate.noteRolledBack();
  expect(gate.isUndone(reply(9))).toBe(false);
});
