import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { inOrderPath } from '../../src/store/in-order.ts';

test.each([
  ['', 2, '/00000000000000000002'],
  ['/queue', 10, '/queue/00000000000000000010'],
  ['/\xe4\xff', 4_294_967_296, '/\xe4\xff/00000000004294967296'],
  ['/q', Number.MAX_SAFE_INTEGER, '/q/00009007199254740991'],
  [`/${'long'.repeat(1000)}`, 305, `/${'long'.repeat(1000)}/00000000000000000305`],
  ['/short', 306, '/short/00000000000000000306'],
])('in %j the key of index %d is %j', (directory, index, path) => {
  expect(inOrderPath(directory as ByteString, index)).toBe(path);
});
