/**
 * What a stream's client has been too slow to read. Once a write meets back-pressure nothing more is written before
 * the socket is writable again (bytes could be lost otherwise: uWebSockets.js issue 1249); the pieces wait here, up to
 * a budget. The events of one frame share their bytes, so a thousand slow readers hold the event once.
 */
import type { HttpResponse } from 'uWebSockets.js';

/**
 * What is written within one cork, whose buffer has 16 KB (issue 1249), with what makes it chunks. No more: of a piece for which the
 * socket has no room the library keeps a copy, for each stream its own, and a piece may be as large as the budget.
 */
export const PART_SIZE_BYTES_MAX = 15 * 1024;
/** Of a chunk beside its bytes: two line ends and its size. */
const CHUNK_SIZE_BYTES = 12;

export class StreamBacklog {
  readonly #response: HttpResponse;
  readonly #sizeBytesMax: number;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
  /** Pieces that the socket has, while it is written to, and how much of the first other one. */
  #written = 0;
  #offsetBytes = 0;
  #isWritable = false;

  constructor(response: HttpResponse, sizeBytesMax: number) {
    this.#response = response;
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** Whether writes may go to the socket directly. */
  get isDrained(): boolean {
    return this.#isWritable && this.#pieces.length === 0;
  }

  /** @returns false when the budget is spent: the client must be dropped. */
  add(piece: Uint8Array): boolean {
    this.#pieces.push(piece);
    this.#sizeBytes += piece.length;
    return this.#sizeBytes <= this.#sizeBytesMax;
  }

  /** A write has met back-pressure. */
  stall(): void {
    this.#isWritable = false;
  }

  /** Writes what waits until the socket is full again. Called when it has become writable. */
  drain(): void {
    this.#isWritable = true;
    while (this.#isWritable && this.#written < this.#pieces.length) this.#response.cork(this.#writeCorked);
    this.#pieces = this.#pieces.slice(this.#written);
    this.#written = 0;
  }

  readonly #writeCorked = (): void => {
    let room = PART_SIZE_BYTES_MAX;
    while (this.#isWritable && room > 0 && this.#written < this.#pieces.length) {
      const piece = this.#pieces[this.#written] as Uint8Array;
      const part = piece.subarray(this.#offsetBytes, this.#offsetBytes + room);
      this.#isWritable = this.#response.write(part);
      this.#sizeBytes -= part.length;
      room -= part.length + CHUNK_SIZE_BYTES;
      this.#offsetBytes += part.length;
      if (this.#offsetBytes < piece.length) return;
      this.#offsetBytes = 0;
      this.#written++;
    }
  };
}
