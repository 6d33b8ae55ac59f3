import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteString, byteStringOf } from '../../src/base/byte-string.ts';
import { faultOfJson, fieldsOf, valueOfJson } from '../../src/protocol/go-json.ts';

describe('text that is not JSON', () => {
  test.each([
    ['', 'unexpected end of JSON input'],
    ['{"a', 'unexpected end of JSON input'],
    ['{"a":1 ', 'unexpected end of JSON input'],
    ['not json', "invalid character 'o' in literal null (expecting 'u')"],
    ['tru', "invalid character ' ' in literal true (expecting 'e')"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 2}', "invalid character '2' after object key:value pair"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['01', "invalid character '1' after top-level value"],
    ['-', "invalid character ' ' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1e+', "invalid character ' ' in exponent of numeric literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u00g"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ["'", "invalid character '\\'' looking for beginning of value"],
    ['\x01', "invalid character '\\x01' looking for beginning of value"],
    ['\xc3\xa9', "invalid character '\xc3' looking for beginning of value"],
    ['\xa0', "invalid character '\\u00a0' looking for beginning of value"],
    ['['.repeat(1001), 'exceeded max depth'],
    [`{${'"a":1,'.repeat(10_000)}"a":1}`, 'exceeded max fields'],
  ])('%j: %s', (text, fault) => {
    expect(faultOfJson(text as ByteString)).toBe(fault);
  });

  test('is never JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(faultOfJson(byteStringOf(text))).toBeUndefined();
      }),
    );
  });

  test('is told from JSON as JSON.parse does', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"a"',
      ':',
      ',',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'null',
      ' ',
      '\\',
      '"',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        expect(faultOfJson(text as ByteString) === undefined).toBe(isJson(text));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the value of a text', () => {
  test('has each field of its objects, also those with one name', () => {
    const value = valueOfJson('{"a":[1,{"b":"\\n","b":null}],"c":{},"a":"é"} and more' as ByteString);
    const [[name, list] = [], ...others] = fieldsOf(value) ?? [];
    expect([name, ...others.map(([other]) => other)]).toEqual(['a', 'c', 'a']);
    expect(fieldsOf((list as unknown[])[1])).toEqual([
      ['b', '\n'],
      ['b', null],
    ]);
    expect(fieldsOf(others[0]?.[1])).toEqual([]);
  });

  test.each([
    ['\xe2\x82', 2],
    ['\xf0\x90\x80', 3],
    ['\xed\xa0\x80', 3],
    ['\xff', 1],
    ['\xe2\x82\xac', 0],
  ])('has U+FFFD for each byte of %j that is no UTF-8', (bytes, count) => {
    const text = `"a${bytes}\\n"`;
    for (const more of ['', ' and more']) {
      const value = String(valueOfJson(`${text}${more}` as ByteString));
      expect(value).toMatch(/^a.+\n$/);
      expect(value.split('\ufffd')).toHaveLength(count + 1);
    }
  });

  test.each(['1', '[]', '"{}"', 'null', '{', ''])('%j has no fields', (text) => {
    expect(fieldsOf(valueOfJson(text as ByteString))).toBeUndefined();
  });

  test('is taken of up to 10,000 fields of which some have one name', () => {
    const textOf = (count: number) => `{${'"a":1,'.repeat(count - 1)}"a":2}` as ByteString;
    expect(fieldsOf(valueOfJson(textOf(10_000)))).toHaveLength(10_000);
    expect(valueOfJson(textOf(10_001))).toBeUndefined();
  });

  test('is that of JSON.parse where no name comes again', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = byteStringOf(JSON.stringify(value));
        // What follows is for the descent, which the engine's parser would not get through.
        expect(plainOf(valueOfJson(text))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(plainOf(valueOfJson(`${text} }` as ByteString))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  const fields = fieldsOf(value);
  return fields === undefined ? value : Object.fromEntries(fields.map(([name, field]) => [name, plainOf(field)]));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
