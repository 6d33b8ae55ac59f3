import { describe, test } from 'vitest';
import { compareKeySequences } from '../differential/key-sequences.ts';
import { hasEtcd, operationsTotal, startPair } from '../differential/pair.ts';
import { FRONT_ENDS } from './three-front-ends.ts';

describe.skipIf(!hasEtcd)('against a real etcd, each request through another front end than the one before', () => {
  test('any sequence of requests is answered with the same bytes', { timeout: 1_200_000 }, async () => {
    const pair = await startPair(FRONT_ENDS);
    try {
      await compareKeySequences(pair, operationsTotal / 2);
    } finally {
      await pair.stop();
    }
  });
});
