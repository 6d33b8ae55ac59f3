/** Both servers killed with SIGKILL and started again on their data, in the middle of what they are asked. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, ApiClient } from '../support/http.ts';
import { type RunningProcess, type RunningServer, startCommandLine, startEtcd } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';
import { differencesOf } from './comparison.ts';
import { alignIndexes, currentIndex, hasEtcd, operationsTotal, type Pair, seed } from './pair.ts';
import { playSequence } from './play.ts';
import { anyRequest, type KeysRequest } from './requests.ts';

const restartsTotal = 4;
const requestsPerRun = Math.min(1_000, Math.ceil(operationsTotal / 5 / restartsTotal));

/** One of the two, on a directory that outlives it. */
interface Incarnation {
  readonly server: RunningServer & RunningProcess;
  readonly client: ApiClient;
}

describe.skipIf(!hasEtcd)('against a real etcd, across restarts', () => {
  let directory: string | undefined;
  let peer: Incarnation;
  let subject: Incarnation;
  const startBoth = async () => {
    // So few that snapshots are made on the way, and recovery begins from one.
    directory ??= makeTemporary('uetcd-restart');
    const flags = ['--data-dir', join(directory, 'subject'), '--snapshot-count', '150', '--log-level', 'warn'];
    const servers = await Promise.all([startEtcd(join(directory, 'peer')), startCommandLine(flags)]);
    [peer, subject] = servers.map((server) => ({ server, client: new ApiClient(server.url) })) as [
      Incarnation,
      Incarnation,
    ];
  };
  beforeAll(startBoth);
  afterAll(async () => {
    // Neither is there when the first start failed.
    await Promise.all([peer, subject].map((incarnation) => incarnation?.client.close()));
    await Promise.all([peer, subject].map((incarnation) => incarnation?.server.stop()));
    if (directory !== undefined) removeTemporary(directory);
  });

  async function killBoth(): Promise<void> {
    for (const { server, client } of [peer, subject]) {
      await client.close();
      server.child.kill('SIGKILL');
      await server.exited;
    }
  }

  function pair(): Pair {
    return { peer: peer.client, subject: subject.client, faultsAreRight: true, stop: async () => {} };
  }

  /** Brings both to the same index with nothing left of the padding, whichever of the two needed any. */
  async function alignAll(): Promise<number> {
    await Promise.all([peer, subject].map(({ client }) => client.put('/padding', 'value=')));
    const index = await alignIndexes(pair());
    await Promise.all([peer, subject].map(({ client }) => client.delete('/padding')));
    return index + 1;
  }

  async function compareAnswers(target: string): Promise<void> {
    const [peerAnswer, subjectAnswer] = await Promise.all([peer.client.fetch(target), subject.client.fetch(target)]);
    expect(differencesOf(withoutTtl(peerAnswer), withoutTtl(subjectAnswer), true), target).toEqual([]);
  }

  test('keys, indexes, lives and history come back the same', { timeout: 120_000 }, async () => {
    for (let run = 0; run < restartsTotal; run++) {
      const prefix = `/run${run}`;
      const startIndex = await alignAll();
      await playSequence(pair(), sampled(run), prefix, startIndex);
      // So that each look back finds something.
      await Promise.all([peer, subject].map(({ client }) => client.put(`${prefix}/last`, 'value=&prevExist=false')));
      const lastIndex = await currentIndex(subject.client);
      await killBoth();
      await startBoth();
      await alignAll();
      await compareAnswers('/v2/keys/?recursive=true&sorted=true');
      for (let index = startIndex + 1; index <= lastIndex; index++)
        await compareAnswers(`/v2/keys${prefix}?wait=true&recursive=true&waitIndex=${index}`);
    }
  });
});

/** Replaying its log, the peer works out anew how long each key had still to live. */
function withoutTtl(answer: Answer): Answer {
  return { ...answer, bytes: Buffer.from(answer.bytes.toString('latin1').replace(/"ttl":-?\d+,/g, ''), 'latin1') };
}

function sampled(run: number): KeysRequest[] {
  return fc.sample(anyRequest, { seed: seed + run, numRuns: requestsPerRun });
}
