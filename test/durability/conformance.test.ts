/** The conformance kit against a durable server: fresh, and then with what it kept across a kill and a stop. */
import { describe, expect } from 'vitest';
import { hasKit, replayKit } from '../support/conformance-kit.ts';
import { durableTest, snapshotsIn, startOn } from './durable-server.ts';

describe.skipIf(!hasKit)('the conformance kit', () => {
  durableTest('passes in durable mode, and across restarts', { timeout: 900_000 }, async ({ directory }) => {
    const flags = ['--snapshot-count', '200'];
    let server = await startOn(directory, { flags });
    await replayKit(server.url, 'durable, fresh');
    await server.kill();
    server = await startOn(directory, { flags });
    await server.stop();
    server = await startOn(directory, { flags });
    await replayKit(server.url, 'durable, restarted');
    expect(snapshotsIn(directory)).toHaveLength(1);
    await server.stop();
  });
});
