import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { differencesOf, differencesOfBodies } from './comparison.ts';
import { hasEtcd, operationsTotal, type Pair, seed, startPair, withSequence } from './pair.ts';
import { type KeysRequest, requestOf } from './requests.ts';

/** A run takes almost five seconds, nearly all of it waiting. */
const runsTotal = operationsTotal > 20_000 ? 12 : 3;

const path = fc.constantFrom('/a', '/b', '/c', '/d', '/d/k', '/d/e', '/d/e/k', '/_h', '/e/k');
const ttl = fc.constantFrom('', '1', '2', '3', '100', '9000000000');
const put = (form: fc.Arbitrary<string>) =>
  fc.record({ path, form }).map(
    ({ path, form }): KeysRequest => ({
      method: 'PUT',
      path,
      query: '',
      body: form,
      contentType: 'application/x-www-form-urlencoded',
    }),
  );
const set = put(ttl.map((ttl) => `value=v&ttl=${ttl}`));
const setDirectory = put(ttl.map((ttl) => `dir=true&ttl=${ttl}`));
// An update whose lifetime overflows expires at once, in the middle of the sequence; hence only small ones here.
const smallTtl = fc.constantFrom('1', '2', '3', '100');
const update = put(smallTtl.map((ttl) => `value=w&prevExist=true&ttl=${ttl}`));
const updateDirectory = put(smallTtl.map((ttl) => `prevExist=true&ttl=${ttl}`));
const refresh = put(smallTtl.map((ttl) => `refresh=true&prevExist=true&ttl=${ttl}`));
/** At most one of these, and last: it expires while the others are still alive. */
const shortest = put(
  fc.constantFrom('value=v&ttl=0', 'value=w&prevExist=true&ttl=9000000000', 'value=v&ttl=18446744073709551615'),
);
const requests = fc
  .tuple(
    fc.array(fc.oneof(set, setDirectory, update, updateDirectory, refresh), { minLength: 30, maxLength: 60 }),
    shortest,
  )
  .map(([list, last]) => [...list, last]);

describe.skipIf(!hasEtcd)('against a real etcd, what expires', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.stop());

  test('the same nodes expire in the same order with the same events', { timeout: 600_000 }, async () => {
    const runs = fc.asyncProperty(requests, (requests) =>
      withSequence(pair, async (prefix, startIndex) => playUntilExpired(pair, requests, prefix, startIndex)),
    );
    // Shrinking would take minutes; the whole sequence is printed instead.
    await fc.assert(runs, { seed, numRuns: runsTotal, endOnFailure: true });
  });
});

async function playUntilExpired(
  { peer, subject }: Pair,
  requests: readonly KeysRequest[],
  prefix: string,
  startIndex: number,
): Promise<void> {
  const target = `${prefix}?wait=true&recursive=true&stream=true`;
  const [peerWatch, subjectWatch] = await Promise.all([peer.watch(target), subject.watch(target)]);
  try {
    for (const request of requests) {
      const sent = requestOf(request, prefix, startIndex);
      const [peerAnswer, subjectAnswer] = await Promise.all([peer.send(sent), subject.send(sent)]);
      failOn(sent.target, differencesOf(peerAnswer, subjectAnswer, true));
      // No two lives may end in one millisecond: then the order is ours (README, differences), as etcd counts finer.
      await sleep(2);
    }
    await sleep(4_600); // The longest of the short lives, the peer's half second, and room for a busy machine.
    const [peerText, subjectText] = [peerWatch, subjectWatch].map(({ lines }) => lines.map(withoutLateness).join('\n'));
    failOn(target, differencesOfBodies(peerText ?? '', subjectText ?? '', true));
    const listing = { method: 'GET', target: `/v2/keys${prefix}?recursive=true` };
    const [peerListing, subjectListing] = await Promise.all([peer.send(listing), subject.send(listing)]);
    failOn(listing.target, differencesOf(peerListing, subjectListing, false));
  } finally {
    await Promise.all([peerWatch.close(), subjectWatch.close()]);
  }
}

/** The previous node of an expiry shows how late it came: that is no difference. */
function withoutLateness(line: string): string {
  return line.startsWith('{"action":"expire"') ? line.replace(/,"ttl":-?\d+/g, '') : line;
}

function failOn(where: string, differences: readonly string[]): void {
  if (differences.length > 0) throw new Error(`${where}\n${differences.join('\n')}`);
}
