/** A real file system that is nearly full from the beginning. Only root may mount one. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE_MB = 4;

/** A file system in memory with a size of its own. */
export class SmallDisk {
  readonly path: string;

  static mount(): SmallDisk {
    const path = mkdtempSync(join(tmpdir(), 'uetcd-disk-'));
    if (runMount(['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', path])) return new SmallDisk(path);
    rmdirSync(path);
    throw new Error(`cannot mount a file system on ${path}`);
  }

  private constructor(path: string) {
    this.path = path;
  }

  resize(sizeMb: number): void {
    if (!runMount(['-o', `remount,size=${sizeMb}m`, this.path])) throw new Error(`cannot resize ${this.path}`);
  }

  unmount(): void {
    spawnSync('umount', [this.path]);
    rmdirSync(this.path);
  }
}

function runMount(flags: readonly string[]): boolean {
  return spawnSync('mount', flags).status === 0;
}

export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    SmallDisk.mount().unmount();
    return true;
  } catch {
    return false;
  }
}
