/** What the store says to those who watch: that their watch is open, or refused, and what happens. */
import { ReplyFormat, type ReplyReader, STREAM_BIT } from '../../frame/reply-frame.ts';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import { type Responder, writeOverload } from '../answers/responder.ts';
import type { FrontEndLimits } from './front-end-limits.ts';
import { LARGE_ANSWER_SIZE_BYTES, type LargeAnswers } from './large-answers.ts';
import { PollAnswers } from './poll-answers.ts';
import type { RequestDurations } from './request-durations.ts';
import { SlotState, type Slots } from './slots.ts';
import { OPENING_BRACE, StreamWriter } from './stream-writer.ts';

export interface WatchesOptions {
  readonly responder: Responder;
  readonly metrics: FrontEndMetrics;
  readonly limits: FrontEndLimits;
  readonly large: LargeAnswers;
  /** Tells the store that the client of a watch has gone. */
  readonly onCancel: (slot: number) => void;
}

export class Watches {
  readonly #slots: Slots;
  readonly #durations: RequestDurations;
  readonly #options: WatchesOptions;
  readonly #streams: StreamWriter;
  readonly #polls: PollAnswers;

  constructor(slots: Slots, durations: RequestDurations, options: WatchesOptions) {
    this.#slots = slots;
    this.#durations = durations;
    this.#options = options;
    this.#streams = new StreamWriter(slots, options.limits.streamBacklogBytesMax, (slot) => this.#dropSlowStream(slot));
    const { large } = options;
    this.#polls = new PollAnswers(slots, (slot, event) => large.endWatch(slot, slots.responseOf(slot), event));
  }

  open(reply: ReplyReader): void {
    const { slot } = reply;
    if (this.#slots.stateOf(slot) === SlotState.abandoned) {
      this.cancel(slot);
      return;
    }
    this.#durations.finish(slot, 200, false);
    this.#slots.startWatching(slot);
    const response = this.#slots.responseOf(slot);
    const { etcdIndex, raftIndex } = reply;
    response.cork(() => {
      this.#options.responder.writeStoreHead(response, ReplyFormat.keys, 200, etcdIndex, raftIndex);
      // Headers leave with the first byte only, and every event begins with this one (README, limits).
      response.write(OPENING_BRACE);
    });
  }

  /** @param isOfClient whether it is for one client's watches that there is no place. */
  refuse(slot: number, isOfClient: boolean): void {
    const isWaiting = this.#slots.stateOf(slot) === SlotState.waiting;
    const response = isWaiting ? this.#slots.responseOf(slot) : undefined;
    this.#options.metrics.count(isOfClient ? Counter.tooManyClientWatchers : Counter.tooManyWatchers);
    this.#durations.finish(slot, 503, !isWaiting);
    this.#slots.release(slot);
    const { clientWatchersMax, watchersMax } = this.#options.limits;
    const cause = isOfClient
      ? `there are ${clientWatchersMax} watchers of your address already (--max-watchers-per-client)`
      : `there are ${watchersMax} watchers already (--max-watchers)`;
    response?.cork(() => writeOverload(response, cause));
  }

  /** Gives one event to all its watchers, with `flush`. Its first byte went out before. */
  deliver(reply: ReplyReader): void {
    const rest = reply.body.subarray(1);
    if (rest.length > LARGE_ANSWER_SIZE_BYTES) {
      this.#deliverLarge(reply, rest);
      return;
    }
    const { slotCount } = reply;
    let sent = 0;
    for (let position = 0; position < slotCount; position++) {
      const entry = reply.slotAt(position);
      const slot = entry & ~STREAM_BIT;
      if (this.#slots.stateOf(slot) !== SlotState.watching) continue;
      sent++;
      if ((entry & STREAM_BIT) !== 0) this.#streams.add(slot, rest);
      else this.#polls.add(slot, rest);
    }
    this.#options.metrics.count(Counter.eventsSent, sent);
  }

  #deliverLarge(reply: ReplyReader, rest: Uint8Array): void {
    const { large, metrics } = this.#options;
    const event = large.tryTakeEvent(rest);
    for (let position = 0; position < reply.slotCount; position++) {
      const entry = reply.slotAt(position);
      const slot = entry & ~STREAM_BIT;
      if (this.#slots.stateOf(slot) !== SlotState.watching) continue;
      if ((entry & STREAM_BIT) !== 0) this.#streams.add(slot, rest);
      else if (event !== undefined) this.#polls.addLarge(slot, event);
      else {
        this.#closeForWantOfRoom(slot);
        continue;
      }
      metrics.count(Counter.eventsSent);
    }
    event?.share.release();
  }

  /** The store knows nothing more of this watch, and its head has left. */
  #closeForWantOfRoom(slot: number): void {
    const response = this.#slots.responseOf(slot);
    this.#options.metrics.count(Counter.tooManyAnswerBytes);
    this.#slots.release(slot);
    response.close();
  }

  /** Writes a turn's share of what was delivered; to be called before the frames are released. */
  flush(): void {
    this.#polls.flush();
    this.#streams.flush();
  }

  /** Whether some wait for the next turn. */
  get hasWaiting(): boolean {
    return this.#polls.hasWaiting || this.#streams.hasWaiting;
  }

  /** Nobody waits any more: they have what was delivered, streams as much of it as they take. */
  flushAll(): void {
    this.#polls.flush('all');
    this.#streams.flush('all');
  }

  /** Of what watches have used that are gone. */
  letGo(): void {
    this.#polls.letGo();
    this.#streams.letGo();
  }

  /** Nobody waits for a watch any more. */
  cancel(slot: number): void {
    this.#polls.forget(slot);
    this.#streams.forget(slot);
    this.#slots.startCancelling(slot);
    this.#options.onCancel(slot);
  }

  /** Closes the connections of those who were to hear of what is undone. */
  closeUndone(reply: ReplyReader): void {
    // What came before is durable, and for some not yet written.
    this.flushAll();
    for (let position = 0; position < reply.slotCount; position++) {
      const slot = reply.slotAt(position) & ~STREAM_BIT;
      if (this.#slots.stateOf(slot) === SlotState.watching) this.#slots.responseOf(slot).close();
    }
  }

  #dropSlowStream(slot: number): void {
    this.#options.metrics.count(Counter.slowWatchersClosed);
    // Closing calls the abort handler, which cancels the watch.
    this.#slots.responseOf(slot).close();
  }
}
