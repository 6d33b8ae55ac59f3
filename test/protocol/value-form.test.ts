import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteString, byteStringOfBytes } from '../../src/base/byte-string.ts';
import { type Form, parseForm } from '../../src/protocol/form.ts';
import { isPlain } from '../../src/protocol/json.ts';
import { Kernel } from '../../src/protocol/kernel.ts';
import { NO_TTL, ValueForm } from '../../src/protocol/value-form.ts';

const kernel = new Kernel();

const SIZE_BYTES_MAX = 64;
const form = new ValueForm(SIZE_BYTES_MAX, kernel);
const read = (body: string) => form.read(Buffer.from(body, 'latin1'));
const value = () => byteStringOfBytes(form.bytes.subarray(form.start, form.end));

describe('a form of nothing but a value, or a value and a life', () => {
  test.each([
    ['value=', '', true],
    ['value=plain', 'plain', true],
    ['value=a=b', 'a=b', true],
    ['value=a+b%20%41', 'a b A', true],
    ['value=%7B%22a%22%3A1%7d', '{"a":1}', false],
    ['value={"a":1}', '{"a":1}', false],
    ['value=%26%3B%25%2B', '&;%+', false],
    ['value=\r\n\xff%ff', '\r\n\xff\xff', false],
    ['value=plain&ttl=60', 'plain', true, 60],
    ['value=%41&ttl=0', 'A', true, 0],
    ['ttl=007&value=%22', '"', false, 7],
    ['ttl=999999999&value=', '', true, 999_999_999],
  ])('%j holds %j', (body, expected, isExpectedPlain, ttlSeconds = NO_TTL) => {
    expect(read(body)).toBe(true);
    expect(value()).toBe(expected);
    expect(form.isPlain).toBe(isExpectedPlain);
    expect(form.ttlSeconds).toBe(ttlSeconds);
  });

  test.each([
    'value',
    'values=a',
    'Value=a',
    '',
    'ttl=1',
    'value=a&ttl=',
    'value=a&ttl=-1',
    'value=a&ttl=1 ',
    'value=a&ttl=%31',
    'value=a&ttl=1&ttl=2',
    'value=a&ttl=1&',
    'value=a&',
    'value=a&ttl=1000000000',
    'value=a;ttl=1',
    'value=%41;ttl=1',
    'ttl=1&ttl=2&value=a',
    'ttl=1&value=a&ttl=1',
    'ttl=1&',
    'ttl=&value=a',
    'ttl=1;value=a',
    'ttl=1000000000&value=a',
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
    const some = fc.constantFrom('value=', 'ttl=', '&ttl=6', '&', ';', '+', '%', '%4', 'a', '1');
    const part = fc.oneof(some, byte, escaped);
    const beginning = fc.constantFrom('', 'value=', 'ttl=', 'ttl=12&value=', 'value=b&ttl=');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), beginning, (parts, first) => {
        const body = (first + parts.join('')) as ByteString;
        if (!read(body)) return;
        const found = parseForm(body, '' as ByteString);
        expect(found).toMatchObject({ value: value() });
        const { ttl } = found as Form;
        expect(form.ttlSeconds).toBe(ttl === undefined ? NO_TTL : Number(ttl));
        expect(form.isPlain).toBe(isPlain(value()));
      }),
      { numRuns: 5000 },
    );
  });

  test('is what the whole grammar finds where it is long, with any byte at any place of it', () => {
    const long = new ValueForm(2_000, kernel);
    for (let code = 0; code < 256; code++) {
      for (const place of [6, 7, 300, 602, 604, 605]) {
        const text = `value=${'x'.repeat(600)}`;
        const body = `${text.slice(0, place)}${String.fromCharCode(code)}${text.slice(place)}` as ByteString;
        const wasRead = long.read(Buffer.from(body, 'latin1'));
        const found = parseForm(body, '' as ByteString);
        if (!wasRead) expect(['&', ';', '%'], body).toContain(String.fromCharCode(code));
        else {
          const read = byteStringOfBytes(long.bytes.subarray(long.start, long.end));
          expect(found).toMatchObject({ value: read });
          expect(long.isPlain, body).toBe(isPlain(read));
        }
      }
    }
  });

  test('is what the whole grammar finds where it is long, whatever it is made of', () => {
    const long = new ValueForm(64 * 1024, kernel);
    const run = fc.nat(20).map((length) => 'x'.repeat(length));
    const escaped = fc.nat(255).map((code) => `%${code.toString(16).padStart(2, '0')}`);
    const anyByte = fc.nat(255).map((code) => String.fromCharCode(code));
    const fault = fc.constantFrom('%', '%4', '%4g', '%%41', '&ttl=5', '&', ';', '&a=b');
    const good = fc.oneof({ weight: 3, arbitrary: run }, { weight: 3, arbitrary: escaped }, fc.constant('+'), anyByte);
    const parts = fc.array(good, { minLength: 30, maxLength: 90 });
    fc.assert(
      fc.property(parts, fc.option(fault), parts, fc.nat(15), (before, middle, after, shift) => {
        const body = `value=${'y'.repeat(250 + shift)}${[...before, middle ?? '', ...after].join('')}` as ByteString;
        const found = parseForm(body, '' as ByteString);
        const wasRead = long.read(Buffer.from(body, 'latin1'));
        if (!('fault' in found) && !body.includes('&')) expect(wasRead).toBe(true);
        if (!wasRead) return;
        const read = byteStringOfBytes(long.bytes.subarray(long.start, long.end));
        expect(found).toMatchObject({ value: read });
        expect(long.isPlain).toBe(isPlain(read));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([0, 1, 2, 64 * 1024 - 7, 64 * 1024, 200_000])(
    'stays where it is when it is plain and large, and is left to others when it is not (%i bytes before the end)',
    (back) => {
      const plain = `value=${'x'.repeat(200_000)}`;
      expect(read(plain)).toBe(true);
      expect([form.start, form.end, form.isPlain]).toEqual([6, plain.length, true]);
      expect(read(`${plain}&ttl=7`)).toBe(true);
      expect([form.start, form.end, form.ttlSeconds]).toEqual([6, plain.length, 7]);
      for (const other of ['+', '%41', '%', '"', '\n', '\xff', ';', '&a=b']) {
        const at = plain.length - back;
        expect(read(`${plain.slice(0, at)}${other}${plain.slice(at)}`), other).toBe(false);
      }
    },
  );
});
