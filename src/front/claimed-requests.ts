/** The requests that have a slot: one object a slot, used in turn by all requests that get this slot. */
import type { HttpResponse } from 'uWebSockets.js';
import { byteStringOf } from '../base/byte-string.ts';
import { Counter } from '../metrics/front-end-metrics.ts';
import { CONTENT_TYPE_JSON } from '../protocol/answers.ts';
import { renderError } from '../protocol/errors.ts';
import { KeysRequest, type KeysRequestHandler } from './keys-request.ts';
import { writeOwnAnswer } from './responder.ts';
import type { StoreClient } from './store-client.ts';

const TOO_MANY_REQUESTS = byteStringOf('too many requests in flight');

export class ClaimedRequests {
  readonly #store: StoreClient;
  readonly #bodyBytesMax: number;
  readonly #handler: KeysRequestHandler;
  /** By slot. */
  readonly #requests: KeysRequest[] = [];

  /** @param handler is told what becomes of a request: for all of them the same. */
  constructor(store: StoreClient, bodyBytesMax: number, handler: KeysRequestHandler) {
    this.#store = store;
    this.#bodyBytesMax = bodyBytesMax;
    this.#handler = handler;
  }

  /** Takes a slot; answers 503 and gives undefined when there is none. Whoever takes it begins it. */
  claim(response: HttpResponse): KeysRequest | undefined {
    const slot = this.#store.slots.claim(response);
    if (slot === -1) {
      this.#store.metrics.count(Counter.tooManyRequests);
      const body = Buffer.from(renderError(300, TOO_MANY_REQUESTS, 0), 'latin1');
      writeOwnAnswer(response, 503, CONTENT_TYPE_JSON, { 'Retry-After': '1' }, body);
      return undefined;
    }
    const known = this.#requests[slot];
    if (known !== undefined) return known;
    const made = new KeysRequest(slot, this.#bodyBytesMax, this.#handler);
    this.#requests[slot] = made;
    return made;
  }

  /** What the last request in a slot was. */
  in(slot: number): KeysRequest | undefined {
    return this.#requests[slot];
  }
}
