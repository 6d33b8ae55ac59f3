/**
 * Sends an answer of any size to a reader of any speed: piece by piece, the next when the socket has room again. The
 * bytes stay in the parts they came in.
 *
 * uWebSockets.js drops a connection ten seconds after a write that met back-pressure. Each such write starts that time
 * anew, so while the reader pauses another one is tried now and then, for as long as the reader may pause.
 */
import type { HttpResponse } from 'uWebSockets.js';
import type { Pen } from './pens.ts';

/** Often enough that no ten seconds pass without a write, timers of four seconds' grain included. */
const NUDGE_MS = 3000;

export interface LargeAnswerEnds {
  /** Called after the last byte; not when the reader goes away. */
  readonly onDone: () => void;
  /** Called when the reader has taken nothing for too long: it is to be dropped. */
  readonly onStalled: () => void;
}

export class LargeAnswer {
  readonly #response: HttpResponse;
  readonly #pen: Pen;
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
   * @param pen of the same response.
   * @param stallMsMax how long a reader may take nothing.
   */
  constructor(
    response: HttpResponse,
    pen: Pen,
    parts: readonly Uint8Array[],
    stallMsMax: number,
    ends: LargeAnswerEnds,
  ) {
    this.#response = response;
    this.#pen = pen;
    this.#parts = parts.filter(({ length }) => length > 0);
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
    let leftBytes = this.#pen.turnSizeBytes;
    while (!this.#isOver && this.#part < this.#parts.length) {
      if (leftBytes <= 0) {
        this.#next = setImmediate(() => this.#send());
        return;
      }
      leftBytes -= this.#writePiece(Math.min(leftBytes, this.#pen.pieceSizeBytes));
      if (!this.#pen.isWritable) {
        this.#waitForReader();
        return;
      }
    }
    this.#finish();
  }

  /** @returns how many bytes have been taken. */
  #writePiece(sizeBytesMax: number): number {
    const part = this.#parts[this.#part] as Uint8Array;
    const takenBytes = this.#pen.write(part.subarray(this.#offsetBytes, this.#offsetBytes + sizeBytesMax));
    this.#offsetBytes += takenBytes;
    if (this.#offsetBytes === part.length) {
      this.#part++;
      this.#offsetBytes = 0;
    }
    return takenBytes;
  }

  #waitForReader(): void {
    this.#stallTimer = setTimeout(() => {
      this.#stalledMs += NUDGE_MS;
      if (this.#stalledMs >= this.#stallMsMax) this.#ends.onStalled();
      else if (this.#part === this.#parts.length) this.#waitForReader();
      else this.#nudge();
    }, NUDGE_MS);
  }

  #nudge(): void {
    this.#writePiece(this.#pen.nudgeSizeBytes);
    if (this.#pen.isWritable) this.#send();
    else this.#waitForReader();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pen.end();
    this.#ends.onDone();
  }
}
