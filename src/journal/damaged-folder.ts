/**
 * Where --force-recover puts what cannot be used: a folder of its own beside the journal. Nothing is ever deleted: a
 * file is renamed into it, or copied there whole, durably, before its damaged end is cut off.
 */
import { basename, join } from 'node:path';
import { type FileLayer, readFully, writeFully } from './file-layer.ts';
import { SEGMENT_HEADER_SIZE_BYTES } from './record.ts';

const COPY_SIZE_BYTES = 1024 * 1024;

export class DamagedFolder {
  readonly #directory: string;
  readonly #layer: FileLayer;
  readonly #log: (message: string) => void;
  #path: string | undefined;

  constructor(directory: string, layer: FileLayer, log: (message: string) => void) {
    this.#directory = directory;
    this.#layer = layer;
    this.#log = log;
  }

  /** undefined as long as nothing is in it. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Takes a whole file. */
  move(file: string): void {
    const folder = this.#existing();
    this.#layer.rename(file, join(folder, basename(file)));
    this.#layer.fsyncDirectory(folder);
    this.#layer.fsyncDirectory(this.#directory);
    this.#log(`${file} was moved into ${folder}`);
  }

  /** Takes a copy of a segment and cuts the original behind its sound part; with no sound part, takes it whole. */
  moveFrom(file: string, offset: number): void {
    if (offset < SEGMENT_HEADER_SIZE_BYTES) {
      this.move(file);
      return;
    }
    const folder = this.#existing();
    const fd = this.#layer.open(file, 'r+');
    try {
      this.#copy(fd, join(folder, basename(file)));
      this.#layer.fsyncDirectory(folder);
      this.#layer.truncate(fd, offset);
      this.#layer.fsync(fd);
    } finally {
      this.#layer.close(fd);
    }
    this.#log(`${file} was copied into ${folder}, then cut at offset ${offset}`);
  }

  #copy(source: number, path: string): void {
    const buffer = Buffer.allocUnsafeSlow(COPY_SIZE_BYTES);
    const target = this.#layer.open(path, 'w+');
    try {
      let at = 0;
      for (;;) {
        const sizeBytes = readFully(this.#layer, source, buffer, 0, buffer.length, at);
        if (sizeBytes === 0) break;
        writeFully(this.#layer, target, buffer, sizeBytes, at);
        at += sizeBytes;
      }
      this.#layer.fsync(target);
    } finally {
      this.#layer.close(target);
    }
  }

  #existing(): string {
    if (this.#path !== undefined) return this.#path;
    const name = join(this.#directory, `damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`);
    let path = name;
    for (let count = 2; this.#layer.mkdir(path) === undefined; count++) path = `${name}-${count}`;
    this.#layer.fsyncDirectory(this.#directory);
    this.#path = path;
    return path;
  }
}
