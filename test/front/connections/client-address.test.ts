import { expect, test } from 'vitest';
import { clientKey } from '../../../src/front/connections/client-address.ts';

const keyOf = (hexadecimal: string) =>
  Buffer.from(clientKey(Buffer.from(hexadecimal, 'hex')), 'latin1').toString('hex');

test.each([
  ['an IPv4 address is itself', '7f000001', '7f000001'],
  ['an IPv4 address in IPv6 is the same', '00000000000000000000ffff7f000001', '7f000001'],
  ['an IPv6 address is its /64', '20010db8000100020003000400050006', '20010db800010002'],
  ['loopback in IPv6 is no IPv4 address', '00000000000000000000000000000001', '0000000000000000'],
  ['no address is nobody', '', ''],
])('%s', (_, address, key) => {
  expect(keyOf(address)).toBe(key);
});
