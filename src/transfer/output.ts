/** Where a dump goes: a file that has its name only when it is whole, or stdout. */
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { nodeFileLayer } from '../journal/file-layer.ts';

export interface Output {
  /** Resolves when there is room for more. */
  write(bytes: Buffer): Promise<void>;
  /** All has been written. */
  finish(): Promise<void>;
}

/** Whoever read our stdout has gone: `uetcd dump | head`. No reason for a message. */
export class ReaderGoneError extends Error {
  override readonly name = 'ReaderGoneError';
}

/** Values may be secrets. */
const OWNER_ONLY = 0o600;

/**
 * Writes under another name, and gives the file its own once all is on the disk. However the process ends before, short of
 * a kill, the unfinished file goes; what had the name stays.
 */
export class FileOutput implements Output {
  readonly #path: string;
  readonly #unfinishedPath: string;
  readonly #fd: number;
  readonly #remove = () => rmSync(this.#unfinishedPath, { force: true });

  constructor(path: string) {
    const stats = statSync(path, { throwIfNoEntry: false });
    // A rename would put a file in the place of /dev/null or of a pipe.
    if (stats !== undefined && !stats.isFile()) throw new Error(`${path} is not a file; leave --output out for stdout`);
    this.#path = stats === undefined ? path : realpathSync(path);
    this.#unfinishedPath = `${this.#path}.${process.pid}.tmp`;
    this.#fd = openSync(this.#unfinishedPath, 'wx', OWNER_ONLY);
    process.on('exit', this.#remove);
  }

  async write(bytes: Buffer): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (cause) {
      throw new Error(`cannot write ${this.#path}: ${(cause as Error).message}`, { cause });
    }
  }

  async finish(): Promise<void> {
    fsyncSync(this.#fd);
    renameSync(this.#unfinishedPath, this.#path);
    nodeFileLayer.fsyncDirectory(dirname(this.#path));
    this.abandon();
  }

  /** Lets go of the file, and removes it unless it has got its name. */
  abandon(): void {
    process.off('exit', this.#remove);
    closeSync(this.#fd);
    this.#remove();
  }
}

export class StdoutOutput implements Output {
  /** @throws ReaderGoneError when nobody reads any more. */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException) =>
        reject(cause.code === 'EPIPE' ? new ReaderGoneError('nobody reads stdout', { cause }) : cause);
      process.stdout.once('error', fail);
      process.stdout.write(bytes, (cause) => {
        if (cause) return fail(cause);
        process.stdout.off('error', fail);
        resolve();
      });
    });
  }

  async finish(): Promise<void> {}
}
