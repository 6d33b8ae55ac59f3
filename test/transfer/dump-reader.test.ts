/** A dump is taken whole or not at all. */
import { describe, expect, test } from 'vitest';
import { readDump } from '../../src/transfer/dump-reader.ts';
import type { TransferNode } from '../../src/transfer/transfer-node.ts';
import { piecesOf } from './transfer-fixture.ts';

const lines = [
  '{"uetcd-dump":1,"source":"here","etcdIndex":4,"hidden":true,"time":"2026-11-24T11:17:42Z"}',
  '{"key":"/grüße","dir":true}',
  '{"key":"/grüße/a","value":"1"}',
  '{"keyBase64":"L/8=","value":""}',
  '{"end":true,"nodes":3}',
];
const whole = Buffer.from(`${lines.join('\n')}\n`);

async function nodesOf(bytes: Buffer, pieceSize = bytes.length): Promise<TransferNode[]> {
  const nodes: TransferNode[] = [];
  for await (const batch of readDump(piecesOf(bytes, pieceSize))) nodes.push(...batch);
  return nodes;
}

test('a dump comes in pieces of any size', async () => {
  const expected = await nodesOf(whole);
  expect(expected.map(({ key }) => key)).toEqual(['/gr\xc3\xbc\xc3\x9fe', '/gr\xc3\xbc\xc3\x9fe/a', '/\xff']);
  for (let size = 1; size < whole.length; size++) expect(await nodesOf(whole, size)).toEqual(expected);
});

describe('a dump cut short', () => {
  test('is refused at every byte', async () => {
    for (let size = 0; size < whole.length; size++) {
      await expect(nodesOf(whole.subarray(0, size), 64), `${size} bytes`).rejects.toThrow(/line \d: .*truncated/);
    }
  });

  test.each(lines.map((_, number) => number))('is refused without its line %i', async (number) => {
    const cut = Buffer.from(`${lines.toSpliced(number, 1).join('\n')}\n`);
    await expect(nodesOf(cut)).rejects.toThrow(/line \d: /);
  });
});

test.each([
  ['a second header', [...lines.slice(0, 2), lines[0], ...lines.slice(2)], 'line 3: a second header'],
  ['another line behind the end', [...lines, lines[1]], 'line 6: something comes behind'],
  ['an empty line', [...lines.slice(0, 2), '', ...lines.slice(2)], 'line 3: it is not JSON'],
  ['one node more', [...lines.slice(0, 2), ...lines.slice(1)], 'line 6: lines are missing: the dump has 4 nodes'],
  ['a version to come', ['{"uetcd-dump":9}', ...lines.slice(1)], 'line 1: the dump has version 9'],
  ['something else', ['{"a":1}'], 'line 1: it has no "key"'],
])('%s is refused with the number of the line', async (_, given, reason) => {
  await expect(nodesOf(Buffer.from(`${given.join('\n')}\n`))).rejects.toThrow(reason);
});
