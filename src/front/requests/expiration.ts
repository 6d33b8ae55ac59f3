/**
 * From a remaining life to a moment. etcd keeps both as 64-bit counts of nanoseconds, which wrap around for huge TTLs,
 * and clients see that; the store keeps whole milliseconds.
 */
const NS_PER_MS = 1_000_000n;
/** About 31 years: below it nothing can wrap and plain numbers are exact. */
const PLAIN_NS_MAX = 1_000_000_000_000_000_000n;

/**
 * @param ttlNs as the command carries it; undefined without ttl.
 * @returns epoch ms; 0 without ttl, where it counts for nothing.
 */
export function expirationMsOf(ttlNs: bigint | undefined, nowMs: number): number {
  if (ttlNs === undefined) return 0;
  if (ttlNs >= 0n && ttlNs < PLAIN_NS_MAX) return nowMs + Number(ttlNs / NS_PER_MS);
  const wrappedNs = BigInt.asIntN(64, BigInt(nowMs) * NS_PER_MS + ttlNs);
  // Rounds down, also below zero: a node never expires late.
  const floorCorrection = wrappedNs < 0n && wrappedNs % NS_PER_MS !== 0n ? 1n : 0n;
  return Number(wrappedNs / NS_PER_MS - floorCorrection);
}
