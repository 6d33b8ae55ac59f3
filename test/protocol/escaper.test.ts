import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Escaper } from '../../src/protocol/escaper.ts';
import { escapeJson } from '../../src/protocol/json.ts';

const escaper = new Escaper();
/** Before it and behind it lie bytes that would go on with a character. */
function escaped(text: string): string {
  return written(escaper.escape(Buffer.from(`\xe2${text}\x80`, 'latin1'), 1, 1 + text.length));
}
function escapedText(text: string): string {
  return written(escaper.escapeText(text as ByteString));
}
/** Between others, of which it must not touch a byte. */
function written(sizeBytes: number): string {
  const target = Buffer.alloc(sizeBytes + 2, '#');
  expect(escaper.write(target, 1)).toBe(1 + sizeBytes);
  expect([target[0], target[1 + sizeBytes]]).toEqual([0x23, 0x23]);
  return target.latin1Slice(1, 1 + sizeBytes);
}
const asString = (text: string): string => escapeJson(text as ByteString);

const someByte = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte));
const some = fc.constantFrom(
  '"',
  '\\',
  '<',
  '>',
  '&',
  '\b',
  '\x7f',
  '\xe2',
  '\x80',
  '\xe2\x80\xa8',
  '\xe2\x80\xa9',
  '\xf0\x9f\x98\x80',
);
const run = fc.nat(40).map((length) => 'x'.repeat(length));
const texts = fc.array(fc.oneof(someByte, some, run), { maxLength: 30 }).map((parts) => parts.join(''));

describe('bytes in a JSON string', () => {
  test('are what a string becomes', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(escaped(text)).toBe(asString(text));
        expect(escapedText(text)).toBe(asString(text));
      }),
      { numRuns: 5_000 },
    );
  });

  test('are what a string becomes, of any three bytes beyond ASCII, at the end and before others', () => {
    for (let lead = 0xc0; lead < 0x100; lead++) {
      let all = '';
      for (let pair = 0; pair < 0x10000; pair += 3) all += `${String.fromCharCode(lead, pair >>> 8, pair & 0xff)}a`;
      if (escaped(all) !== asString(all)) expect.fail(`with 0x${lead.toString(16)}`);
      for (const second of [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) {
        for (const third of [0x7f, 0x80, 0xbf, 0xc0]) {
          const text = String.fromCharCode(lead, second, third);
          for (const end of [`${text}\x80`, `${text}\xbf`, text, text.slice(0, 2), text.slice(0, 1)]) {
            expect(escaped(end)).toBe(asString(end));
          }
        }
      }
    }
  });

  test('are what a string becomes where they are known to be UTF-8, and where one of them is not', () => {
    const character = fc.constantFrom(
      '"',
      'x',
      '\n',
      '<',
      '\xc3\xa9',
      '\xe2\x82\xac',
      '\xe2\x80\xa8',
      '\xe2\x80\xa9',
      '\xf0\x9f\x98\x80',
    );
    const beginning = '\xd0\xb6'.repeat(600);
    fc.assert(
      fc.property(
        fc.array(character, { maxLength: 60 }),
        fc.constantFrom('', '', '\xff', '\xe2\x80'),
        (parts, fault) => {
          const text = beginning + parts.join('') + fault;
          expect(escaped(text)).toBe(asString(text));
          expect(escapedText(text)).toBe(asString(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('are so wherever a long value is cut', () => {
    for (const character of ['"', '\xc3\xa9', '\xe2\x80\xa8', '\xf0\x9f\x98\x80', '\x80', '\xf0', '\xf0\x9f\x98']) {
      for (let before = 64 * 1024 - 5; before <= 64 * 1024 + 1; before++) {
        const text = `${'x'.repeat(before)}${character.repeat(3)}${'y'.repeat(70_000)}${character}`;
        expect(escaped(text) === asString(text), `${before} before ${escape(character)}`).toBe(true);
        expect(escapedText(text) === asString(text), `${before} before ${escape(character)}`).toBe(true);
      }
    }
  });

  test('are so where a long value is cut among continuations that belong to no character', () => {
    for (const character of ['\xc3\xa9', '\xe2\x82\xac', '\xec\xa1\xa0', '\xf0\x9f\x98\x80']) {
      for (let before = 64 * 1024 - 9; before <= 64 * 1024 + 1; before++) {
        for (let strays = 0; strays <= 6; strays++) {
          const text = `${'x'.repeat(before)}${character}${'\x80'.repeat(strays)}${character}yyyyyyyyy`;
          const where = `${before} before ${escape(character)}, ${strays} behind`;
          expect(escaped(text) === asString(text), where).toBe(true);
          expect(escapedText(text) === asString(text), where).toBe(true);
        }
      }
    }
  });

  test.each(['\x01', '\xff', '"', 'x'])('are so where %j is all of a long value', (character) => {
    for (const length of [64 * 1024, 64 * 1024 + 1, 3_000_000]) {
      const text = character.repeat(length);
      expect(escaped(text) === asString(text)).toBe(true);
      expect(escapedText(text) === asString(text)).toBe(true);
    }
  });
});
