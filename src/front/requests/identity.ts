/** Who this server says it is: a cluster of one fixed member. */
import { createHash } from 'node:crypto';
import type { Member } from '../../protocol/answers.ts';

export interface Identity {
  /** Hexadecimal. */
  readonly clusterId: string;
  readonly member: Member;
}

/**
 * @param stored the ids that a durable server keeps in its data directory; without them they follow from name and URLs,
 *   as etcd's do.
 */
export function identityOf(
  name: string,
  clientUrls: readonly string[],
  peerUrls: readonly string[],
  stored: { readonly clusterId: string; readonly memberId: string } | undefined,
): Identity {
  const id = stored?.memberId ?? hexId(`member ${name} ${peerUrls.join(',')}`);
  return { clusterId: stored?.clusterId ?? hexId(`cluster ${id}`), member: { id, name, peerUrls, clientUrls } };
}

/** 64 bits in hexadecimal without leading zeros, as etcd prints its ids. */
function hexId(text: string): string {
  return createHash('sha256').update(text).digest().readBigUInt64BE(0).toString(16);
}
