/** Ports and directories for the peers; the directories go when the benchmark ends, however it ends. */
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { PeerContext } from './peer.ts';
import { isPortFree } from './server-process.ts';

const PORTS = 100;
const DIRECTORY_PREFIX = 'uetcd-bench-';

export function createSurroundings(portBase: number, diskDirectory: string | undefined): PeerContext {
  const disk = diskDirectory ?? tmpdir();
  const memory = existsSync('/dev/shm') ? '/dev/shm' : disk;
  const directories: string[] = [];
  process.once('exit', () => {
    for (const directory of directories) remove(directory);
  });
  let port = portBase;
  return {
    diskFileSystem: fileSystemOf(disk),
    async nextPort() {
      for (let attempt = 0; attempt < PORTS; attempt++) {
        port = port + 1 < portBase + PORTS ? port + 1 : portBase;
        if (await isPortFree(port)) return port;
      }
      throw new Error(`no free port in ${portBase}–${portBase + PORTS - 1}`);
    },
    createDirectory(where) {
      const directory = mkdtempSync(join(where === 'memory' ? memory : disk, DIRECTORY_PREFIX));
      directories.push(directory);
      return directory;
    },
  };
}

/** By the numbers of statfs(2). */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  2035054128: 'overlay',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
};

function fileSystemOf(directory: string): string {
  const { type } = statfsSync(directory);
  return fileSystems[type] ?? `file system ${type.toString(16)}`;
}

/** Only what we have made ourselves is ever removed with all that is in it. */
function remove(directory: string): void {
  if (basename(directory).startsWith(DIRECTORY_PREFIX)) rmSync(directory, { recursive: true, force: true });
}
