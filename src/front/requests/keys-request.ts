/**
 * One request on the key space, from its headers to its command. There is one object a slot, used in turn by all
 * requests that get this slot: its handlers are made once, not once a request (native-bench, "set, 64 connections").
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { performance } from 'node:perf_hooks';
import type { ByteString } from '../../base/byte-string.ts';
import type { KeysMethod } from '../../protocol/request.ts';
import type { BodyBudget, BodyShare } from '../exchange/body-budget.ts';
import { type Body, BodyReader } from './body-reader.ts';

/** What becomes of a request. */
export interface KeysRequestHandler {
  /** Its body is here, valid during the call, or it is known why there is none. */
  onBody(request: KeysRequest, body: Body): void;
  /** Its client has gone. */
  onAborted(request: KeysRequest): void;
}

export class KeysRequest {
  readonly slot: number;
  method: KeysMethod = 'GET';
  path = '' as ByteString;
  /** Whether the key was asked for with a slash behind the path. */
  hasLastSlash = false;
  /** Whether the path needs no escape in JSON. */
  isPathPlain = false;
  query = '';
  contentType = '';
  /** Whether a listing may be compressed for this client. */
  acceptsGzip = false;
  /** The header, where it was looked at. */
  authorization = '';
  /** The name in its client's certificate, where that counts: `certificateNameOf`. */
  certificateName = '' as ByteString;
  /** Counts the requests of this slot, so that a verdict that comes late finds out whether its request is still there. */
  serial = 0;
  /** Its body or a verdict is still on its way, or what it is to be told: the store knows nothing of it, and never may. */
  isUnsent = false;
  /** When it was there, if the store was not asked at once: as `performance.now()` has it, else 0. */
  heldSinceMs = 0;
  readonly #body: BodyReader;
  readonly #onAborted: () => void;

  constructor(slot: number, bodyBytesMax: number, budget: BodyBudget, handler: KeysRequestHandler) {
    this.slot = slot;
    this.#body = new BodyReader(bodyBytesMax, budget, (body) => handler.onBody(this, body));
    this.#onAborted = () => {
      this.serial++;
      handler.onAborted(this);
    };
  }

  /** The key as rights are looked up for it: with its last slash. */
  get claimedKey(): ByteString {
    return this.hasLastSlash ? (`${this.path}/` as ByteString) : this.path;
  }

  /** A request without a body that counts. */
  begin(response: HttpResponse): void {
    this.serial++;
    this.isUnsent = false;
    this.heldSinceMs = 0;
    response.onAborted(this.#onAborted);
  }

  /** It is here, and something has to be done before the store is asked: that is part of how long it takes. */
  hold(): void {
    this.isUnsent = true;
    if (this.heldSinceMs === 0) this.heldSinceMs = performance.now();
  }

  /** What its body takes of the budget: to be given back when the request is answered. */
  get bodyShare(): BodyShare {
    return this.#body.share;
  }

  /** Its client has gone before the body was there. */
  abandonBody(): void {
    this.#body.abandon();
  }

  /** A request with one: the handler is called when it has come. */
  beginWithBody(response: HttpResponse, request: HttpRequest): void {
    this.serial++;
    this.isUnsent = true;
    this.heldSinceMs = 0;
    response.onAborted(this.#onAborted);
    this.#body.read(response, request);
  }
}
