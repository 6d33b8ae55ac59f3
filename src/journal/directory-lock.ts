/**
 * Keeps a second process out of a directory.
 *
 * On Linux the lock is the name of an abstract unix socket, made of the directory's device and inode. The kernel gives
 * a name to one process only, and takes it back the moment that process ends, however it ends; it leaves no file that
 * could be stale. A directory reached through a symbolic link or a bind mount is the same directory. The names belong
 * to a network namespace: two containers that share a volume do not see each other's.
 *
 * Elsewhere it is a file with the process id in it. One whose process is gone is stale, and is taken over.
 */
import { once } from 'node:events';
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { codeOf } from './journal-error.ts';

export interface DirectoryLock {
  release(): Promise<void>;
}

export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';
  readonly code = 'DIRECTORY_IN_USE';

  constructor(directory: string, owner: string) {
    super(`${directory} is in use by ${owner}; stop it first, or choose another directory`);
  }
}

const LOCK_FILE_NAME = 'process.lock';

/**
 * Locks an existing directory until `release`, or until the process ends.
 * @throws DirectoryInUseError when a process has it, this one included.
 */
export function lockDirectory(directory: string): Promise<DirectoryLock> {
  return process.platform === 'linux' ? lockBySocket(directory) : lockByFile(directory);
}

async function lockBySocket(directory: string): Promise<DirectoryLock> {
  const { dev, ino } = statSync(directory, { bigint: true });
  // Nobody has business with the socket; whoever connects is shown out.
  const server = createServer((connection) => connection.destroy());
  server.unref();
  server.listen(`\0uetcd-${dev}-${ino}`);
  try {
    await once(server, 'listening');
  } catch (cause) {
    if (codeOf(cause) === 'EADDRINUSE') throw new DirectoryInUseError(directory, 'another process');
    throw cause;
  }
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Exported for its test, which does not run on other systems. */
export async function lockByFile(directory: string): Promise<DirectoryLock> {
  const path = join(directory, LOCK_FILE_NAME);
  while (!tryCreate(path)) {
    const owner = Number(readFileSync(path, 'latin1'));
    if (isRunning(owner)) throw new DirectoryInUseError(directory, `process ${owner}`);
    // Two processes that find the same stale file in the same instant could both take it over. We live with it here.
    unlinkSync(path);
  }
  return { release: async () => unlinkSync(path) };
}

/** The file appears with its contents, so that nobody finds it without an owner. */
function tryCreate(path: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return false;
    throw cause;
  } finally {
    unlinkSync(draft);
  }
}

function isRunning(processId: number): boolean {
  if (!(processId > 0)) return false;
  try {
    process.kill(processId, 0); // Asks only.
    return true;
  } catch (cause) {
    return codeOf(cause) === 'EPERM'; // It runs, and belongs to somebody else.
  }
}
