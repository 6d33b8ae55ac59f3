import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, OpenWatch } from '../support/http.ts';
import { differencesOf, differencesOfBodies } from './comparison.ts';
import { alignIndexes, hasEtcd, operationsTotal, type Pair, seed, startPair, withSequence } from './pair.ts';
import { type KeysRequest, requestOf, usualValue, writesOn } from './requests.ts';

const sequenceLengthMax = 30;
/** Of all operations, one in four is spent here. */
const sequencesTotal = Math.ceil(operationsTotal / 4 / (sequenceLengthMax / 2));

type Step =
  | { readonly write: KeysRequest }
  | { readonly path: string; readonly isRecursive: boolean; readonly isStream: boolean; readonly from: number | null };

// Few paths, so that writes and watches meet often.
const path = fc.constantFrom('/a', '/a/b', '/a/b/c', '/a/_h', '/a/_h/k', '/foo', '/foobar', '/foo/x');
const set = fc.record({ path, value: usualValue }).map(({ path, value }): KeysRequest => {
  return { method: 'PUT', path, query: '', body: `value=${value}`, contentType: 'application/x-www-form-urlencoded' };
});
const removal = path.map((path): KeysRequest => {
  return { method: 'DELETE', path, query: 'recursive=true', body: undefined, contentType: undefined };
});
const write = fc
  .oneof({ weight: 4, arbitrary: set }, { weight: 1, arbitrary: removal }, { weight: 2, arbitrary: writesOn(path) })
  .map((request): Step => ({ write: request }));
// A stream opened into the history is one of the peer's known faults: these start now or later.
const from = (isStream: boolean) => fc.option(fc.integer({ min: isStream ? 1 : -8, max: 3 }), { nil: null });
const watch: fc.Arbitrary<Step> = fc
  .record({
    path: fc.oneof(
      { weight: 5, arbitrary: path },
      { weight: 2, arbitrary: fc.constantFrom('', '/a', '/foo', '/a/_h') },
    ),
    isRecursive: fc.boolean(),
    isStream: fc.boolean(),
  })
  .chain((watch) => from(watch.isStream).map((from) => ({ ...watch, from })));
const step = fc.oneof({ weight: 3, arbitrary: write }, { weight: 1, arbitrary: watch });

interface WatchPair {
  readonly target: string;
  readonly path: string;
  readonly isStream: boolean;
  readonly looksBack: boolean;
  readonly peer: OpenWatch;
  readonly subject: OpenWatch;
}

describe.skipIf(!hasEtcd)('against a real etcd, what watchers are told', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair?.stop());

  test('watches, plain, recursive, streaming and looking back, get the same lines', {
    timeout: 1_200_000,
  }, async () => {
    let lineCount = 0;
    const sequences = fc.asyncProperty(
      fc.array(step, { minLength: 6, maxLength: sequenceLengthMax, size: 'max' }),
      async (steps) => {
        await withSequence(pair, async (prefix, startIndex) => {
          const watches: WatchPair[] = [];
          try {
            await playSteps(pair, steps, prefix, startIndex, watches);
            lineCount += await compareLines(pair, watches);
          } finally {
            await Promise.all(watches.flatMap(({ peer, subject }) => [peer.close(), subject.close()]));
          }
        });
      },
    );
    await fc.assert(sequences, { seed, numRuns: sequencesTotal });
    console.log(`differential: ${sequencesTotal} sequences with watches, ${lineCount} lines, no difference`);
  });

  test.each([998, 999, 1000, 1001, 1002])('a watch from %i indexes ago finds the history as long', async (back) => {
    await alignIndexes(pair);
    for (let count = 0; count < (back === 998 ? 1_100 : 1); count++)
      await Promise.all([pair.peer, pair.subject].map((server) => server.put('/cleared', `value=${count}`)));
    const target = `/v2/keys/cleared?wait=true&waitIndex=${(await alignIndexes(pair)) - back}`;
    const answers = await Promise.all([pair.peer.fetch(target), pair.subject.fetch(target)]);
    expect(differencesOf(...answers, true)).toEqual([]);
  });
});

async function playSteps(
  { peer, subject }: Pair,
  steps: readonly Step[],
  prefix: string,
  startIndex: number,
  watches: WatchPair[],
): Promise<void> {
  let index = startIndex;
  for (const step of steps) {
    if ('write' in step) {
      const sent = requestOf(step.write, prefix, index);
      const [peerAnswer, subjectAnswer] = await Promise.all([peer.send(sent), subject.send(sent)]);
      failOn(`${sent.method} ${sent.target}`, differencesOf(peerAnswer, subjectAnswer, true));
      index = Math.max(index, Number(peerAnswer.headers['x-etcd-index'] ?? 0));
    } else {
      const path = `${prefix}${step.path}`;
      const since = step.from === null ? 0 : Math.max(startIndex + 1, index + step.from);
      const target = `${path}?wait=true&recursive=${step.isRecursive}&stream=${step.isStream}&waitIndex=${since}`;
      const [peerWatch, subjectWatch] = await Promise.all([peer.watch(target), subject.watch(target)]);
      const looksBack = since > 0 && since <= index;
      watches.push({ target, path, isStream: step.isStream, looksBack, peer: peerWatch, subject: subjectWatch });
      failOn(target, differencesOf(headAlone(peerWatch), headAlone(subjectWatch), true));
    }
  }
}

/** @returns how many lines were compared. */
async function compareLines({ faultsAreRight }: Pair, watches: readonly WatchPair[]): Promise<number> {
  const peerLines = ({ peer }: WatchPair) => (faultsAreRight ? withoutRepeats(peer.lines) : peer.lines);
  const isSettled = (watch: WatchPair) =>
    (faultsAreRight && isAnsweredByFault(watch)) ||
    (peerLines(watch).length === watch.subject.lines.length && watch.peer.ended === watch.subject.ended);
  for (let waits = 0; waits < 100 && !watches.every(isSettled); waits++) await sleep(10);
  // Once the two agree, a moment more for a line that only one of them is still about to get.
  await sleep(10);
  let lineCount = 0;
  for (const watch of watches) {
    if (faultsAreRight && isAnsweredByFault(watch)) continue;
    lineCount += watch.subject.lines.length;
    const texts = [peerLines(watch), watch.subject.lines].map((lines) => lines.join('\n'));
    failOn(watch.target, differencesOfBodies(texts[0] ?? '', texts[1] ?? '', true));
    if (watch.peer.ended !== watch.subject.ended)
      failOn(watch.target, [`ended: ${watch.peer.ended}, here ${watch.subject.ended}`]);
  }
  return lineCount;
}

/** The peer tells a stream twice that its own node was deleted. */
function withoutRepeats(lines: readonly string[]): string[] {
  return lines.filter((line, ordinal) => line !== lines[ordinal - 1]);
}

/**
 * Looking back, the peer takes the deletion of a directory for an answer to every path that merely begins with the
 * same characters.
 */
function isAnsweredByFault({ looksBack, path, peer }: WatchPair): boolean {
  const line = peer.lines[0];
  if (!looksBack || line === undefined) return false;
  const event = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'));
  return (
    event.prevNode?.dir === true && path.startsWith(event.node.key) && !`${path}/`.startsWith(`${event.node.key}/`)
  );
}

function headAlone({ status, headers }: OpenWatch): Answer {
  return { status, headers, bytes: Buffer.alloc(0), text: '' };
}

function failOn(where: string, differences: readonly string[]): void {
  if (differences.length > 0) throw new Error(`${where}\n${differences.join('\n')}`);
}
