/**
 * Collects the body of a request, up to a limit. What goes beyond is read and thrown away, so that the client gets its
 * answer instead of a broken connection; a body without end is cut off.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { type BodyBudget, BodyShare } from '../exchange/body-budget.ts';

const NO_BYTES = new Uint8Array(0);
const ZERO = 0x30;

/** A body this many times over the limit is no mistake: the connection is closed. */
const DISCARDED_LIMITS_MAX = 4;

/** Why there is no body: it was too large; or those of others take all the room that there is for bodies. */
export const Refused = { tooLarge: 'tooLarge', noRoom: 'noRoom' } as const;
export type Refused = (typeof Refused)[keyof typeof Refused];

/** One that came in one piece, its bytes valid during the call; one that came in several, where these lie; or why there is none. */
export type Body = Uint8Array | BodyShare | Refused;

/** Called once a body, unless the client goes or is cut off. */
export type OnBody = (body: Body) => void;

/** Reads one body at a time; may be used again for the next request, when what it has taken is given back. */
export class BodyReader {
  /** What the pieces take: given back by whoever uses the body. */
  readonly share: BodyShare;
  readonly #sizeBytesMax: number;
  readonly #onBody: OnBody;
  #response: HttpResponse | undefined;
  #refused: Refused | undefined;
  #sizeBytes = 0;

  constructor(sizeBytesMax: number, budget: BodyBudget, onBody: OnBody) {
    this.#sizeBytesMax = sizeBytesMax;
    this.share = new BodyShare(budget);
    this.#onBody = onBody;
  }

  /** To be called while the request is being handled: later its body is lost. One of no bytes is there at once. */
  read(response: HttpResponse, request: HttpRequest): void {
    if (isEmpty(request.getHeader('content-length'))) {
      this.#onBody(NO_BYTES);
      return;
    }
    this.#response = response;
    this.#sizeBytes = 0;
    response.onData(this.#onData);
  }

  /** The client has gone. */
  abandon(): void {
    this.share.giveBack();
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
    if (this.#sizeBytes === 0) this.#refused = undefined;
    this.#sizeBytes += chunk.byteLength;
    if (this.#sizeBytes > this.#sizeBytesMax) this.#refuse(Refused.tooLarge);
    else if (this.#refused === undefined) this.#keep(chunk);
    if (this.#sizeBytes > this.#sizeBytesMax * DISCARDED_LIMITS_MAX) this.#response?.close();
    else if (isLast) this.#finish();
  }

  #keep(chunk: ArrayBuffer): void {
    if (!this.share.tryAdd(new Uint8Array(chunk))) this.#refuse(Refused.noRoom);
  }

  #refuse(why: Refused): void {
    this.#refused = why;
    this.abandon();
  }

  #finish(): void {
    if (this.#refused !== undefined) {
      this.#onBody(this.#refused);
      return;
    }
    this.#onBody(this.share);
  }
}

/**
 * Whether a request says that its body has no bytes. Of such a one uWebSockets.js tells nothing where the head has come in pieces,
 * and its client would wait for ever.
 */
function isEmpty(contentLength: string): boolean {
  return contentLength.charCodeAt(0) === ZERO && Number(contentLength) === 0;
}
