import { describe } from 'vitest';
import { durableTest, startOn } from '../durability/durable-server.ts';
import { hasKit, replayKit } from '../support/conformance-kit.ts';
import { flags, frontEndsTest } from './three-front-ends.ts';

describe.skipIf(!hasKit).concurrent('the conformance kit with three front ends', () => {
  frontEndsTest('passes in memory', { timeout: 400_000 }, async ({ server }) => {
    await replayKit(server.url, 'three front ends,');
  });

  durableTest('passes in durable mode', { timeout: 400_000 }, async ({ directory }) => {
    const server = await startOn(directory, { flags });
    await replayKit(server.url, 'durable, three front ends,');
    await server.stop();
  });
});
