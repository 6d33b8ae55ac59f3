/**
 * Requests outside the key space that may have a body, and some of which need the role `root`: read, judged, and answered
 * here as long as the store has no part in them.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { type ByteString, byteStringOfBytes } from '../../base/byte-string.ts';
import { Counter } from '../../metrics/front-end-metrics.ts';
import { refuseAccess } from '../../protocol/auth-request.ts';
import type { PlainAnswer } from '../../protocol/members.ts';
import { messageAnswer } from '../../protocol/plain-answer.ts';
import type { Access, Verdict } from '../access/access.ts';
import { letContinue } from '../answers/continuation.ts';
import { writeNoRoomForBody, writeOwnAnswer } from '../answers/responder.ts';
import { certificateNameOf } from '../connections/client-certificates.ts';
import { BodyShare } from '../exchange/body-budget.ts';
import type { FrontEndLimits } from '../exchange/front-end-limits.ts';
import type { StoreClient } from '../exchange/store-client.ts';
import { BodyReader, Refused } from './body-reader.ts';

export interface PlainRequestsOptions {
  /** Hexadecimal. */
  readonly clusterId: string;
  readonly limits: FrontEndLimits;
  readonly access: Access;
  readonly onError: (error: unknown) => void;
}

export interface PlainRequest {
  readonly response: HttpResponse;
  readonly method: string;
  /** `''` without, before it is here, and when it was too large. */
  body: ByteString;
  /** Its client has gone, and `response` must not be touched any more. */
  isGone: boolean;
  /** A stop waits for it. */
  isPending: boolean;
}

const NOTHING = '' as ByteString;

export class PlainRequests {
  readonly #store: StoreClient;
  readonly #options: PlainRequestsOptions;
  /** Requests that have begun, and are neither answered nor handed to the store. */
  pendingCount = 0;

  constructor(store: StoreClient, options: PlainRequestsOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Goes on when the body is here. To be called while the request is being handled. */
  read(response: HttpResponse, httpRequest: HttpRequest, method: string, goOn: (request: PlainRequest) => void): void {
    const pending: PlainRequest = { response, method, body: NOTHING, isGone: false, isPending: true };
    this.pendingCount++;
    const { bodies, metrics } = this.#store;
    const reader = new BodyReader(this.#options.limits.requestBytesMax, bodies, (body) => {
      const bytes = body instanceof BodyShare ? body.join() : body;
      reader.share.giveBack(); // Of what it becomes little is kept, and not for long.
      if (bytes === Refused.noRoom) {
        metrics.count(Counter.tooManyBodyBytes);
        this.leave(pending);
        response.cork(() => writeNoRoomForBody(response, bodies.sizeBytesMax));
        return;
      }
      if (typeof bytes !== 'string') pending.body = byteStringOfBytes(bytes);
      this.guarded(pending, goOn);
    });
    response.onAborted(() => {
      reader.abandon();
      pending.isGone = true;
      this.leave(pending);
    });
    reader.read(response, httpRequest);
  }

  /** The same if its client has the role `root`; refuses it if not. @param goOn is told what the verdict has cost. */
  readAsRoot(
    response: HttpResponse,
    httpRequest: HttpRequest,
    method: string,
    goOn: (request: PlainRequest, lookUps: number) => void,
  ): void {
    const claim = {
      authorization: httpRequest.getHeader('authorization'),
      certificateName: certificateNameOf(response),
      key: undefined,
      isWrite: true,
      isRecursive: false,
    };
    letContinue(response, httpRequest);
    this.read(response, httpRequest, method, (request) => {
      this.#options.access.judge(claim, (verdict, lookUps) => {
        if (request.isGone) return;
        this.guarded(request, () => {
          if (verdict === 'allowed') {
            goOn(request, lookUps);
            return;
          }
          this.#store.countLookUps(lookUps);
          this.#store.metrics.count(counterOf(verdict));
          this.answer(request, refusalOf(verdict));
        });
      });
    });
  }

  /** Nothing more is due here to a request: it is answered, the store has it, or its client has gone. */
  leave(request: PlainRequest): void {
    if (!request.isPending) return;
    request.isPending = false;
    this.pendingCount--;
  }

  answer(request: PlainRequest, answer: PlainAnswer): void {
    const { response, method, isGone } = request;
    if (isGone) return;
    this.leave(request);
    const { status, contentType, headers, hasClusterId, body } = answer;
    const clusterId = hasClusterId ? { 'X-Etcd-Cluster-Id': this.#options.clusterId } : {};
    response.cork(() =>
      writeOwnAnswer(
        response,
        status,
        contentType,
        { ...headers, ...clusterId },
        Buffer.from(body, 'latin1'),
        method === 'HEAD',
      ),
    );
  }

  /** Goes on with a request at a later time. An exception closes its connection, and ends nothing else. */
  guarded(request: PlainRequest, act: (request: PlainRequest) => void): void {
    try {
      act(request);
    } catch (error) {
      this.#options.onError(error);
      if (!request.isGone) request.response.close();
    }
  }
}

/** To those who were not let in. */
export function refusalOf(verdict: Verdict): PlainAnswer {
  if (verdict === 'denied') return refuseAccess();
  return { ...messageAnswer(503, TOO_MANY_PASSWORDS, false), headers: { 'Retry-After': '1' } };
}

/** Where they are counted. */
export function counterOf(verdict: Verdict): Counter {
  return verdict === 'denied' ? Counter.denied : Counter.tooManyPasswords;
}

export const TOO_MANY_PASSWORDS = 'too many passwords wait to be checked';
