import { describe, test } from 'vitest';
import { hasKit, replayKit } from '../support/conformance-kit.ts';
import { startInProcess } from '../support/servers.ts';

describe.skipIf(!hasKit)('the conformance kit', () => {
  test('passes on a fresh server, and again on the used one', { timeout: 400_000 }, async () => {
    const server = await startInProcess();
    try {
      for (const state of ['fresh', 'used']) await replayKit(server.url, state);
    } finally {
      await server.stop();
    }
  });
});
