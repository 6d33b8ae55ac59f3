/**
 * Gives events to the streams that wait for them. What a batch of reply frames has for one stream leaves together: a
 * send costs more than all else that an event costs here, and events come in crowds when a crowd of keys expires
 * (native-bench, "expiry").
 *
 * Each event is a chunk of its own, followed by the first byte of the next one, so that its chunk is closed (README,
 * limits). Once a write meets back-pressure the rest waits in the stream's backlog.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { copyOf } from '../../base/bytes.ts';
import { SlotState, type Slots } from './slots.ts';
import { PART_SIZE_BYTES_MAX, StreamBacklog } from './stream-backlog.ts';
import { TurnQueue, type TurnShare } from './turn-queue.ts';

/** Every event begins with this byte, and headers leave with the first byte only. */
export const OPENING_BRACE = new Uint8Array([0x7b]);

/** What goes into one cork, whose buffer has 16 KB (uWebSockets.js issue 1249): events, each with what makes it a chunk. */
const CORKED_SIZE_BYTES_MAX = 8 * 1024;

export class StreamWriter {
  readonly #slots: Slots;
  readonly #backlogBytesMax: number;
  readonly #onSlow: (slot: number) => void;
  /** By slot, what it is to be given; the arrays are used again. */
  readonly #pieces: (Uint8Array[] | undefined)[] = [];
  /** By slot, their bytes. */
  readonly #sizesBytes: number[] = [];
  /** Slots that have pieces. */
  readonly #queue: TurnQueue;
  /** Those that were given pieces since the last flush: these are in the ring still. */
  readonly #fresh: number[] = [];
  /** Copies of pieces outside of the ring, made where a stream has to wait, for all such streams. */
  readonly #copies = new Map<Uint8Array, Uint8Array>();
  readonly #isCopy = new WeakSet<Uint8Array>();
  /** What `#writeCorked` writes: fields instead of a closure a stream. */
  #response: HttpResponse | undefined;
  #current: readonly Uint8Array[] = [];
  #written = 0;
  /** How much of a large piece has been written. */
  #offsetBytes = 0;
  #isBlocked = false;

  /** @param onSlow gets the slot of a stream whose client is more than `backlogBytesMax` behind: it is to be dropped. */
  constructor(slots: Slots, backlogBytesMax: number, onSlow: (slot: number) => void, queue = new TurnQueue()) {
    this.#slots = slots;
    this.#queue = queue;
    this.#backlogBytesMax = backlogBytesMax;
    this.#onSlow = onSlow;
  }

  /** Whether streams wait for their turn. */
  get hasWaiting(): boolean {
    return !this.#queue.isEmpty;
  }

  /** Notes an event without its first byte, which went out before. The bytes must hold until the next flush. */
  add(slot: number, rest: Uint8Array): void {
    let pieces = this.#pieces[slot];
    if (pieces === undefined) {
      pieces = [];
      this.#pieces[slot] = pieces;
      this.#sizesBytes[slot] = 0;
    }
    if (pieces.length === 0) this.#queue.add(slot);
    pieces.push(rest);
    this.#sizesBytes[slot] = (this.#sizesBytes[slot] as number) + rest.length;
    this.#fresh.push(slot);
  }

  /** Writes what was noted: a turn's share of it, or all. */
  flush(share: TurnShare = 'turn'): void {
    if (!this.hasWaiting) return;
    this.#queue.serve(share, this.#serve);
    for (const slot of this.#fresh) this.#takeOutOfRing(slot);
    this.#fresh.length = 0;
    if (this.#copies.size > 0) this.#copies.clear();
  }

  readonly #serve = (slot: number): void => {
    const pieces = this.#pieces[slot] as Uint8Array[];
    if (this.#slots.stateOf(slot) === SlotState.watching) this.#give(slot, pieces);
    this.forget(slot);
  };

  /** Nothing more is said to the stream of a slot: another may have it soon. */
  forget(slot: number): void {
    const pieces = this.#pieces[slot];
    if (pieces === undefined) return;
    pieces.length = 0;
    this.#sizesBytes[slot] = 0;
  }

  /** Of the arrays of streams that are gone. */
  letGo(): void {
    if (this.hasWaiting) return;
    const { length } = this.#pieces;
    for (let slot = 0; slot < length; slot++) if (this.#slots.isFree(slot)) this.#pieces[slot] = undefined;
  }

  /** Whoever waits for the next turn keeps its pieces for that long, as far as a stream may be behind. */
  #takeOutOfRing(slot: number): void {
    const pieces = this.#pieces[slot] as Uint8Array[];
    if (pieces.length === 0) return;
    if ((this.#sizesBytes[slot] as number) > this.#backlogBytesMax) {
      this.forget(slot);
      this.#onSlow(slot);
      return;
    }
    for (let position = pieces.length - 1; position >= 0; position--) {
      const piece = pieces[position] as Uint8Array;
      if (this.#isCopy.has(piece)) return;
      pieces[position] = this.#copyOf(piece);
    }
  }

  #give(slot: number, pieces: readonly Uint8Array[]): void {
    const backlog = this.#slots.backlogOf(slot);
    if (backlog !== undefined && !backlog.isDrained) {
      this.#keep(slot, backlog, pieces, 0, 0);
      return;
    }
    const response = this.#slots.responseOf(slot);
    this.#response = response;
    this.#current = pieces;
    this.#written = 0;
    this.#offsetBytes = 0;
    this.#isBlocked = false;
    while (this.#written < pieces.length && !this.#isBlocked) {
      const isLarge = (pieces[this.#written] as Uint8Array).length > CORKED_SIZE_BYTES_MAX;
      response.cork(isLarge ? this.#writePart : this.#writeCorked);
    }
    if (!this.#isBlocked) return;
    this.#keep(slot, this.#stalled(slot, response, backlog), pieces, this.#written, this.#offsetBytes);
  }

  /** Of a large piece: each part is a send. Outside of a cork the library would write, too, and a warning to stderr each time. */
  readonly #writePart = (): void => {
    const piece = this.#current[this.#written] as Uint8Array;
    const endBytes = Math.min(this.#offsetBytes + PART_SIZE_BYTES_MAX, piece.length);
    const part = piece.subarray(this.#offsetBytes, endBytes);
    this.#offsetBytes = endBytes;
    const response = this.#response as HttpResponse;
    if (!response.write(part)) this.#isBlocked = true;
    if (endBytes < piece.length) return;
    this.#offsetBytes = 0;
    this.#written++;
    if (!response.write(OPENING_BRACE)) this.#isBlocked = true;
  };

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

  /** @param offsetBytes how much of the first of them has been written. */
  #keep(slot: number, backlog: StreamBacklog, pieces: readonly Uint8Array[], from: number, offsetBytes: number): void {
    for (let position = from; position < pieces.length; position++) {
      let copy = this.#copyOf(pieces[position] as Uint8Array);
      if (position === from && offsetBytes > 0) copy = copy.subarray(offsetBytes);
      if (backlog.add(copy) && backlog.add(OPENING_BRACE)) continue;
      this.#onSlow(slot);
      return;
    }
  }

  #copyOf(piece: Uint8Array): Uint8Array {
    if (this.#isCopy.has(piece)) return piece;
    let copy = this.#copies.get(piece);
    if (copy === undefined) {
      copy = copyOf(piece);
      this.#copies.set(piece, copy);
      this.#isCopy.add(copy);
    }
    return copy;
  }
}
