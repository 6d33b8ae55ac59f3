/**
 * Sends an answer of any size to a reader of any speed: piece by piece, the next when the socket has room again. The
 * bytes stay in the parts they came in. Chunked, as Go's server sends large answers too.
 *
 * uWebSockets.js drops a connection ten seconds after a write that met back-pressure. Each such write starts that time
 * anew, so while the reader pauses a few bytes are added to what waits, for as long as the reader may pause.
 */
import type { HttpResponse } from 'uWebSockets.js';

/** What is handed to the socket at a time: it fits the cork (uWebSockets.js issue 1249). */
const PIECE_SIZE_BYTES = 12 * 1024;

/** After so many, a fifth of a millisecond, the other connections have their turn, however fast this reader is. */
const PIECES_PER_TURN = 4;

/** Often enough that no ten seconds pass without a write, timers of four seconds' grain included. */
const NUDGE_MS = 3000;
const NUDGE_SIZE_BYTES = 16;

export interface LargeAnswerEnds {
  /** Called after the last byte; not when the reader goes away. */
  readonly onDone: () => void;
  /** Called when the reader has taken nothing for too long: it is to be dropped. */
  readonly onStalled: () => void;
}

export class LargeAnswer {
  readonly #response: HttpResponse;
  readonly #parts: readonly Uint8Array[];
  readonly #stallMsMax: number;
  readonly #ends: LargeAnswerEnds;
  #part = 0;
  /** How much of the current part has been written. */
  #offsetBytes = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;
  #stalledMs = 0;
  #isOver = false;

  /**
   * The status and the headers must have been written.
   * @param stallMsMax how long a reader may take nothing.
   */
  constructor(response: HttpResponse, parts: readonly Uint8Array[], stallMsMax: number, ends: LargeAnswerEnds) {
    this.#response = response;
    this.#parts = parts;
    this.#stallMsMax = stallMsMax;
    this.#ends = ends;
  }

  /** Sends what goes now, and the rest by and by. */
  start(): void {
    this.#response.onWritable(() => {
      this.#send();
      return true;
    });
    this.#send();
  }

  /** The reader has gone. */
  cancel(): void {
    this.#isOver = true;
    clearImmediate(this.#next);
    clearTimeout(this.#stallTimer);
  }

  #send(): void {
    clearImmediate(this.#next);
    clearTimeout(this.#stallTimer);
    this.#stalledMs = 0;
    for (let pieces = 0; !this.#isOver && this.#part < this.#parts.length; pieces++) {
      if (pieces === PIECES_PER_TURN) {
        this.#next = setImmediate(() => this.#send());
        return;
      }
      if (!this.#writePiece(PIECE_SIZE_BYTES)) {
        this.#waitForReader();
        return;
      }
    }
    this.#finish();
  }

  /** @returns false when the socket is full. */
  #writePiece(sizeBytesMax: number): boolean {
    const part = this.#parts[this.#part] as Uint8Array;
    const endBytes = Math.min(this.#offsetBytes + sizeBytesMax, part.length);
    const piece = part.subarray(this.#offsetBytes, endBytes);
    this.#offsetBytes = endBytes;
    if (endBytes === part.length) {
      this.#part++;
      this.#offsetBytes = 0;
    }
    let isWritable = true;
    if (piece.length > 0) {
      this.#response.cork(() => {
        isWritable = this.#response.write(piece);
      });
    }
    return isWritable;
  }

  #waitForReader(): void {
    this.#stallTimer = setTimeout(() => {
      this.#stalledMs += NUDGE_MS;
      if (this.#stalledMs >= this.#stallMsMax) this.#ends.onStalled();
      else if (this.#part === this.#parts.length) this.#waitForReader();
      else if (this.#writePiece(NUDGE_SIZE_BYTES)) this.#send();
      else this.#waitForReader();
    }, NUDGE_MS);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#response.cork(() => this.#response.end());
    this.#ends.onDone();
  }
}
