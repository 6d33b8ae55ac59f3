/** The requests that have a slot: one object a slot, used in turn by all requests that get this slot. */
import type { HttpResponse } from 'uWebSockets.js';
import { Counter } from '../../metrics/front-end-metrics.ts';
import { ignoreBody, writeOverload } from '../answers/responder.ts';
import type { FrontEndLimits } from '../exchange/front-end-limits.ts';
import type { StoreClient } from '../exchange/store-client.ts';
import { KeysRequest, type KeysRequestHandler } from './keys-request.ts';

/** With its handlers and the reader of its body. */
const REQUEST_SIZE_BYTES = 600;

export class ClaimedRequests {
  readonly #store: StoreClient;
  readonly #limits: FrontEndLimits;
  readonly #handler: KeysRequestHandler;
  /** By slot. */
  readonly #requests: (KeysRequest | undefined)[] = [];

  /** @param handler is told what becomes of a request: for all of them the same. */
  constructor(store: StoreClient, limits: FrontEndLimits, handler: KeysRequestHandler) {
    this.#store = store;
    this.#limits = limits;
    this.#handler = handler;
  }

  /** Takes a slot; answers 503 and gives undefined when there is none. Whoever takes it begins it. */
  claim(response: HttpResponse): KeysRequest | undefined {
    const slot = this.#store.slots.claim(response);
    if (slot === -1) {
      this.#store.metrics.count(Counter.tooManyRequests);
      ignoreBody(response);
      const cause = `there are ${this.#limits.inFlightMax} requests in flight already (--max-in-flight)`;
      response.cork(() => writeOverload(response, cause));
      return undefined;
    }
    const known = this.#requests[slot];
    if (known !== undefined) return known;
    const made = new KeysRequest(slot, this.#limits.requestBytesMax, this.#store.bodies, this.#handler);
    this.#requests[slot] = made;
    return made;
  }

  /** Of those that no request uses. @returns what they took, about, in bytes. */
  letGo(): number {
    const { slots } = this.#store;
    let letGo = 0;
    for (const [slot, request] of this.#requests.entries()) {
      if (request === undefined || !slots.isFree(slot)) continue;
      this.#requests[slot] = undefined;
      letGo++;
    }
    return letGo * REQUEST_SIZE_BYTES;
  }

  /** What the last request in a slot was. */
  in(slot: number): KeysRequest | undefined {
    return this.#requests[slot];
  }
}
