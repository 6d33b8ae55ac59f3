/**
 * Collects the body of a request, up to a limit. What goes beyond is read and thrown away, so that the client gets its
 * answer instead of a broken connection; a body without end is cut off.
 */
import type { HttpResponse } from 'uWebSockets.js';

/** A body this many times over the limit is no mistake: the connection is closed. */
const DISCARDED_LIMITS_MAX = 4;

/** Reads one body at a time; may be used again for the next request. */
export class BodyReader {
  readonly #sizeBytesMax: number;
  readonly #onBody: (body: Uint8Array | undefined) => void;
  #response: HttpResponse | undefined;
  #pieces: Uint8Array[] | undefined;
  #sizeBytes = 0;

  /**
   * @param onBody gets the bytes, valid during the call, or undefined when there were more than `sizeBytesMax`. Called
   *   once a body, unless the client goes away or is cut off.
   */
  constructor(sizeBytesMax: number, onBody: (body: Uint8Array | undefined) => void) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#onBody = onBody;
  }

  /** To be called while the request is being handled: later its body is lost. */
  read(response: HttpResponse): void {
    this.#response = response;
    this.#pieces = undefined;
    this.#sizeBytes = 0;
    response.onData(this.#onData);
  }

  readonly #onData = (chunk: ArrayBuffer, isLast: boolean): void => {
    // Nearly always: the whole body in one piece, which is used before uWebSockets.js takes it back.
    if (isLast && this.#sizeBytes === 0 && chunk.byteLength <= this.#sizeBytesMax) {
      this.#onBody(new Uint8Array(chunk));
      return;
    }
    this.#collect(chunk, isLast);
  };

  #collect(chunk: ArrayBuffer, isLast: boolean): void {
    this.#sizeBytes += chunk.byteLength;
    if (this.#sizeBytes > this.#sizeBytesMax) {
      this.#pieces = undefined;
      if (this.#sizeBytes > this.#sizeBytesMax * DISCARDED_LIMITS_MAX) this.#response?.close();
      else if (isLast) this.#onBody(undefined);
      return;
    }
    this.#pieces ??= [];
    this.#pieces.push(new Uint8Array(chunk.slice(0)));
    if (!isLast) return;
    const body = Buffer.concat(this.#pieces);
    this.#pieces = undefined;
    this.#onBody(body);
  }
}
