import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteString, byteStringOf } from '../../src/base/byte-string.ts';
import { escapeJson, isPlain } from '../../src/protocol/json.ts';

const bytes = (text: string) => text as ByteString;
const anyBytes = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
      fc.constantFrom('"', '\\', '<', '&', '\b', '\xe2', '\x80', '\xa8', '\xe2\x80\xa9', '\xf0\x9f\x98\x80', 'plain'),
    ),
    { maxLength: 24 },
  )
  .map((parts) => bytes(parts.join('')));

describe('strings in JSON', () => {
  test.each([
    ['plain text', 'plain text'],
    ['say "hi" \\ \n\r\t', 'say \\"hi\\" \\\\ \\n\\r\\t'],
    ['<a href="x">&</a>', '\\u003ca href=\\"x\\"\\u003e\\u0026\\u003c/a\\u003e'],
    ['\b\f\v\x00\x1f', '\\u0008\\u000c\\u000b\\u0000\\u001f'],
    ['\b<"\xc3\xa9\xff', '\\u0008\\u003c\\"\xc3\xa9\\ufffd'],
    ['\x7f/', '\x7f/'],
    ['\xc3\xa9', '\xc3\xa9'],
    ['\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa', '\\u2028\\u2029\xe2\x80\xaa'],
    ['\xef\xbf\xbd', '\xef\xbf\xbd'],
  ])('%j becomes %j', (raw, escaped) => {
    expect(escapeJson(bytes(raw))).toBe(escaped);
  });

  test.each([
    ['a lone continuation byte', '\x80', 1],
    ['a sequence cut short, one for each byte', '\xe2\x82', 2],
    ['an overlong slash', '\xc0\xaf', 2],
    ['a surrogate', '\xed\xa0\x80', 3],
    ['a character beyond U+10FFFF', '\xf4\x90\x80\x80', 4],
  ])('%s is shown as U+FFFD', (_, raw, count) => {
    expect(escapeJson(bytes(`a${raw}b`))).toBe(`a${'\\ufffd'.repeat(count)}b`);
  });

  test('the escaped form of any text, read as JSON, is the text', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('"', '\\', '\u2028', '\b', '<'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(text, (original) => {
        const wellFormed = Buffer.from(original, 'utf8').toString('utf8'); // Lone surrogates have no UTF-8.
        const escaped = Buffer.from(escapeJson(byteStringOf(wellFormed)), 'latin1').toString('utf8');
        expect(JSON.parse(`"${escaped}"`)).toBe(wellFormed);
      }),
    );
  });

  test('any bytes agree with a byte-by-byte model of Go', () => {
    fc.assert(
      fc.property(anyBytes, (raw) => {
        expect(escapeJson(raw)).toBe(modelOfGo(raw));
      }),
      { numRuns: 2000 },
    );
  });

  test('plain bytes are exactly those that come back as they are, 0x7f and UTF-8 aside', () => {
    fc.assert(
      fc.property(anyBytes, (raw) => {
        const isUnchanged = escapeJson(raw) === raw && /^[\x20-\x7e]*$/.test(raw);
        expect(isPlain(raw)).toBe(isUnchanged);
      }),
    );
  });
});

/** Written from Go's encodeState.string, with a strict UTF-8 decoder on at most four bytes as its DecodeRune. */
function modelOfGo(raw: string): string {
  let out = '';
  for (let i = 0; i < raw.length; ) {
    const size = sizeOfCharacter(raw.slice(i, i + 4));
    const piece = raw.slice(i, i + Math.max(size, 1));
    out += size === 0 ? '\\ufffd' : escapeCharacter(piece);
    i += piece.length;
  }
  return out;
}

function sizeOfCharacter(raw: string): number {
  for (let size = 1; size <= raw.length; size++) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        Buffer.from(raw.slice(0, size), 'latin1'),
      );
      if ([...text].length === 1) return size;
    } catch {
      // Not yet a whole character, or never one.
    }
  }
  return 0;
}

function escapeCharacter(piece: string): string {
  const short: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  if (piece === '\xe2\x80\xa8') return '\\u2028';
  if (piece === '\xe2\x80\xa9') return '\\u2029';
  const code = piece.charCodeAt(0);
  if (short[piece] !== undefined) return short[piece];
  return code < 0x20 || '<>&'.includes(piece) ? `\\u00${code.toString(16).padStart(2, '0')}` : piece;
}
