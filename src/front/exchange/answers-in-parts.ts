/** Answers that came by the second path of a link: compressed where that is asked for, and sent as fast as they are read. */
import type { HttpResponse } from 'uWebSockets.js';
import type { ReplyReader } from '../../frame/reply-frame.ts';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import { Compression } from '../answers/compression.ts';
import { LargeAnswer } from '../answers/large-answer.ts';
import type { Responder, StoreHead } from '../answers/responder.ts';
import type { FrontEndLimits } from './front-end-limits.ts';
import type { Slots } from './slots.ts';

export interface AnswersInPartsOptions {
  readonly limits: FrontEndLimits;
  readonly metrics: FrontEndMetrics;
  readonly responder: Responder;
  /** Whether the client of a slot takes a compressed listing. */
  readonly acceptsGzip: (slot: number) => boolean;
  /** Called when one answer could not be made. */
  readonly onError: (error: unknown) => void;
}

export class AnswersInParts {
  readonly #slots: Slots;
  readonly #options: AnswersInPartsOptions;
  readonly #mayCompress: boolean;

  constructor(slots: Slots, options: AnswersInPartsOptions) {
    this.#slots = slots;
    this.#options = options;
    this.#mayCompress = Number.isFinite(options.limits.gzipFromBytes);
  }

  /** Starts to send what is the answer of a slot, which is released when it is over. */
  start(slot: number, { format, status, etcdIndex, raftIndex }: ReplyReader, parts: readonly Uint8Array[]): void {
    const { responder } = this.#options;
    const response = this.#slots.responseOf(slot);
    const head = { format, status, etcdIndex, raftIndex };
    if (!this.#mayCompress) {
      response.cork(() => responder.writeStoreHead(response, format, status, etcdIndex, raftIndex));
      this.#send(slot, response, parts);
      return;
    }
    const sizeBytes = sizeOf(parts);
    if (sizeBytes >= this.#options.limits.gzipFromBytes && this.#options.acceptsGzip(slot)) {
      this.#compress(slot, response, head, parts, sizeBytes);
      return;
    }
    response.cork(() => responder.writeListingHead(response, head, false));
    this.#send(slot, response, parts);
  }

  /** The client of a slot has gone before its answer was sent. */
  abort(slot: number): void {
    this.#options.metrics.count(Counter.largeAnswersLeft);
    this.#slots.release(slot);
  }

  #compress(
    slot: number,
    response: HttpResponse,
    head: StoreHead,
    parts: readonly Uint8Array[],
    sizeBytes: number,
  ): void {
    const { metrics, responder, onError } = this.#options;
    const send = (compressed: Uint8Array[]) => {
      metrics.count(Counter.gzipAnswers);
      metrics.count(Counter.gzipInBytes, sizeBytes);
      metrics.count(Counter.gzipOutBytes, sizeOf(compressed));
      response.cork(() => responder.writeListingHead(response, head, true));
      this.#send(slot, response, compressed);
    };
    const fail = (error: unknown) => {
      onError(error);
      response.close();
    };
    this.#slots.startSending(slot, new Compression(parts, send, fail));
  }

  #send(slot: number, response: HttpResponse, parts: readonly Uint8Array[]): void {
    const { limits, metrics } = this.#options;
    const answer = new LargeAnswer(response, parts, limits.largeAnswerStallMsMax, {
      onDone: () => this.#slots.release(slot),
      onStalled: () => {
        metrics.count(Counter.largeAnswersStalled);
        // Before it is closed, so that it does not count as one whose client has gone.
        this.#slots.release(slot);
        response.close();
      },
    });
    this.#slots.startSending(slot, answer);
    answer.start();
  }
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
