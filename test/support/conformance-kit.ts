/** The recorded scenarios of the conformance kit, where it lies beside the project; its fault scenarios are done right here. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { projectDirectory, runProcess } from './servers.ts';

const replay = join(projectDirectory, '../shared/conformance/replay.mjs');

export const hasKit = existsSync(replay);
if (!hasKit) console.log('conformance replay skipped: no ../shared/conformance beside the project');

/**
 * Fails when one scenario does.
 * @param server what to call it in the output.
 * @param skipped tags of those left out.
 * @param scenarios a folder of others than the kit's own.
 */
export async function replayKit(
  url: string,
  server: string,
  skipped: readonly string[] = [],
  scenarios?: string,
): Promise<void> {
  // By its real path: the kit does nothing when it is started through a link.
  const flags = [...['fault', 'wire', ...skipped].flatMap((tag) => ['--skip-tag', tag]), '--url', url];
  if (scenarios !== undefined) flags.push('--dir', scenarios);
  const kit = runProcess(process.execPath, [realpathSync(replay), ...flags]);
  const { code } = await kit.exited;
  const { stdout, stderr } = kit.output();
  console.log(`conformance, ${server} server: ${stdout.trimEnd().split('\n').at(-1)}`);
  expect(code, `${stdout}${stderr}`).toBe(0);
  expect(stdout).toMatch(/^[1-9]\d* passed, 0 failed$/m);
}
