/**
 * Answers long polls with the event that ends them, each in its turn (`TurnQueue`): thousands may wait for one key, and the
 * store has told all of them at once.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { SlotState, type Slots } from './slots.ts';
import { TurnQueue, type TurnShare } from './turn-queue.ts';

const NOTHING = new Uint8Array(0);

export class PollAnswers {
  readonly #slots: Slots;
  readonly #queue: TurnQueue;
  /** By slot, what ends its watch: the event without its first byte. */
  readonly #rests: (Uint8Array | undefined)[] = [];
  /** Those that were added since the last flush: what ends them is in the ring still. */
  readonly #fresh: number[] = [];
  /** What `#endCorked` writes: fields instead of a closure a watcher. */
  #response: HttpResponse | undefined;
  #rest: Uint8Array = NOTHING;

  constructor(slots: Slots, queue = new TurnQueue()) {
    this.#slots = slots;
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

  /** Answers and releases. */
  flush(share: TurnShare = 'turn'): void {
    if (this.#queue.isEmpty) return;
    this.#queue.serve(share, this.#answer);
    if (!this.#queue.isEmpty) this.#takeOutOfRing();
    this.#fresh.length = 0;
  }

  /** Its client has gone: another may have the slot soon. */
  forget(slot: number): void {
    this.#rests[slot] = undefined;
  }

  /** Of what is kept to be used again. */
  letGo(): void {
    if (this.#queue.isEmpty) this.#rests.length = 0;
  }

  readonly #answer = (slot: number): void => {
    const rest = this.#rests[slot];
    this.#rests[slot] = undefined;
    if (rest === undefined || this.#slots.stateOf(slot) !== SlotState.watching) return;
    this.#response = this.#slots.responseOf(slot);
    this.#rest = rest;
    this.#slots.release(slot);
    this.#response.cork(this.#endCorked);
  };

  readonly #endCorked = (): void => {
    (this.#response as HttpResponse).end(this.#rest);
  };

  /** One copy an event: all whom it ends were added one after the other. */
  #takeOutOfRing(): void {
    let inRing: Uint8Array | undefined;
    let copy: Uint8Array = NOTHING;
    for (const slot of this.#fresh) {
      const rest = this.#rests[slot];
      if (rest === undefined) continue;
      if (rest !== inRing) {
        inRing = rest;
        copy = new Uint8Array(rest);
      }
      this.#rests[slot] = copy;
    }
  }
}
