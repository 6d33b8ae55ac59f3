/** Random sequences of requests on the key space, answered by both servers with the same bytes. */
import fc from 'fast-check';
import { type Pair, seed, withSequence } from './pair.ts';
import { playSequence } from './play.ts';
import { anyRequest } from './requests.ts';

const sequenceLengthMax = 40;

export async function compareKeySequences(pair: Pair, operationsTotal: number): Promise<void> {
  let operationCount = 0;
  const sequences = fc.asyncProperty(
    fc.array(anyRequest, { minLength: 1, maxLength: sequenceLengthMax, size: 'max' }),
    async (requests) => {
      await withSequence(pair, async (prefix, startIndex) => {
        await playSequence(pair, requests, prefix, startIndex);
        operationCount += requests.length;
      });
    },
  );
  await fc.assert(sequences, { seed, numRuns: Math.ceil((operationsTotal * 2.2) / sequenceLengthMax) });
  console.log(`differential: ${operationCount} operations on the key space, no difference`);
}
