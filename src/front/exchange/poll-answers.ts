/**
 * Answers long polls with the event that ends them, each in its turn (`TurnQueue`): thousands may wait for one key, and the
 * store has told all of them at once.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { copyOf } from '../../base/bytes.ts';
import type { LargeEvent } from './large-answers.ts';
import { SlotState, type Slots } from './slots.ts';
import { TurnQueue, type TurnShare } from './turn-queue.ts';

const NOTHING = new Uint8Array(0);

export class PollAnswers {
  readonly #slots: Slots;
  readonly #endByLarge: (slot: number, event: LargeEvent) => void;
  readonly #queue: TurnQueue;
  /** By slot, what ends its watch: the event without its first byte. Of a large one its share is held. */
  readonly #rests: (Uint8Array | LargeEvent | undefined)[] = [];
  /** Those that were added since the last flush: what ends them is in the ring still. */
  readonly #fresh: number[] = [];
  /** What `#endCorked` writes: fields instead of a closure a watcher. */
  #response: HttpResponse | undefined;
  #rest: Uint8Array = NOTHING;

  /** @param endByLarge ends a watch by an event that takes longer than one write, and releases its share. */
  constructor(slots: Slots, endByLarge: (slot: number, event: LargeEvent) => void, queue = new TurnQueue()) {
    this.#slots = slots;
    this.#endByLarge = endByLarge;
    this.#queue = queue;
  }

  /** Whether somebody waits for his turn. */
  get hasWaiting(): boolean {
    return !this.#queue.isEmpty;
  }

  /** Notes the event that ends the watch of a slot, without its first byte, which went out before. The bytes must hold until the next flush. */
  add(slot: number, rest: Uint8Array): void {
    this.#rests[slot] = rest;
    this.#queue.add(slot);
    this.#fresh.push(slot);
  }

  /** The same for a large event, which lies in memory of its own. */
  addLarge(slot: number, event: LargeEvent): void {
    event.share.hold();
    this.#rests[slot] = event;
    this.#queue.add(slot);
  }

  /** Answers and releases. */
  flush(share: TurnShare = 'turn'): void {
    if (this.#queue.isEmpty) return;
    this.#queue.serve(share, this.#answer);
    if (!this.#queue.isEmpty) this.#takeOutOfRing();
    this.#fresh.length = 0;
  }

  /** Its client has gone: another may have the slot soon. */
  forget(slot: number): void {
    const rest = this.#take(slot);
    if (isLarge(rest)) rest.share.release();
  }

  /** Of what is kept to be used again. */
  letGo(): void {
    if (this.#queue.isEmpty) this.#rests.length = 0;
  }

  readonly #answer = (slot: number): void => {
    if (this.#slots.stateOf(slot) !== SlotState.watching) {
      this.forget(slot);
      return;
    }
    const rest = this.#take(slot);
    if (rest === undefined) return;
    if (isLarge(rest)) {
      this.#endByLarge(slot, rest);
      return;
    }
    this.#response = this.#slots.responseOf(slot);
    this.#rest = rest;
    this.#slots.release(slot);
    this.#response.cork(this.#endCorked);
  };

  readonly #endCorked = (): void => {
    (this.#response as HttpResponse).end(this.#rest);
  };

  #take(slot: number): Uint8Array | LargeEvent | undefined {
    const rest = this.#rests[slot];
    this.#rests[slot] = undefined;
    return rest;
  }

  /** One copy an event: all whom it ends were added one after the other. */
  #takeOutOfRing(): void {
    let inRing: Uint8Array | undefined;
    let copy: Uint8Array = NOTHING;
    for (const slot of this.#fresh) {
      const rest = this.#rests[slot];
      if (rest === undefined || isLarge(rest)) continue;
      if (rest !== inRing) {
        inRing = rest;
        copy = copyOf(rest);
      }
      this.#rests[slot] = copy;
    }
  }
}

function isLarge(rest: Uint8Array | LargeEvent | undefined): rest is LargeEvent {
  return rest !== undefined && !(rest instanceof Uint8Array);
}
