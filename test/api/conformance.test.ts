/** The recorded scenarios of the conformance kit, where it lies beside the project; its fault scenarios are done right here. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectDirectory, runProcess, startInProcess } from '../support/servers.ts';

const replay = join(projectDirectory, '../shared/conformance/replay.mjs');
const hasKit = existsSync(replay);
if (!hasKit) console.log('conformance replay skipped: no ../shared/conformance beside the project');

describe.skipIf(!hasKit)('the conformance kit', () => {
  test('passes on a fresh server, and again on the used one', { timeout: 400_000 }, async () => {
    const server = await startInProcess();
    try {
      for (const state of ['fresh', 'used']) {
        const flags = ['--skip-tag', 'fault', '--skip-tag', 'wire', '--url', server.url];
        const kit = runProcess(process.execPath, [realpathSync(replay), ...flags]);
        const { code } = await kit.exited;
        const { stdout, stderr } = kit.output();
        console.log(`conformance, ${state} server: ${stdout.trimEnd().split('\n').at(-1)}`);
        expect(code, `${stdout}${stderr}`).toBe(0);
        expect(stdout).toMatch(/^[1-9]\d* passed, 0 failed$/m);
      }
    } finally {
      await server.stop();
    }
  });
});
