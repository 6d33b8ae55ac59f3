/** A line of a dump and back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { decodeLine, encodeEnd, encodeHeader, encodeNode } from '../../src/transfer/json-lines.ts';
import type { TransferNode } from '../../src/transfer/transfer-node.ts';

const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1') as ByteString);
const anyText = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => latin1Of(text));
const anyContent = fc.oneof(anyBytes, anyText);
const anyElement = anyContent
  .map((bytes) => bytes.replaceAll('/', ''))
  .filter((element) => element !== '' && element !== '.' && element !== '..');
const anyKey = fc
  .array(anyElement, { minLength: 1, maxLength: 5 })
  .map((elements) => `/${elements.join('/')}` as ByteString);
const anyIndex = fc.option(fc.nat(), { nil: undefined });
const anyNode: fc.Arbitrary<TransferNode> = fc.record({
  key: anyKey,
  value: fc.option(anyContent, { nil: undefined }),
  expirationMs: fc.option(fc.integer({ min: 0, max: Date.UTC(9999, 0) }), { nil: undefined }),
  modifiedIndex: anyIndex,
  createdIndex: anyIndex,
});

function latin1Of(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1') as ByteString;
}

function lineOf(encoded: ByteString): Buffer {
  return Buffer.from(encoded, 'latin1').subarray(0, -1);
}

describe('a node', () => {
  test('comes back as it was, whatever its bytes', () => {
    fc.assert(
      fc.property(anyNode, (node) => {
        expect(decodeLine(lineOf(encodeNode(node)))).toEqual({ kind: 'node', node });
      }),
      { numRuns: 2_000 },
    );
  });

  test('is one line of UTF-8 and of JSON, whatever its bytes', () => {
    fc.assert(
      fc.property(anyNode, (node) => {
        const encoded = encodeNode(node);
        expect(encoded.indexOf('\n')).toBe(encoded.length - 1);
        const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'latin1'));
        expect(JSON.parse(text)).toBeTypeOf('object');
      }),
    );
  });

  test.each([
    ['text', latin1Of('grüße'), '"value":"grüße"'],
    ['no UTF-8', '\xff\0' as ByteString, '"valueBase64":"/wA="'],
    ['nothing', '' as ByteString, '"value":""'],
  ])('whose value is %s reads so', (_, value, expected) => {
    const key = '/a' as ByteString;
    const node = { key, value, expirationMs: undefined, modifiedIndex: 3, createdIndex: 2 };
    const line = lineOf(encodeNode(node)).toString('utf8');
    expect(line).toBe(`{"key":"/a",${expected},"modifiedIndex":3,"createdIndex":2}`);
  });
});

test('an expiration in nanoseconds is taken to the millisecond', () => {
  const line = '{"key":"/a","value":"","expiration":"2026-11-24T11:17:42.123456789Z"}';
  const { node } = decodeLine(Buffer.from(line)) as { node: TransferNode };
  expect(node.expirationMs).toBe(Date.UTC(2026, 10, 24, 11, 17, 42, 123));
});

test('header and end are known as such', () => {
  const header = encodeHeader({ source: 'käse', etcdIndex: 7, includesHidden: true, timeMs: 0 });
  expect(JSON.parse(lineOf(header).toString('utf8'))).toEqual({
    'uetcd-dump': 1,
    source: 'käse',
    etcdIndex: 7,
    hidden: true,
    time: '1970-01-01T00:00:00Z',
  });
  expect(decodeLine(lineOf(header))).toEqual({ kind: 'header' });
  expect(decodeLine(lineOf(encodeEnd(12)))).toEqual({ kind: 'end', nodeCount: 12 });
});

test('a field with another name is ignored', () => {
  expect(decodeLine(Buffer.from('{"key":"/a","value":"","comment":[1]}'))).toMatchObject({ kind: 'node' });
});

test.each([
  ['{"key":"/a"', 'not JSON'],
  ['', 'not JSON'],
  ['[]', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['{"uetcd-dump":2}', 'version 2'],
  ['{"end":true}', 'no "nodes"'],
  ['{"end":true,"nodes":-1}', '"nodes" is not a whole number'],
  ['{"value":"1"}', 'no "key"'],
  ['{"key":"/a"}', 'no "value"'],
  ['{"key":"/a","value":"1","dir":true}', 'is a directory'],
  ['{"key":"/a","value":1}', '"value" is not a text'],
  ['{"key":"/a","value":"\\ud800"}', '"value" is not a text'],
  ['{"key":"/a","value":"","valueBase64":""}', 'two of "value"'],
  ['{"key":"/a","valueBase64":"/w"}', 'not base64'],
  ['{"key":"/a","valueBase64":"ä"}', 'not base64'],
  ['{"key":"a","value":""}', '"a" is not a key'],
  ['{"key":"/","value":""}', '"/" is not a key'],
  ['{"key":"/a/../b","value":""}', 'is not a key'],
  ['{"key":"/a/","value":""}', 'is not a key'],
  ['{"key":"/a","value":"","expiration":"tomorrow"}', 'RFC 3339'],
  ['{"key":"/a","value":"","expiration":5}', 'RFC 3339'],
  ['{"key":"/a","value":"","modifiedIndex":"1"}', 'whole number'],
])('%s is refused: %s', (line, reason) => {
  expect(() => decodeLine(Buffer.from(line))).toThrow(reason);
});

test('bytes that are not UTF-8 are refused', () => {
  expect(() => decodeLine(Buffer.from('{"key":"/\xff","value":""}', 'latin1'))).toThrow('not UTF-8');
});
