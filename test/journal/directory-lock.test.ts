import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DirectoryInUseError, lockByFile, lockDirectory } from '../../src/journal/directory-lock.ts';
import { removeTemporary } from '../support/temporary-directory.ts';
import { temporaryDirectory } from './journal-fixture.ts';

const HOLDER = fileURLToPath(new URL('./lock-holder.ts', import.meta.url));

/** Starts a process that locks. @returns it, and what it says first. */
async function startHolder(directory: string, how: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--import', '@oxc-node/core/register', HOLDER, directory, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

const kinds = [
  ['directory', lockDirectory],
  ['file', lockByFile],
] as const;

describe.each(kinds)('a locked %s', (how, lock) => {
  test('is refused to a second process, which is told why', async () => {
    const directory = temporaryDirectory();
    const held = await lock(directory);
    const { said } = await startHolder(directory, how);
    expect(said).toContain(`${directory} is in use by `);
    await held.release();
    expect((await startHolder(directory, how)).said).toBe('locked');
    await expect(lock(directory)).rejects.toThrow(DirectoryInUseError);
  });

  test('is free the moment its process is killed', async () => {
    const directory = temporaryDirectory();
    for (let round = 0; round < 3; round++) {
      const { child, said } = await startHolder(directory, how);
      expect(said).toBe('locked');
      await expect(lock(directory)).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE' });
      await kill(child);
    }
    await (await lock(directory)).release();
  });

  test('is refused to the same process too, until it is released', async () => {
    const directory = temporaryDirectory();
    const held = await lock(directory);
    await expect(lock(directory)).rejects.toThrow(DirectoryInUseError);
    await held.release();
    await (await lock(directory)).release();
  });

  test('leaves others alone, and no file behind', async () => {
    const [one, other] = [temporaryDirectory(), temporaryDirectory()];
    const locks = [await lock(one), await lock(other)];
    for (const held of locks) await held.release();
    expect(readdirSync(one)).toEqual([]);
  });
});

test.runIf(process.platform === 'linux')('a directory is the same through a symbolic link', async () => {
  const parent = temporaryDirectory();
  mkdirSync(join(parent, 'real'));
  symlinkSync(join(parent, 'real'), join(parent, 'link'));
  const held = await lockDirectory(join(parent, 'real'));
  await expect(lockDirectory(join(parent, 'link'))).rejects.toThrow(DirectoryInUseError);
  await held.release();
});

test('a lock file without a process in it is stale', async () => {
  const directory = temporaryDirectory();
  for (const contents of ['', 'nonsense', '-1', '999999999']) {
    writeFileSync(join(directory, 'process.lock'), contents);
    await (await lockByFile(directory)).release();
    expect(existsSync(join(directory, 'process.lock'))).toBe(false);
  }
});

test('a directory that is not there cannot be locked', async () => {
  const directory = temporaryDirectory();
  removeTemporary(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: 'ENOENT' });
});
