/** Who a client is taken for, by its address. */
import type { HttpResponse } from 'uWebSockets.js';
import '../../base/latin1.ts';
import type { ByteString } from '../../base/byte-string.ts';

const IPV6_BYTES = 16;
/** Of an IPv6 address the network is its first half: whoever has one address there has all. */
const NETWORK_BYTES = 8;
/** `::ffff:` before an IPv4 address, as a socket for both has it. */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/** @returns the address, of IPv6 its /64, as bytes; empty when there is none. To be called while the client is there. */
export function clientKeyOf(response: HttpResponse): ByteString {
  return clientKey(Buffer.from(response.getRemoteAddress()));
}

/** @param address of 4 or 16 bytes. */
export function clientKey(address: Buffer): ByteString {
  if (address.length !== IPV6_BYTES) return address.latin1Slice() as ByteString;
  const isMapped = MAPPED_PREFIX.equals(address.subarray(0, MAPPED_PREFIX.length));
  return (isMapped ? address.latin1Slice(MAPPED_PREFIX.length) : address.latin1Slice(0, NETWORK_BYTES)) as ByteString;
}
