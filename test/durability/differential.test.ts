/**
 * The same requests to a real etcd and to a durable server that is stopped or killed in the middle of them: the
 * answers, the whole tree and the events of the past have to stay equal, byte for byte.
 */
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { differencesOf } from '../differential/comparison.ts';
import { alignIndexes, currentIndex, hasEtcd, type Pair, seed } from '../differential/pair.ts';
import { anyRequest, asksForOrder, type KeysRequest, requestOf } from '../differential/requests.ts';
import { ApiClient } from '../support/http.ts';
import { startEtcd } from '../support/servers.ts';
import { type DurableServer, durableTest, startOn } from './durable-server.ts';

const LIVES = 6;
const REQUESTS_PER_LIFE = 250;
/** How many of the latest events are asked for again. */
const EVENTS_COMPARED = 60;
const flags = ['--snapshot-count', '90'];

describe.skipIf(!hasEtcd)('against a real etcd', () => {
  durableTest('restarts in the middle make no difference', { timeout: 600_000 }, async ({ directory }) => {
    const peerServer = await startEtcd();
    const peer = new ApiClient(peerServer.url);
    const requests = fc.sample(anyRequest, { seed, numRuns: LIVES * REQUESTS_PER_LIFE });
    let firstIndex = 0;
    try {
      for (let life = 0; life < LIVES; life++) {
        const server = await startOn(directory, { flags });
        const pair = pairOf(peer, server);
        if (life === 0) firstIndex = await begin(pair);
        else await comparePast(pair, firstIndex);
        const share = requests.slice(life * REQUESTS_PER_LIFE, (life + 1) * REQUESTS_PER_LIFE);
        // Some prefixes live on from one life to the next.
        await play(pair, share, `/s${life >> 1}`);
        await comparePast(pair, firstIndex);
        await pair.subject.close();
        await (life % 2 === 0 ? server.kill() : server.stop());
      }
    } finally {
      await peer.close();
      await peerServer.stop();
    }
    console.log(`differential, durable: ${requests.length} requests over ${LIVES} lives, no difference`);
  });
});

function pairOf(peer: ApiClient, server: DurableServer): Pair {
  return { peer, subject: new ApiClient(server.url), faultsAreRight: true, stop: async () => {} };
}

/** Makes indexes and trees equal. @returns the first index from which the events are equal too. */
async function begin(pair: Pair): Promise<number> {
  await alignIndexes(pair);
  for (const server of [pair.peer, pair.subject]) await server.put('/padding', 'value=');
  return (await currentIndex(pair.peer)) + 1;
}

async function play({ peer, subject }: Pair, requests: readonly KeysRequest[], prefix: string): Promise<void> {
  let index = await currentIndex(peer);
  for (const request of requests) {
    const sent = requestOf(request, prefix, index);
    const [peerAnswer, subjectAnswer] = await Promise.all([peer.send(sent), subject.send(sent)]);
    const differences = differencesOf(peerAnswer, subjectAnswer, asksForOrder(request));
    expect(differences, `${sent.method} ${sent.target} ${JSON.stringify(request.body)}`).toEqual([]);
    index = Math.max(index, Number(peerAnswer.headers['x-etcd-index'] ?? 0));
  }
}

async function comparePast({ peer, subject }: Pair, firstIndex: number): Promise<void> {
  const index = await currentIndex(peer);
  const targets = ['/?recursive=true&sorted=true'];
  for (let since = Math.max(firstIndex, index - EVENTS_COMPARED); since <= index; since++) {
    targets.push(`/?wait=true&recursive=true&waitIndex=${since}`);
  }
  for (const target of targets) {
    const [before, after] = await Promise.all([peer.get(target), subject.get(target)]);
    expect(before && after && differencesOf(before, after, true), target).toEqual([]);
  }
}
