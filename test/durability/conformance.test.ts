/** The recorded scenarios of the conformance kit against a durable server: fresh, used, restarted, and killed. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { projectDirectory, runProcess } from '../support/servers.ts';
import { durableTest, snapshotsIn, startOn } from './durable-server.ts';

const replay = join(projectDirectory, '../shared/conformance/replay.mjs');
const hasKit = existsSync(replay);
if (!hasKit) console.log('durable conformance replay skipped: no ../shared/conformance beside the project');

describe.skipIf(!hasKit)('the conformance kit', () => {
  durableTest('passes in durable mode, and across restarts', { timeout: 900_000 }, async ({ directory }) => {
    const flags = ['--snapshot-count', '200'];
    let server = await startOn(directory, { flags });
    for (const state of ['fresh', 'restarted', 'killed']) {
      if (state === 'restarted') await server.stop();
      if (state === 'killed') await server.kill();
      if (state !== 'fresh') server = await startOn(directory, { flags });
      const kitFlags = ['--skip-tag', 'fault', '--skip-tag', 'wire', '--url', server.url];
      const kit = runProcess(process.execPath, [realpathSync(replay), ...kitFlags]);
      const { code } = await kit.exited;
      const { stdout, stderr } = kit.output();
      console.log(`conformance, durable, ${state} server: ${stdout.trimEnd().split('\n').at(-1)}`);
      expect(code, `${stdout}${stderr}`).toBe(0);
      expect(stdout).toMatch(/^[1-9]\d* passed, 0 failed$/m);
    }
    expect(snapshotsIn(directory)).toHaveLength(1);
    await server.stop();
  });
});
