import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { EMPTY_FORM, type Form, parseForm, parsePlainValueForm } from '../../src/protocol/form.ts';

const parse = (body: string, query = '') => parseForm(body as ByteString, query as ByteString);
/** What was given, without the absent ones. */
const given = (form: ReturnType<typeof parseForm>) =>
  Object.fromEntries(Object.entries(form).filter(([, value]) => value !== undefined));

describe('a form', () => {
  test.each<[string, Partial<Record<keyof Form, string>>]>([
    ['', {}],
    ['value=a', { value: 'a' }],
    ['value', { value: '' }],
    ['value=', { value: '' }],
    ['value=a=b', { value: 'a=b' }],
    ['value=a+b%20c%2B', { value: 'a b c+' }],
    ['value=%3B%26%3D%25', { value: ';&=%' }],
    ['value=\r\n\xff%ff', { value: '\r\n\xff\xff' }],
    ['v%61lue=x', { value: 'x' }],
    ['&&value=a&&ttl=5&', { value: 'a', ttl: '5' }],
    ['value=first&value=second', { value: 'first' }],
    ['value=&value=second', { value: '' }],
    ['=x&unknown=1&Value=2&toString=3&__proto__=4', {}],
  ])('%j', (source, fields) => {
    expect(given(parse(source))).toEqual(fields);
    expect(given(parse('', source))).toEqual(fields);
  });

  test.each(Object.keys(EMPTY_FORM))('finds %s, whether anything beside it is encoded or nothing', (name) => {
    for (const beside of ['', '&other=%41', '&+']) {
      expect(given(parse(`${name}=first&${name}=second${beside}`))).toEqual({ [name]: 'first' });
      expect(given(parse(`${name}${beside}`))).toEqual({ [name]: '' });
    }
  });

  test('takes the body before the query', () => {
    expect(given(parse('value=body&ttl=1', 'value=query&dir=true'))).toEqual({ value: 'body', ttl: '1', dir: 'true' });
  });

  test.each([
    ['value=%zz', 'invalid URL escape "%zz"'],
    ['value=%', 'invalid URL escape "%"'],
    ['value=%4', 'invalid URL escape "%4"'],
    ['value=%4&x', 'invalid URL escape "%4"'],
    ['%4=x', 'invalid URL escape "%4"'],
    ['value=%u0041', 'invalid URL escape "%u0"'],
    ['value=%%41', 'invalid URL escape "%%4"'],
    ['x=%zz&y=%aq', 'invalid URL escape "%zz"'],
    ['%qq=%zz', 'invalid URL escape "%qq"'],
    ['value=ok&y=%G1', 'invalid URL escape "%G1"'],
    ['value=%"\\', 'invalid URL escape "%\\"\\\\"'],
    ['value=%\n\x00', 'invalid URL escape "%\\n\\x00"'],
    ['value=%\x7f\xff', 'invalid URL escape "%\\x7f\\xff"'],
    ['value=%\xc3\xa9', 'invalid URL escape "%\xc3\xa9"'],
    ['value=%\xc2\xa0', 'invalid URL escape "%\\u00a0"'],
    ['value=a;b', 'invalid semicolon separator in query'],
    ['value=ok;', 'invalid semicolon separator in query'],
    ['value=%zz&a;b', 'invalid semicolon separator in query'],
    ['a;b&x=%zz', 'invalid semicolon separator in query'],
  ])('%j is refused: %s', (source, fault) => {
    expect(parse(source)).toEqual({ fault });
    expect(parse('value=1', source)).toEqual({ fault });
    expect(parse(source, 'a;b')).toEqual({ fault });
  });

  test('gives back what encodeURIComponent has encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (value, prevValue) => {
        const source = `x=1&value=${encodeURIComponent(value)}&prevValue=${encodeURIComponent(prevValue).replaceAll('%20', '+')}`;
        expect(given(parse(source))).toEqual({ value: latin1(value), prevValue: latin1(prevValue) });
      }),
    );
  });
});

describe('the plain value form', () => {
  test.each([
    ['value=abc', 'abc'],
    ['value=', ''],
    ['value=a=b', 'a=b'],
    ['value=\xff', '\xff'],
    ['value=a+b', undefined],
    ['value=a%20b', undefined],
    ['value=a&ttl=1', undefined],
    ['value=a;', undefined],
    ['value', undefined],
    ['ttl=1', undefined],
    ['', undefined],
  ])('%j gives %j', (body, value) => {
    expect(parsePlainValueForm(body as ByteString)).toBe(value);
  });

  test('never differs from the whole grammar', () => {
    const body = fc.array(fc.constantFrom('value=', 'a', '=', '&', '+', ';', '%41', '\xff', '\n'), { maxLength: 6 });
    fc.assert(
      fc.property(body, (parts) => {
        const source = parts.join('');
        const value = parsePlainValueForm(source as ByteString);
        if (value !== undefined) expect(given(parse(source))).toEqual({ value });
      }),
      { numRuns: 1000 },
    );
  });
});

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
