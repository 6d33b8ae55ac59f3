/**
 * How the pieces of a large answer reach the socket. One whose size is known says so in its head, and takes half the
 * processor time of one in chunks (native-bench, "get-100kb"): its pieces go from where they lie to the kernel.
 */
import type { HttpResponse } from 'uWebSockets.js';

export interface Pen {
  /** What a turn of the event loop may write, however fast the reader is: others have their turn then. */
  readonly turnSizeBytes: number;
  /** What is handed to the socket at a time. */
  readonly pieceSizeBytes: number;
  /** The same to see whether a reader who pauses is still there. */
  readonly nudgeSizeBytes: number;
  /** Whether the socket has had room for all of the last piece. */
  readonly isWritable: boolean;
  /** @returns how many bytes of a piece, which is not empty, have been taken; the rest must come again. */
  write(piece: Uint8Array): number;
  /** All has been written. */
  end(): void;
}

/**
 * With `Content-Length`. What the socket does not take stays with us; but for the last 16 KiB, which are left to it like a small
 * answer.
 */
export class SizedPen implements Pen {
  /** Some 30 µs. */
  readonly turnSizeBytes = 128 * 1024;
  readonly pieceSizeBytes = this.turnSizeBytes;
  /** More than the cork holds, or the library would take it for written. */
  readonly nudgeSizeBytes = this.turnSizeBytes;
  isWritable = true;
  readonly #response: HttpResponse;
  readonly #sizeBytes: number;
  readonly #writeHead: () => void;
  #sentBytes = 0;
  #isBegun = false;

  /** @param writeHead writes status and headers: with the first piece, so that they leave together. */
  constructor(response: HttpResponse, sizeBytes: number, writeHead: () => void) {
    this.#response = response;
    this.#sizeBytes = sizeBytes;
    this.#writeHead = writeHead;
  }

  write(piece: Uint8Array): number {
    const beforeBytes = this.#sentBytes;
    this.#response.cork(() => {
      this.#begin();
      const [isWritable, isComplete] = this.#response.tryEnd(piece, this.#sizeBytes);
      this.isWritable = isWritable;
      // Of a response that is complete nothing can be asked any more.
      this.#sentBytes = isComplete ? this.#sizeBytes : this.#response.getWriteOffset();
    });
    return this.#sentBytes - beforeBytes;
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#writeHead();
  }

  /** The last byte has ended the response. */
  end(): void {}
}

/** In chunks, for what has its head already: the end of a watch. */
export class ChunkPen implements Pen {
  readonly turnSizeBytes = 48 * 1024;
  /** It fits the cork (uWebSockets.js issue 1249). */
  readonly pieceSizeBytes = 12 * 1024;
  /** What the socket has no room for it keeps: no more than this. */
  readonly nudgeSizeBytes = 16;
  isWritable = true;
  readonly #response: HttpResponse;

  constructor(response: HttpResponse) {
    this.#response = response;
  }

  write(piece: Uint8Array): number {
    this.#response.cork(() => {
      this.isWritable = this.#response.write(piece);
    });
    return piece.length;
  }

  end(): void {
    this.#response.cork(() => this.#response.end());
  }
}
