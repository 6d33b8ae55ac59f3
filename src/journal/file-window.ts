/**
 * A file as it is read from its beginning to its end: through a window of memory that is used again. What a start waits for is
 * memory that is touched for the first time: of whole files that cost more than all their checks (native-bench, "restart").
 */
import { type FileLayer, readFully } from './file-layer.ts';
import { createViewedBytes, type ViewedBytes } from './record.ts';

/** It grows for what is larger. */
export const WINDOW_SIZE_BYTES = 1024 * 1024;

export class FileWindow implements ViewedBytes {
  readonly #layer: FileLayer;
  #memory = createViewedBytes(WINDOW_SIZE_BYTES);
  #fd = -1;
  #sizeBytes = 0;
  /** The part of the file that it shows. */
  #from = 0;
  #to = 0;

  constructor(layer: FileLayer) {
    this.#layer = layer;
  }

  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  get view(): DataView {
    return this.#memory.view;
  }

  /** Shows this file from now on. @param fd stays the caller's, who may close it when the file is shown no more. */
  show(fd: number, sizeBytes: number): void {
    this.#fd = fd;
    this.#sizeBytes = sizeBytes;
    this.#from = 0;
    this.#to = 0;
  }

  /**
   * Brings a part of the file into memory; it lies within the file's size.
   * @returns where in `bytes` it begins, until the next call; -1 when the file ends before its size.
   */
  at(offset: number, lengthBytes: number): number {
    if (offset < this.#from || offset + lengthBytes > this.#to) this.#move(offset, lengthBytes);
    return offset + lengthBytes > this.#to ? -1 : offset - this.#from;
  }

  #move(offset: number, lengthBytes: number): void {
    if (lengthBytes > this.bytes.length) this.#memory = createViewedBytes(lengthBytes);
    const wantedBytes = Math.min(this.bytes.length, this.#sizeBytes - offset);
    this.#from = offset;
    this.#to = offset + readFully(this.#layer, this.#fd, this.bytes, 0, wantedBytes, offset);
  }
}
