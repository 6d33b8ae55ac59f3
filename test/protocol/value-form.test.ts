import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteString, byteStringOfBytes } from '../../src/base/byte-string.ts';
import { parseForm } from '../../src/protocol/form.ts';
import { isPlain } from '../../src/protocol/json.ts';
import { ValueForm } from '../../src/protocol/value-form.ts';

const SIZE_BYTES_MAX = 64;
const form = new ValueForm(SIZE_BYTES_MAX);
const read = (body: string) => form.read(Buffer.from(body, 'latin1'));
const value = () => byteStringOfBytes(form.bytes.subarray(form.start, form.end));

describe('a form of nothing but a value', () => {
  test.each([
    ['value=', '', true],
    ['value=plain', 'plain', true],
    ['value=a=b', 'a=b', true],
    ['value=a+b%20%41', 'a b A', true],
    ['value=%7B%22a%22%3A1%7d', '{"a":1}', false],
    ['value={"a":1}', '{"a":1}', false],
    ['value=%26%3B%25%2B', '&;%+', false],
    ['value=\r\n\xff%ff', '\r\n\xff\xff', false],
  ])('%j holds %j', (body, expected, isExpectedPlain) => {
    expect(read(body)).toBe(true);
    expect(value()).toBe(expected);
    expect(form.isPlain).toBe(isExpectedPlain);
  });

  test.each([
    'value',
    'values=a',
    '',
    'ttl=1',
    'value=a&ttl=1',
    'value=a;b',
    'value=%',
    'value=%4',
    'value=%4g',
    'value=%g4',
    'value=%41&value=b',
  ])('%j is left to the whole grammar', (body) => {
    expect(read(body)).toBe(false);
  });

  test('is read up to its greatest size where it has to be decoded', () => {
    expect(read('value='.padEnd(SIZE_BYTES_MAX, '+'))).toBe(true);
    expect(value()).toBe(' '.repeat(SIZE_BYTES_MAX - 6));
    expect(read('value='.padEnd(SIZE_BYTES_MAX + 1, '+'))).toBe(false);
    expect(read('value='.padEnd(2 * SIZE_BYTES_MAX, 'x'))).toBe(true);
    expect(value()).toBe('x'.repeat(2 * SIZE_BYTES_MAX - 6));
  });

  test('is what the whole grammar finds', () => {
    const byte = fc.nat(255).map((code) => String.fromCharCode(code));
    const escaped = fc.nat(255).map((code) => `%${code.toString(16).padStart(2, '0')}`);
    const part = fc.oneof(fc.constantFrom('value=', '&', ';', '+', '%', '%4', 'a'), byte, escaped);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.boolean(), (parts, isValue) => {
        const body = ((isValue ? 'value=' : '') + parts.join('')) as ByteString;
        if (!read(body)) return;
        const found = parseForm(body, '' as ByteString);
        expect(found).toMatchObject({ value: value(), ttl: undefined });
        expect(form.isPlain).toBe(isPlain(value()));
      }),
      { numRuns: 5000 },
    );
  });
});
