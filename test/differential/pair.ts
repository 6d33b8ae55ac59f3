/**
 * The two servers of a differential run: a real etcd, the peer, and uetcd, the subject. Before each sequence their
 * indexes are made equal by padding writes on the one that is behind, so that answers can be compared byte for byte
 * with no index left out; and because every sequence has a prefix of its own, fast-check can shrink a failing one.
 *
 * With UETCD_DIFFERENTIAL_SUBJECT=etcd the subject is a second real etcd: a difference found then is a fault of
 * these tests.
 */
import { ApiClient } from '../support/http.ts';
import { isInstalled, startEtcd, startInProcess } from '../support/servers.ts';

export interface Pair {
  readonly peer: ApiClient;
  readonly subject: ApiClient;
  /** Whether the subject is to do right what the peer is known to do wrong. */
  readonly faultsAreRight: boolean;
  stop(): Promise<void>;
}

export const hasEtcd = isInstalled('etcd');
if (!hasEtcd)
  console.log('differential tests skipped: no etcd binary on the PATH (Debian: apt-get install etcd-server)');

/** How many operations the differential tests perform in all. */
export const operationsTotal = Number(process.env['UETCD_DIFFERENTIAL_OPERATIONS'] ?? 5_000);

/** fast-check's seed: fixed by default, so that a run can be repeated; any other explores. */
export const seed = Number(process.env['UETCD_DIFFERENTIAL_SEED'] ?? 20_230_423);

/** @param frontEnds of the subject, whose client takes as many connections in turn. */
export async function startPair(frontEnds = 1): Promise<Pair> {
  const faultsAreRight = process.env['UETCD_DIFFERENTIAL_SUBJECT'] !== 'etcd';
  const peerServer = await startEtcd();
  const subjectServer = await (faultsAreRight ? startInProcess({ frontEnds }) : startEtcd());
  const peer = new ApiClient(peerServer.url);
  const subject = new ApiClient(subjectServer.url, frontEnds);
  const stop = async () => {
    await Promise.all([peer.close(), subject.close()]);
    await Promise.all([peerServer.stop(), subjectServer.stop()]);
  };
  return { peer, subject, faultsAreRight, stop };
}

let sequenceCount = 0;

/** Runs one sequence under a fresh prefix, from an index both servers have; removes the prefix afterwards. */
export async function withSequence(
  pair: Pair,
  body: (prefix: string, startIndex: number) => Promise<void>,
): Promise<void> {
  sequenceCount++;
  const prefix = `/s${String(sequenceCount).padStart(6, '0')}`;
  const startIndex = await alignIndexes(pair);
  try {
    await body(prefix, startIndex);
  } finally {
    await Promise.all([pair.peer, pair.subject].map((server) => server.delete(`${prefix}?recursive=true`)));
  }
}

/** Brings both servers to the same index, which is returned. */
export async function alignIndexes({ peer, subject }: Pair): Promise<number> {
  for (;;) {
    const [peerIndex, subjectIndex] = await Promise.all([currentIndex(peer), currentIndex(subject)]);
    if (peerIndex === subjectIndex) return peerIndex;
    await (peerIndex < subjectIndex ? peer : subject).put('/padding', 'value=');
  }
}

export async function currentIndex(server: ApiClient): Promise<number> {
  const answer = await server.get('/');
  return Number(answer.headers['x-etcd-index']);
}
