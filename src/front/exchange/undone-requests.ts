/**
 * Requests whose answers a failed disk has made untrue. What was not synced is never acknowledged, nor shown: they get
 * error 300 as soon as the store has said what is left, and watchers lose their connection.
 */
import { byteStringOf } from '../../base/byte-string.ts';
import { HEAD_BIT, ReplyFormat, ReplyKind, type ReplyReader } from '../../frame/reply-frame.ts';
import { RAFT_INTERNAL_ERROR, renderError, statusOf } from '../../protocol/errors.ts';
import type { Responder } from '../answers/responder.ts';
import type { RequestDurations } from './request-durations.ts';
import { SlotState, type Slots } from './slots.ts';
import type { Watches } from './watches.ts';

export class UndoneRequests {
  readonly #slots: Slots;
  readonly #durations: RequestDurations;
  readonly #watches: Watches;
  readonly #responder: Responder;
  readonly #waiting: { readonly slot: number; readonly headBit: number }[] = [];

  constructor(slots: Slots, durations: RequestDurations, watches: Watches, responder: Responder) {
    this.#slots = slots;
    this.#durations = durations;
    this.#watches = watches;
    this.#responder = responder;
  }

  /** Takes a frame that must not be shown. */
  take(reply: ReplyReader): void {
    const { kind, slot } = reply;
    switch (kind) {
      case ReplyKind.released:
        this.#slots.release(slot);
        return;
      case ReplyKind.event:
        this.#watches.closeUndone(reply);
        return;
      case ReplyKind.watchOpened:
        if (this.#slots.stateOf(slot) === SlotState.waiting) this.#slots.responseOf(slot).close();
        this.#watches.cancel(slot);
        return;
      case ReplyKind.security:
        return; // What is left is told anew.
      default:
        this.#waiting.push({ slot, headBit: reply.format & HEAD_BIT });
    }
  }

  /** Answers all, with the index of what is left. @param reason why the disk has failed. */
  answer(reason: string, etcdIndex: number): void {
    const body = Buffer.from(renderError(RAFT_INTERNAL_ERROR, byteStringOf(reason), etcdIndex), 'latin1');
    const bodySize = Buffer.from(String(body.length));
    const status = statusOf(RAFT_INTERNAL_ERROR);
    for (const { slot, headBit } of this.#waiting.splice(0)) {
      const isWaiting = this.#slots.stateOf(slot) === SlotState.waiting;
      const response = isWaiting ? this.#slots.responseOf(slot) : undefined;
      this.#durations.finish(slot, status, !isWaiting);
      this.#slots.release(slot);
      const format = ReplyFormat.keysError | headBit;
      const told = headBit === 0 ? body : bodySize;
      response?.cork(() => this.#responder.writeStoreAnswer(response, format, status, etcdIndex, 0, told));
    }
  }
}
