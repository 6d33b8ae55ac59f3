/**
 * What a stream's client has been too slow to read. Once a write meets back-pressure nothing more is written before
 * the socket is writable again (bytes could be lost otherwise: uWebSockets.js issue 1249); the pieces wait here, up to
 * a budget. The events of one frame share their bytes, so a thousand slow readers hold the event once.
 */
import type { HttpResponse } from 'uWebSockets.js';

export class StreamBacklog {
  readonly #response: HttpResponse;
  readonly #sizeBytesMax: number;
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
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
    let written = 0;
    while (written < this.#pieces.length && this.#isWritable) {
      const piece = this.#pieces[written++] as Uint8Array;
      this.#sizeBytes -= piece.length;
      this.#isWritable = this.#response.write(piece);
    }
    this.#pieces = this.#pieces.slice(written);
  }
}
