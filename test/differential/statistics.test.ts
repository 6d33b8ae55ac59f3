import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Answer, ApiClient } from '../support/http.ts';
import { hasEtcd, operationsTotal, type Pair, seed, startPair, withSequence } from './pair.ts';
import { anyRequest, type KeysRequest, requestOf, usualWrite } from './requests.ts';

const sequenceLengthMax = 30;
const sequencesTotal = Math.ceil(operationsTotal / 10 / (sequenceLengthMax / 2));

type Counters = Readonly<Record<string, number>>;

const plainGet = anyRequest.filter(
  ({ method, query }) => method === 'GET' && /^((recursive|sorted)=\w+&?)*$/.test(query),
);
// Always as a form: a body that is not read would leave the operation to guesswork.
const request = fc
  .oneof({ weight: 4, arbitrary: usualWrite }, { weight: 1, arbitrary: plainGet })
  .map((request) =>
    request.body === undefined ? request : { ...request, contentType: 'application/x-www-form-urlencoded' },
  );

describe.skipIf(!hasEtcd)('against a real etcd, what is counted', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.stop());

  test('every request counts as what it was, refusals as failures', { timeout: 600_000 }, async () => {
    const sequences = fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: sequenceLengthMax, size: 'max' }),
      (requests) =>
        withSequence(pair, async (prefix, startIndex) => {
          await playCounted(pair.peer, requests, prefix, startIndex, true);
          await playCounted(pair.subject, requests, prefix, startIndex, !pair.faultsAreRight);
        }),
    );
    await fc.assert(sequences, { seed, numRuns: sequencesTotal });
  });
});

async function playCounted(
  server: ApiClient,
  requests: readonly KeysRequest[],
  prefix: string,
  startIndex: number,
  misfiles: boolean,
): Promise<void> {
  let index = startIndex;
  const before = await countersOf(server);
  const expected: Record<string, number> = {};
  for (const request of requests) {
    const answer = await server.send(requestOf(request, prefix, index));
    // Redirects have no index, and refusals of the grammar have index 0: neither counts anywhere.
    const answeredIndex = Number(answer.headers['x-etcd-index'] ?? 0);
    if (answeredIndex === 0) continue;
    index = answeredIndex;
    // It is looked up for each whether authentication is on, which it has never been.
    expected['getsFail'] = (expected['getsFail'] ?? 0) + 1;
    for (const counter of countersFor(request, answer, misfiles)) expected[counter] = (expected[counter] ?? 0) + 1;
  }
  const after = await countersOf(server);
  for (const [name, value] of Object.entries(after)) {
    const growth = value - (before[name] ?? 0);
    const wanted = expected[name] ?? 0;
    if (growth === wanted) continue;
    throw new Error(`${name}: grew by ${growth}, wanted ${wanted}`);
  }
}

async function countersOf(server: ApiClient): Promise<Counters> {
  return JSON.parse((await server.fetch('/v2/stats/store')).text);
}

/** What etcd 3.4.23 counts: operation by parameters, outcome by status; with what the real server files wrongly. */
function countersFor(request: KeysRequest, answer: Answer, misfiles: boolean): string[] {
  const operation = operationOf(request);
  if (answer.status < 300) return [`${operation}Success`];
  const { errorCode } = JSON.parse(answer.text);
  const countsAsSuccess =
    (operation === 'compareAndDelete' && (errorCode === 101 || errorCode === 102)) ||
    (operation === 'update' && (errorCode === 102 || errorCode === 107)) ||
    ((operation === 'compareAndSwap' || operation === 'delete') && errorCode === 107);
  if (misfiles && countsAsSuccess) return [`${operation}Success`];
  // A create goes through the code of set, which counts a bad path as well: copied, as no client is misled by it.
  const countsTwice = operation === 'create' && errorCode === 104;
  return countsTwice ? ['createFail', 'setsFail'] : [`${operation}Fail`];
}

function operationOf({ method, query, body }: KeysRequest): string {
  const parameters = new URLSearchParams(`${body ?? ''}&${query}`);
  const isConditional = parameters.has('prevValue') || parameters.has('prevIndex');
  if (method === 'GET') return 'gets';
  if (method === 'POST') return 'create';
  if (method === 'DELETE') return isConditional ? 'compareAndDelete' : 'delete';
  const prevExist = parameters.get('prevExist');
  if (prevExist !== null && /^[0fF]/.test(prevExist)) return 'create';
  if (isConditional) return 'compareAndSwap';
  return prevExist === null ? 'sets' : 'update';
}
