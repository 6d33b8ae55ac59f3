/**
 * Gives events to the streams that wait for them. What a batch of reply frames has for one stream leaves together: a
 * send costs more than all else that an event costs here, and events come in crowds when a crowd of keys expires
 * (native-bench, "expiry").
 *
 * Each event is a chunk of its own, followed by the first byte of the next one, so that its chunk is closed (README,
 * limits). Once a write meets back-pressure the rest waits in the stream's backlog.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { SlotState, type Slots } from './slots.ts';
import { StreamBacklog } from './stream-backlog.ts';

/** Every event begins with this byte, and headers leave with the first byte only. */
export const OPENING_BRACE = new Uint8Array([0x7b]);

/** What goes into one cork (uWebSockets.js issue 1249); a larger event is written outside. */
const CORKED_SIZE_BYTES_MAX = 8 * 1024;

export class StreamWriter {
  readonly #slots: Slots;
  readonly #backlogBytesMax: number;
  readonly #onSlow: (slot: number) => void;
  /** By slot, what it is to be given; the arrays are used again. */
  readonly #pieces: Uint8Array[][] = [];
  readonly #waiting: number[] = [];
  /** Copies of pieces outside of the ring, made where a stream has a backlog, for all such streams. */
  readonly #copies = new Map<Uint8Array, Uint8Array>();
  /** What `#writeCorked` writes: fields instead of a closure a stream. */
  #response: HttpResponse | undefined;
  #current: readonly Uint8Array[] = [];
  #written = 0;
  #isBlocked = false;

  /** @param onSlow gets the slot of a stream whose client is more than `backlogBytesMax` behind: it is to be dropped. */
  constructor(slots: Slots, backlogBytesMax: number, onSlow: (slot: number) => void) {
    this.#slots = slots;
    this.#backlogBytesMax = backlogBytesMax;
    this.#onSlow = onSlow;
  }

  /** Notes an event without its first byte, which went out before. The bytes must hold until `flush`. */
  add(slot: number, rest: Uint8Array): void {
    const pieces = this.#pieces[slot];
    if (pieces === undefined) this.#pieces[slot] = [rest];
    else pieces.push(rest);
    if (pieces === undefined || pieces.length === 1) this.#waiting.push(slot);
  }

  /** Writes what was noted. */
  flush(): void {
    for (const slot of this.#waiting) {
      const pieces = this.#pieces[slot] as Uint8Array[];
      if (this.#slots.stateOf(slot) === SlotState.watching) this.#give(slot, pieces);
      pieces.length = 0;
    }
    this.#waiting.length = 0;
    if (this.#copies.size > 0) this.#copies.clear();
  }

  #give(slot: number, pieces: readonly Uint8Array[]): void {
    const backlog = this.#slots.backlogOf(slot);
    if (backlog !== undefined && !backlog.isDrained) {
      this.#keep(slot, backlog, pieces, 0);
      return;
    }
    const response = this.#slots.responseOf(slot);
    this.#response = response;
    this.#current = pieces;
    this.#written = 0;
    this.#isBlocked = false;
    while (this.#written < pieces.length && !this.#isBlocked) {
      if ((pieces[this.#written] as Uint8Array).length > CORKED_SIZE_BYTES_MAX) this.#writeOne();
      else response.cork(this.#writeCorked);
    }
    if (this.#isBlocked) this.#keep(slot, this.#stalled(slot, response, backlog), pieces, this.#written);
  }

  readonly #writeCorked = (): void => {
    let room = CORKED_SIZE_BYTES_MAX;
    while (this.#written < this.#current.length && !this.#isBlocked) {
      room -= (this.#current[this.#written] as Uint8Array).length;
      if (room < 0) return;
      this.#writeOne();
    }
  };

  #writeOne(): void {
    const response = this.#response as HttpResponse;
    if (!response.write(this.#current[this.#written++] as Uint8Array)) this.#isBlocked = true;
    if (!response.write(OPENING_BRACE)) this.#isBlocked = true;
  }

  #stalled(slot: number, response: HttpResponse, known: StreamBacklog | undefined): StreamBacklog {
    if (known !== undefined) {
      known.stall();
      return known;
    }
    const backlog = new StreamBacklog(response, this.#backlogBytesMax);
    this.#slots.setBacklog(slot, backlog);
    response.onWritable(() => {
      backlog.drain();
      return backlog.isDrained;
    });
    return backlog;
  }

  #keep(slot: number, backlog: StreamBacklog, pieces: readonly Uint8Array[], from: number): void {
    for (let position = from; position < pieces.length; position++) {
      const copy = this.#copyOf(pieces[position] as Uint8Array);
      if (backlog.add(copy) && backlog.add(OPENING_BRACE)) continue;
      this.#onSlow(slot);
      return;
    }
  }

  #copyOf(piece: Uint8Array): Uint8Array {
    let copy = this.#copies.get(piece);
    if (copy === undefined) {
      copy = new Uint8Array(piece);
      this.#copies.set(piece, copy);
    }
    return copy;
  }
}
