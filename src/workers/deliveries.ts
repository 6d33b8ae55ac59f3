/** What has happened, on its way to those who watch: one event, one body, and for each front end a list of its slots. */
import { assert } from '../base/assert.ts';
import { SLOT_BITS, STREAM_BIT } from '../frame/reply-frame.ts';
import { FRONT_ENDS_MAX } from '../frame/shared-words.ts';
import type { StoreEvent } from '../store/event.ts';
import { eventSizeBytes } from '../store/render-bytes.ts';
import type { Watcher } from '../store/watcher-hub.ts';
import type { ReplyWriter } from './reply-writer.ts';

/** A watcher's id is its front end and its slot. */
const SLOT_MASK = (1 << SLOT_BITS) - 1;

assert(FRONT_ENDS_MAX <= 1 << (31 - SLOT_BITS), "a watcher's id has room for the number of its front end");

export function watcherIdOf(frontEnd: number, slot: number): number {
  return (frontEnd << SLOT_BITS) | slot;
}

interface Delivery {
  readonly event: StoreEvent;
  readonly recipients: readonly Watcher[];
}

export class Deliveries {
  readonly #frontEnds: readonly ReplyWriter[];
  readonly #waiting: Delivery[] = [];
  /** By front end, its slots that watch what is being delivered. */
  readonly #watching: number[][];

  constructor(frontEnds: readonly ReplyWriter[]) {
    this.#frontEnds = frontEnds;
    this.#watching = frontEnds.map(() => []);
  }

  get areWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** @param recipients is copied. */
  add(event: StoreEvent, recipients: readonly Watcher[]): void {
    if (recipients.length > 0) this.#waiting.push({ event, recipients: recipients.slice() });
  }

  /** @param render for events that are not told as bytes. */
  deliver(render: (event: StoreEvent) => string, stamp: (replies: ReplyWriter) => void): void {
    for (const { event, recipients } of this.#waiting) {
      const sizeBytes = eventSizeBytes(event);
      const body = sizeBytes > 0 ? '' : render(event);
      for (const { id, isStream } of recipients) {
        const slot = id & SLOT_MASK;
        (this.#watching[id >>> SLOT_BITS] as number[]).push(isStream ? (slot | STREAM_BIT) >>> 0 : slot);
      }
      for (const [frontEnd, replies] of this.#frontEnds.entries()) {
        const slots = this.#watching[frontEnd] as number[];
        if (slots.length === 0) continue;
        stamp(replies);
        if (sizeBytes > 0) replies.eventAsBytes(slots, event, sizeBytes);
        else replies.event(slots, body);
        slots.length = 0;
      }
    }
    this.#waiting.length = 0;
  }
}
