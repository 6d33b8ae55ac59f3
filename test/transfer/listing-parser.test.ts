/** A listing read while it arrives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { escapeJson } from '../../src/protocol/json.ts';
import { ListingParser } from '../../src/transfer/listing-parser.ts';
import type { TransferNode } from '../../src/transfer/transfer-node.ts';

interface Tree {
  readonly name: ByteString;
  readonly value: ByteString;
  readonly children: readonly Tree[] | undefined;
}

const anyText = fc
  .string({ unit: 'binary', maxLength: 8 })
  .map((text) => Buffer.from(text, 'utf8').toString('latin1') as ByteString);

const { tree: anyTree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    name: anyText,
    value: anyText,
    children: fc.option(fc.array(tie('tree'), { maxLength: 3 }), { nil: undefined, depthSize: 'medium' }),
  }),
}));

/** As a server writes it; the model of what is to come out is kept on the way. */
function render({ name, value, children }: Tree, above: string, expected: TransferNode[]): string {
  const key = `${above}/${name}` as ByteString;
  const isDirectory = children !== undefined;
  const index = isDirectory ? undefined : 5;
  expected.push({
    key,
    value: isDirectory ? undefined : value,
    expirationMs: undefined,
    modifiedIndex: index,
    createdIndex: index,
  });
  const below = (children ?? []).map((child) => render(child, key, expected));
  const nodes = below.length === 0 ? '' : `,"nodes":[${below.join(',')}]`;
  const content = isDirectory ? '"dir":true' : `"value":"${escapeJson(value)}"`;
  return `{"key":"${escapeJson(key)}",${content}${nodes},"modifiedIndex":5,"createdIndex":5}`;
}

function listingOf(nodes: string): string {
  return `{"action":"get","node":{"dir":true${nodes === '' ? '' : `,"nodes":[${nodes}]`}}}\n`;
}

function parse(text: string, pieceLength: number, isLossy = false): TransferNode[] {
  const parser = new ListingParser({ isLossy });
  const nodes: TransferNode[] = [];
  for (let at = 0; at < text.length; at += pieceLength) nodes.push(...parser.take(text.slice(at, at + pieceLength)));
  parser.finish();
  return nodes;
}

test('any tree, in pieces of any length, gives each directory before what is in it', () => {
  fc.assert(
    fc.property(fc.array(anyTree, { maxLength: 3 }), fc.integer({ min: 1, max: 50 }), (trees, pieceLength) => {
      const expected: TransferNode[] = [];
      const text = listingOf(trees.map((tree) => render(tree, '', expected)).join(','));
      expect(parse(text, pieceLength)).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

test('a tree as deep as a key may be needs no deep recursion', () => {
  const depth = 2_000;
  const opened = Array.from({ length: depth }, (_, level) => `{"key":"${'/x'.repeat(level + 1)}","dir":true,"nodes":[`);
  const leaf = `{"key":"${'/x'.repeat(depth)}/leaf","value":"v"}`;
  const nodes = parse(listingOf(`${opened.join('')}${leaf}${']}'.repeat(depth)}`), 1_000);
  expect(nodes).toHaveLength(depth + 1);
  expect(nodes.at(-1)).toMatchObject({ key: `${'/x'.repeat(depth)}/leaf`, value: 'v' });
});

test('times, and escapes that other servers may use', () => {
  const node = '{"key":"\\/k\\ud83e\\uddc0","value":"\\b\\u00e9","expiration":"2026-11-24T11:17:42.123456Z","ttl":5}';
  expect(parse(listingOf(node), 7)).toEqual([
    {
      key: '/k\xf0\x9f\xa7\x80',
      value: '\b\xc3\xa9',
      expirationMs: Date.UTC(2026, 10, 24, 11, 17, 42, 123),
      modifiedIndex: undefined,
      createdIndex: undefined,
    },
  ]);
});

describe('bytes that the API does not show', () => {
  const lost = listingOf(`{"key":"/a","value":"${escapeJson('\xff' as ByteString)}"}`);
  const real = listingOf(`{"key":"/a","value":"${escapeJson('\\ufffd \xef\xbf\xbd' as ByteString)}"}`);

  test('are an error that names the key', () => {
    expect(() => parse(lost, 1)).toThrow('"/a" or its value has bytes that are not UTF-8');
  });

  test('are U+FFFD where that is allowed', () => {
    expect(parse(lost, 1, true)[0]?.value).toBe('\xef\xbf\xbd');
  });

  test('are told from a real U+FFFD, and from one that is spelt out', () => {
    expect(parse(real, 1)[0]?.value).toBe('\\ufffd \xef\xbf\xbd');
  });
});

test.each([
  ['nothing', ''],
  ['a page', '<html></html>'],
  ['an error', '{"errorCode":100,"message":"Key not found"}'],
  ['an array', '[]'],
  ['a number', '5 '],
  ['two levels of something else', '{"members":{"id":"1"}}'],
])('%s is no listing', (_, text) => {
  expect(() => parse(text, 10)).toThrow();
});

test('a listing that ends early is refused, wherever it ends', () => {
  const whole = listingOf('{"key":"/a","dir":true,"nodes":[{"key":"/a/b","value":"\\n"}]}').trimEnd();
  for (let length = 0; length < whole.length; length++) {
    expect(() => parse(whole.slice(0, length), 10), whole.slice(0, length)).toThrow();
  }
});
