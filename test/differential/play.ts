import type { Answer } from '../support/http.ts';
import { differencesOf } from './comparison.ts';
import type { Pair } from './pair.ts';
import { asksForOrder, type KeysRequest, requestOf } from './requests.ts';

/** Sends each request to both servers and throws at the first answer in which they differ. */
export async function playSequence(
  { peer, subject }: Pair,
  requests: readonly KeysRequest[],
  prefix: string,
  startIndex: number,
): Promise<void> {
  let index = startIndex;
  for (const request of requests) {
    const sent = requestOf(request, prefix, index);
    const [peerAnswer, subjectAnswer] = await Promise.all([peer.send(sent), subject.send(sent)]);
    const differences = differencesOf(peerAnswer, subjectAnswer, asksForOrder(request));
    if (differences.length > 0)
      throw new Error(`${sent.method} ${sent.target} ${JSON.stringify(request.body)}\n${differences.join('\n')}`);
    index = latestIndex(peerAnswer, index);
  }
}

/** Refusals of the grammar say index 0. */
function latestIndex(answer: Answer, known: number): number {
  return Math.max(known, Number(answer.headers['x-etcd-index'] ?? 0));
}
