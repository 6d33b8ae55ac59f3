/** The conformance kit against a durable server: fresh, used, restarted, and killed. */
import { describe, expect } from 'vitest';
import { hasKit, replayKit } from '../support/conformance-kit.ts';
import { durableTest, snapshotsIn, startOn } from './durable-server.ts';

describe.skipIf(!hasKit)('the conformance kit', () => {
  durableTest('passes in durable mode, and across restarts', { timeout: 900_000 }, async ({ directory }) => {
    const flags = ['--snapshot-count', '200'];
    let server = await startOn(directory, { flags });
    for (const state of ['fresh', 'restarted', 'killed']) {
      if (state === 'restarted') await server.stop();
      if (state === 'killed') await server.kill();
      if (state !== 'fresh') server = await startOn(directory, { flags });
      await replayKit(server.url, `durable, ${state}`);
    }
    expect(snapshotsIn(directory)).toHaveLength(1);
    await server.stop();
  });
});
