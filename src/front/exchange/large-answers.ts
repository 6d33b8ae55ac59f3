/**
 * Answers that take longer than one write: listings, large values, and events that have one. Their bytes are counted until
 * their readers have them (`AnswerBudget`); their slots are kept for as long.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { outOfShared, sizeBytesOf } from '../../base/bytes.ts';
import { ReplyFormat, type ReplyReader, WRITE_BIT } from '../../frame/reply-frame.ts';
import type { SharedWords } from '../../frame/shared-words.ts';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import { Compression } from '../answers/compression.ts';
import { LargeAnswer } from '../answers/large-answer.ts';
import { ChunkPen, type Pen, SizedPen } from '../answers/pens.ts';
import { type Responder, type StoreHead, writeNoRoomForAnswer } from '../answers/responder.ts';
import { AnswerBudget, type AnswerShare } from './answer-budget.ts';
import type { FrontEndLimits } from './front-end-limits.ts';
import type { KeptRead } from './read-cache.ts';
import type { LongAnswer, Slots } from './slots.ts';

/** Smaller ones are left to the socket. */
export const LARGE_ANSWER_SIZE_BYTES = 64 * 1024;

export interface LargeAnswersOptions {
  readonly words: SharedWords;
  /** Which front end this is. */
  readonly number: number;
  readonly metrics: FrontEndMetrics;
  readonly limits: FrontEndLimits;
  readonly responder: Responder;
  /** Whether the client of a slot takes a compressed listing. */
  readonly acceptsGzip: (slot: number) => boolean;
  /** Called when one answer could not be made. */
  readonly onError: (error: unknown) => void;
}

export class LargeAnswers {
  readonly #slots: Slots;
  readonly #options: LargeAnswersOptions;
  readonly #budget: AnswerBudget;

  constructor(slots: Slots, options: LargeAnswersOptions) {
    this.#slots = slots;
    this.#options = options;
    const { limits, words, number, metrics } = options;
    this.#budget = new AnswerBudget(limits.answerBytesMax, words, number, metrics);
  }

  /** Nobody waits for a listing any more; for none when there are no parts. */
  drop(parts: readonly Uint8Array[]): void {
    if (parts.length > 0) this.#budget.takeListing(parts).release();
  }

  /** Answers with a listing. */
  list(slot: number, response: HttpResponse, reply: ReplyReader, parts: readonly Uint8Array[]): void {
    const { format, status, etcdIndex, raftIndex } = reply;
    const head = { format, status, etcdIndex, raftIndex };
    const { limits, responder } = this.#options;
    const share = this.#budget.takeListing(parts);
    if (this.#mustCompress(slot, parts)) {
      this.#compress(slot, response, head, parts, share);
      return;
    }
    const writeHead = () => {
      if (Number.isFinite(limits.gzipFromBytes)) responder.writeListingHead(response, head, false);
      else responder.writeStoreHead(response, format, status, etcdIndex, raftIndex);
    };
    this.#send(slot, response, new SizedPen(response, sizeBytesOf(parts), writeHead), parts, share);
  }

  /**
   * Answers with a large value. The socket would keep what its reader does not take, of any size, and nobody would know of
   * it.
   * @returns false when it has been refused for want of room. A write is never: it has been made.
   */
  answer(slot: number, response: HttpResponse, reply: ReplyReader): boolean {
    const { format, status, etcdIndex, raftIndex } = reply;
    const share = this.#budget.tryTake(reply.bodySizeBytes);
    if (share !== undefined) {
      const head = { format, status, etcdIndex, raftIndex };
      this.#sendValue(slot, response, head, outOfShared(reply.body), share);
    } else if ((format & WRITE_BIT) === 0) {
      this.refuse(slot, response);
      return false;
    } else {
      this.#options.metrics.count(Counter.tooManyAnswerBytes);
      this.#slots.release(slot);
      response.close();
    }
    return true;
  }

  /** Answers a read with what is kept. @returns false when there is no room: then it has been refused. */
  answerKept(slot: number, response: HttpResponse, { etcdIndex, raftIndex, body }: KeptRead): boolean {
    const share = this.#budget.tryTake(body.length);
    if (share === undefined) {
      this.refuse(slot, response);
      return false;
    }
    this.#sendValue(slot, response, { format: ReplyFormat.keys, status: 200, etcdIndex, raftIndex }, body, share);
    return true;
  }

  #sendValue(slot: number, response: HttpResponse, head: StoreHead, body: Uint8Array, share: AnswerShare): void {
    const { format, status, etcdIndex, raftIndex } = head;
    const writeHead = () => this.#options.responder.writeStoreHead(response, format, status, etcdIndex, raftIndex);
    this.#send(slot, response, new SizedPen(response, body.length, writeHead), [body], share);
  }

  /** There is no room for an answer. */
  refuse(slot: number, response: HttpResponse): void {
    this.#options.metrics.count(Counter.tooManyAnswerBytes);
    this.#slots.release(slot);
    response.cork(() => writeNoRoomForAnswer(response, this.#budget.sizeBytesMax));
  }

  /** @returns what all watchers of a large event send of it; undefined when there is no room for it. */
  tryTakeEvent(rest: Uint8Array): LargeEvent | undefined {
    const share = this.#budget.tryTake(rest.length);
    return share && { parts: [outOfShared(rest)], share };
  }

  /** Ends a watch by an event. @param event whose share has been held for it. */
  endWatch(slot: number, response: HttpResponse, { parts, share }: LargeEvent): void {
    this.#send(slot, response, new ChunkPen(response), parts, share);
  }

  /** The client of a slot has gone before its answer was sent. */
  abort(slot: number): void {
    this.#options.metrics.count(Counter.largeAnswersLeft);
    this.#slots.release(slot);
  }

  #mustCompress(slot: number, parts: readonly Uint8Array[]): boolean {
    const { gzipFromBytes } = this.#options.limits;
    if (!Number.isFinite(gzipFromBytes)) return false;
    return sizeBytesOf(parts) >= gzipFromBytes && this.#options.acceptsGzip(slot);
  }

  /** What it is compressed to counts for as much: it is smaller, and known at the end only. */
  #compress(
    slot: number,
    response: HttpResponse,
    head: StoreHead,
    parts: readonly Uint8Array[],
    share: AnswerShare,
  ): void {
    const { metrics, responder, onError } = this.#options;
    const send = (compressed: Uint8Array[]) => {
      metrics.count(Counter.gzipAnswers);
      metrics.count(Counter.gzipInBytes, sizeBytesOf(parts));
      metrics.count(Counter.gzipOutBytes, sizeBytesOf(compressed));
      const writeHead = () => responder.writeListingHead(response, head, true);
      this.#send(slot, response, new SizedPen(response, sizeBytesOf(compressed), writeHead), compressed, share);
    };
    const fail = (error: unknown) => {
      onError(error);
      response.close();
    };
    this.#slots.startSending(slot, counted(new Compression(parts, send, fail), share));
  }

  #send(slot: number, response: HttpResponse, pen: Pen, parts: readonly Uint8Array[], share: AnswerShare): void {
    const { limits, metrics } = this.#options;
    const answer = new LargeAnswer(response, pen, parts, limits.largeAnswerStallMsMax, {
      onDone: () => this.#slots.release(slot),
      onStalled: () => {
        metrics.count(Counter.largeAnswersStalled);
        // Before it is closed, so that it does not count as one whose client has gone.
        this.#slots.release(slot);
        response.close();
      },
    });
    this.#slots.startSending(slot, counted(answer, share));
    answer.start();
  }
}

/** An event on its way to those who watch. */
export interface LargeEvent {
  readonly parts: readonly Uint8Array[];
  /** To be held for each who is to be told, and released when all are known. */
  readonly share: AnswerShare;
}

/** Its slot cancels it in any case, when it is released. */
function counted(answer: LongAnswer, share: AnswerShare): LongAnswer {
  return {
    cancel: () => {
      answer.cancel();
      share.release();
    },
  };
}
