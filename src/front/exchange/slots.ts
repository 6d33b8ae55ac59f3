/**
 * The requests that a front end has handed to the store and not yet finished, by slot number. Frames address a slot;
 * a slot is not given to another request before every frame addressed to it is gone:
 *
 *              claim                 answer
 *      free ──────────▶ waiting ──────────────────▶ free
 *                        │   │ watch opened
 *       client gone      │   └────────▶ watching ── final event ──▶ free
 *                        ▼                 │ client gone: cancel sent
 *                    abandoned             ▼
 *                        │             cancelling ── released ────▶ free
 *                        │ answer ──────────────────────────────▶ free
 *                        └ watch opened: cancel sent ▶ cancelling
 *
 * An answer too large for one write keeps its slot, as `sending`, until the last byte is taken or the client is gone; so
 * does the event that ends a watch.
 *
 * Only the thread of the front end touches this. Arrays, not maps: native-bench, "set, 64 connections".
 */
import type { HttpResponse } from 'uWebSockets.js';
import { assert } from '../../base/assert.ts';
import { SLOT_BITS } from '../../frame/reply-frame.ts';
import type { BodyShare } from './body-budget.ts';
import type { StreamBacklog } from './stream-backlog.ts';

export const SlotState = { free: 0, waiting: 1, abandoned: 2, watching: 3, cancelling: 4, sending: 5 } as const;

export const SLOTS_MAX = 1 << SLOT_BITS;

/** What keeps a slot after the store's answer: it is cancelled when the client goes. */
export interface LongAnswer {
  cancel(): void;
}

export class Slots {
  readonly #waitingMax: number;
  readonly #onWaiting: (count: number) => void;
  readonly #responses: (HttpResponse | undefined)[] = [];
  readonly #states: number[] = [];
  /** What a slow reader of a stream has not yet taken; most slots never have one. */
  readonly #backlogs = new Map<number, StreamBacklog>();
  readonly #answers = new Map<number, LongAnswer>();
  /** Slots whose forms came in pieces, and took their bytes of a budget. */
  readonly #bodies = new Map<number, BodyShare>();
  readonly #free: number[] = [];
  /** How many slots wait for a whole answer. */
  waitingCount = 0;

  /**
   * @param waitingMax how many may wait for a whole answer.
   * @param onWaiting gets how many do, whenever that has changed: also while nothing else happens, as when a client goes.
   */
  constructor(waitingMax = SLOTS_MAX, onWaiting: (count: number) => void = () => {}) {
    this.#waitingMax = waitingMax;
    this.#onWaiting = onWaiting;
  }

  /** @returns a slot for a request; -1 when all are taken, or too many wait. */
  claim(response: HttpResponse): number {
    if (this.waitingCount >= this.#waitingMax) return -1;
    const slot = this.#free.pop() ?? this.#responses.length;
    if (slot >= SLOTS_MAX) return -1;
    this.#responses[slot] = response;
    this.#states[slot] = SlotState.waiting;
    this.#wait(1);
    return slot;
  }

  #wait(more: number): void {
    this.waitingCount += more;
    this.#onWaiting(this.waitingCount);
  }

  isFree(slot: number): boolean {
    return this.stateOf(slot) === SlotState.free;
  }

  stateOf(slot: number): number {
    return this.#states[slot] ?? SlotState.free;
  }

  /** The response of a slot whose client is still there. */
  responseOf(slot: number): HttpResponse {
    const response = this.#responses[slot];
    assert(response !== undefined, 'a slot that is waiting or watching has its response');
    return response;
  }

  /** The watch has been accepted. */
  startWatching(slot: number): void {
    this.#wait(-1);
    this.#states[slot] = SlotState.watching;
  }

  /** The answer is here but takes longer to send. */
  startSending(slot: number, answer: LongAnswer): void {
    if (this.#states[slot] === SlotState.watching) {
      this.#wait(1);
      this.#backlogs.delete(slot);
    }
    this.#states[slot] = SlotState.sending;
    this.#answers.set(slot, answer);
  }

  /** The client is gone and no frame has come yet. */
  abandon(slot: number): void {
    this.#responses[slot] = undefined;
    this.#states[slot] = SlotState.abandoned;
  }

  /** The client of a watch is gone, and the store has been told. */
  startCancelling(slot: number): void {
    if (this.#states[slot] === SlotState.abandoned) this.#wait(-1);
    this.#responses[slot] = undefined;
    this.#backlogs.delete(slot);
    this.#states[slot] = SlotState.cancelling;
  }

  /** No frame for this slot can come any more. */
  release(slot: number): void {
    const state = this.#states[slot];
    assert(state !== SlotState.free && state !== undefined, 'a slot is released once');
    if (state !== SlotState.watching && state !== SlotState.cancelling) this.#wait(-1);
    this.#responses[slot] = undefined;
    this.#states[slot] = SlotState.free;
    this.#backlogs.delete(slot);
    if (state === SlotState.sending) this.#forgetAnswer(slot);
    if (this.#bodies.size > 0) this.#giveBackBody(slot);
    this.#free.push(slot);
  }

  /** Gives back what the form of a request has taken as soon as its slot is released. */
  holdBody(slot: number, share: BodyShare): void {
    this.#bodies.set(slot, share);
  }

  #giveBackBody(slot: number): void {
    this.#bodies.get(slot)?.giveBack();
    this.#bodies.delete(slot);
  }

  #forgetAnswer(slot: number): void {
    this.#answers.get(slot)?.cancel();
    this.#answers.delete(slot);
  }

  backlogOf(slot: number): StreamBacklog | undefined {
    return this.#backlogs.get(slot);
  }

  setBacklog(slot: number, backlog: StreamBacklog): void {
    this.#backlogs.set(slot, backlog);
  }

  /** The slots of open watches. */
  *watching(): Generator<number> {
    for (let slot = 0; slot < this.#states.length; slot++) {
      if (this.#states[slot] === SlotState.watching) yield slot;
    }
  }
}
