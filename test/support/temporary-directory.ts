/**
 * Directories that tests make and remove. Nothing else removes recursively: a path that was never set, or that is not
 * below the system's temporary directory, is refused instead of followed.
 */
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';

/** Files that live in memory, on Linux. */
const memoryRoot = '/dev/shm';

export function makeTemporary(name: string): string {
  return mkdtempSync(join(realpathSync(tmpdir()), `${name}-`));
}

/** In memory where the machine has such a directory. */
export function makeTemporaryInMemory(name: string): string {
  return existsSync(memoryRoot) ? mkdtempSync(join(memoryRoot, `${name}-`)) : makeTemporary(name);
}

/** Removes a directory and all in it. Throws when it is not below the temporary directory. */
export function removeTemporary(directory: string): void {
  const roots = [resolve(tmpdir()), realpathSync(tmpdir()), memoryRoot];
  const isBelow = roots.some((root) => resolve(directory).startsWith(root + sep));
  if (directory === '' || !isBelow) throw new Error(`refusing to remove "${directory}": it is no temporary directory`);
  rmSync(directory, { recursive: true, force: true });
}
