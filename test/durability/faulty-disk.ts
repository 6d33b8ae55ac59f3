/** A disk that answers EIO on demand: `faulty-disk.c`, compiled here and preloaded into the server. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled } from '../support/servers.ts';

const source = fileURLToPath(new URL('faulty-disk.c', import.meta.url));

/** Whether this machine can have one: it takes Linux and a C compiler. */
export function canBeFaulty(): boolean {
  return process.platform === 'linux' && isInstalled('cc');
}

export class FaultyDisk {
  /** For the server's process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #faultFile: string;

  /** @param directory for the library and the fault; it must be there. */
  constructor(directory: string) {
    const library = join(directory, 'faulty-disk.so');
    const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
    if (status !== 0) throw new Error(`cc: ${stderr}`);
    this.#faultFile = join(directory, 'fault');
    this.environment = { LD_PRELOAD: library, FAULT_FILE: this.#faultFile };
  }

  /** From now on this call fails. */
  fail(call: 'fdatasync' | 'write'): void {
    writeFileSync(this.#faultFile, call);
  }

  recover(): void {
    rmSync(this.#faultFile);
  }
}
