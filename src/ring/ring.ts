/**
 * A ring of frames of varying size between two threads: one produces, one consumes, and neither ever waits in here.
 * After Agrona's OneToOneRingBuffer; a batch is published by one store of the tail and freed by one store of the head.
 *
 *   memory       0         128    132      256    260      384            384 + capacity
 *                ┌─────────┬──────┬─────────┬──────┬─────────┬────────────────┐
 *                │ spacing │ head │ spacing │ tail │ spacing │ data: frames   │
 *                └─────────┴──────┴─────────┴──────┴─────────┴────────────────┘
 *
 *   frame        0      4          8         8 + size          next multiple of 8
 *                ┌──────┬──────────┬─────────┬─────────────────┐
 *                │ size │ position │ payload │ 0 to 7 unused   │      size and position are int32, little endian
 *                └──────┴──────────┴─────────┴─────────────────┘
 *
 *   field        writer     meaning
 *   head         consumer   position up to which all frames are free again
 *   tail         producer   position up to which all frames are published
 *   frame        producer   size is -1 in a padding frame, which fills the data area up to its end
 *
 * A position counts bytes for ever, as an int32 that wraps around; its offset in the data area is `position & mask`,
 * as the capacity divides 2^32. Positions are compared by difference, never by size: `(tail - head) | 0` is what lies
 * between them, from 0 to the capacity, and the capacity is at most 2^30 so that the difference never looks negative.
 *
 * What makes a reading valid. The producer writes a frame with plain stores and then stores the tail; the consumer
 * loads the tail and then reads with plain loads. Atomics order the two: who sees the tail sees all frames before it.
 * The other way round, the consumer stores the head when it has done with the frames, and the producer writes over
 * them only after it has seen that head. In between nobody writes. Each frame carries its own position, so that a
 * consumer which lost its step, or met a frame of an earlier round, stops instead of reading nonsense.
 *
 * Why back-pressure cannot deadlock. The ring itself only says "full" or "nothing yet"; how to wait is the caller's
 * choice. Whatever lies in the ring, the wait for room ends, provided that
 *   1. the frame is legal (`frameSizeBytesMax`): two of that size fit, so with its padding it fits an empty ring
 *      wherever the tail is;
 *   2. who waits for room has published all it claimed, in this ring and in every other ring for whose frames the one
 *      may wait that makes the room: unpublished frames take room that no consumer can free. (The store worker keeps a
 *      few replies unpublished, but never what goes into the journal, for which front ends wait.)
 *   3. who parks has published all, and released all it stepped over: such frames take room although the ring looks empty to it;
 *   4. the waiting goes in no circle. Front ends never wait for room, they keep their commands and go on taking
 *      replies; the store worker waits for front ends and for the journal worker, the journal worker for the disk.
 * `test/ring/protocol.test.ts` walks through all interleavings, and shows that 2, 3 and 4 are needed.
 */
import { assert } from '../base/assert.ts';

/** Two lines of 64 bytes, as processors fetch them in pairs; then it does not matter where the memory begins. */
const LINE_SIZE_BYTES = 128;
const HEAD = LINE_SIZE_BYTES / Int32Array.BYTES_PER_ELEMENT;
const TAIL = 2 * HEAD;
const DATA_AT_BYTES = 3 * LINE_SIZE_BYTES;

const FRAME_HEAD_SIZE_BYTES = 8;
const FRAME_POSITION_AT_BYTES = 4;
const PADDING = -1;

const CAPACITY_BYTES_MIN = 64;
const CAPACITY_BYTES_MAX = 2 ** 30;

assert(2 * framedSizeBytes(CAPACITY_BYTES_MIN / 4) <= CAPACITY_BYTES_MIN, 'a frame and its padding fit an empty ring');

/**
 * Memory for a ring, to be handed to one RingProducer and one RingConsumer.
 * @param capacityBytes room for frames: a power of two, 64 bytes to 1 GiB.
 */
export function createRingMemory(capacityBytes: number): SharedArrayBuffer {
  assertCapacity(capacityBytes);
  return new SharedArrayBuffer(DATA_AT_BYTES + capacityBytes);
}

/** How full a ring is. Any thread may look, and many can. */
export class RingGauge {
  readonly capacityBytes: number;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.capacityBytes = capacityOf(memory);
    this.#words = new Int32Array(memory, 0, DATA_AT_BYTES / Int32Array.BYTES_PER_ELEMENT);
  }

  /** How much is taken by frames published and not yet freed; a moment's truth. */
  get usedBytes(): number {
    // The head first: what is freed in between makes the answer too large, and never negative.
    const head = Atomics.load(this.#words, HEAD);
    return Math.min((Atomics.load(this.#words, TAIL) - head) | 0, this.capacityBytes);
  }
}

/** The writing end. It belongs to one thread. */
export class RingProducer {
  /** The data area; the offsets that `tryClaim` returns index into it, and into `view`. */
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly capacityBytes: number;
  /** Of the payload. What is larger has to travel beside the ring. */
  readonly frameSizeBytesMax: number;
  readonly #words: Int32Array;
  /** Behind the last claim; ahead of the tail in memory by what is claimed and not yet published. */
  #tail: number;
  #headSeen: number;

  constructor(memory: SharedArrayBuffer) {
    this.capacityBytes = capacityOf(memory);
    this.frameSizeBytesMax = this.capacityBytes / 4;
    this.bytes = Buffer.from(memory, DATA_AT_BYTES, this.capacityBytes);
    this.view = new DataView(memory, DATA_AT_BYTES, this.capacityBytes);
    this.#words = new Int32Array(memory, 0, DATA_AT_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#tail = Atomics.load(this.#words, TAIL);
    this.#headSeen = Atomics.load(this.#words, HEAD);
  }

  /**
   * Claims room for a frame behind those already claimed. The consumer sees none of them before `publish`.
   * @param sizeBytes of the payload, 0 included; more than `frameSizeBytesMax` throws.
   * @returns offset of the payload, a multiple of 8; -1 when the ring is full: then publish what is claimed, and retry.
   */
  tryClaim(sizeBytes: number): number {
    assert(
      sizeBytes >>> 0 === sizeBytes && sizeBytes <= this.frameSizeBytesMax,
      'a frame has a size that the ring takes',
    );
    const position = this.#tail;
    const offset = position & (this.capacityBytes - 1);
    const toEndBytes = this.capacityBytes - offset;
    const neededBytes = framedSizeBytes(sizeBytes);
    if (neededBytes > toEndBytes) return this.#tryClaimAtStart(sizeBytes, toEndBytes);
    if (!this.#hasRoom(neededBytes)) return -1;
    this.#writeFrameHead(offset, sizeBytes, position);
    this.#tail = (position + neededBytes) | 0;
    return offset + FRAME_HEAD_SIZE_BYTES;
  }

  /** Makes all claimed frames visible at once. */
  publish(): void {
    Atomics.store(this.#words, TAIL, this.#tail); // Whoever sees this tail sees the frames before it.
  }

  /** A frame is never split: what is left at the end becomes padding, claimed and published together with the frame. */
  #tryClaimAtStart(sizeBytes: number, paddingBytes: number): number {
    const neededBytes = framedSizeBytes(sizeBytes);
    if (!this.#hasRoom(paddingBytes + neededBytes)) return -1;
    this.#writeFrameHead(this.capacityBytes - paddingBytes, PADDING, this.#tail);
    const position = (this.#tail + paddingBytes) | 0;
    this.#writeFrameHead(0, sizeBytes, position);
    this.#tail = (position + neededBytes) | 0;
    return FRAME_HEAD_SIZE_BYTES;
  }

  #hasRoom(neededBytes: number): boolean {
    // We trust our last sight of the head until the ring looks full: a stale head is only ever too small, so the
    // error is a needless refresh, and the consumer's line stays in its cache. Justified by native-bench/micro.
    if (((this.#tail - this.#headSeen) | 0) + neededBytes <= this.capacityBytes) return true;
    this.#headSeen = Atomics.load(this.#words, HEAD);
    const usedBytes = (this.#tail - this.#headSeen) | 0;
    assert(usedBytes >= 0 && usedBytes <= this.capacityBytes, 'the head is between the tail and a capacity behind it');
    return usedBytes + neededBytes <= this.capacityBytes;
  }

  #writeFrameHead(offset: number, sizeBytes: number, position: number): void {
    this.view.setInt32(offset, sizeBytes, true);
    this.view.setInt32(offset + FRAME_POSITION_AT_BYTES, position, true);
  }
}

/** The reading end. It belongs to one thread. */
export class RingConsumer {
  /** The data area; `frameOffset` indexes into it, and into `view`. */
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Of the current frame's payload. What lies there is valid until `release`. */
  frameOffset = 0;
  frameSizeBytes = 0;
  readonly #words: Int32Array;
  readonly #capacityBytes: number;
  /** Behind the current frame. */
  #position: number;
  /** Of the current frame; equal to `#position` when there is none to step back over. */
  #previous: number;
  #tailSeen: number;

  constructor(memory: SharedArrayBuffer) {
    this.#capacityBytes = capacityOf(memory);
    this.bytes = Buffer.from(memory, DATA_AT_BYTES, this.#capacityBytes);
    this.view = new DataView(memory, DATA_AT_BYTES, this.#capacityBytes);
    this.#words = new Int32Array(memory, 0, DATA_AT_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#position = Atomics.load(this.#words, HEAD);
    this.#previous = this.#position;
    this.#tailSeen = this.#position;
  }

  /** Steps to the next frame. @returns false when nothing more is published; then the current frame stays. */
  next(): boolean {
    let position = this.#position;
    // As in the producer, mirrored: a stale tail only hides frames until we have finished those we know of.
    if (position === this.#tailSeen && !this.#refreshTail()) return false;
    let sizeBytes = this.#readFrameHead(position);
    if (sizeBytes === PADDING) {
      position = (position + this.#capacityBytes - (position & (this.#capacityBytes - 1))) | 0;
      sizeBytes = this.#readFrameHead(position);
    }
    assert(sizeBytes >= 0 && sizeBytes <= this.#capacityBytes / 4, 'a frame has a size that the ring takes');
    this.frameOffset = (position & (this.#capacityBytes - 1)) + FRAME_HEAD_SIZE_BYTES;
    this.frameSizeBytes = sizeBytes;
    this.#previous = position;
    this.#position = (position + framedSizeBytes(sizeBytes)) | 0;
    return true;
  }

  /**
   * Looks at the frames to come without stepping: those that were there when `next` last looked, the empty ones left out.
   * @param offsets is filled with where their payloads begin in `bytes`. @returns how many these are.
   */
  lookAhead(offsets: Int32Array): number {
    let position = this.#position;
    let count = 0;
    while (position !== this.#tailSeen && count < offsets.length) {
      const sizeBytes = this.#readFrameHead(position);
      const offset = position & (this.#capacityBytes - 1);
      if (sizeBytes > 0) offsets[count++] = offset + FRAME_HEAD_SIZE_BYTES;
      position = (position + (sizeBytes === PADDING ? this.#capacityBytes - offset : framedSizeBytes(sizeBytes))) | 0;
    }
    return count;
  }

  /** Steps back, so that `next` gives the current frame again. It is for a frame that is neither unread nor released. */
  unread(): void {
    assert(this.#previous !== this.#position, 'there is a frame to step back over');
    this.#position = this.#previous;
  }

  /** Frees all frames stepped over, at once. Do it before parking: the producer may be waiting for the room. */
  release(): void {
    this.#previous = this.#position;
    Atomics.store(this.#words, HEAD, this.#position); // Whoever sees this head may write over the frames before it.
  }

  /** Whether there is nothing to step to. Looks at the shared tail each time: this is for the check before parking. */
  isEmpty(): boolean {
    return this.#position === Atomics.load(this.#words, TAIL);
  }

  #refreshTail(): boolean {
    this.#tailSeen = Atomics.load(this.#words, TAIL);
    const aheadBytes = (this.#tailSeen - this.#position) | 0;
    assert(aheadBytes >= 0 && aheadBytes <= this.#capacityBytes, 'the tail is at most a capacity ahead');
    return aheadBytes > 0;
  }

  #readFrameHead(position: number): number {
    const offset = position & (this.#capacityBytes - 1);
    const found = this.view.getInt32(offset + FRAME_POSITION_AT_BYTES, true);
    assert(found === position, 'a frame is where its position says');
    return this.view.getInt32(offset, true);
  }
}

function framedSizeBytes(sizeBytes: number): number {
  return (sizeBytes + FRAME_HEAD_SIZE_BYTES + 7) & ~7;
}

function capacityOf(memory: SharedArrayBuffer): number {
  const capacityBytes = memory.byteLength - DATA_AT_BYTES;
  assertCapacity(capacityBytes);
  return capacityBytes;
}

function assertCapacity(capacityBytes: number): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(capacityBytes));
  const isInRange = capacityBytes >= CAPACITY_BYTES_MIN && capacityBytes <= CAPACITY_BYTES_MAX;
  assert(isPowerOfTwo && isInRange, 'the capacity of a ring is a power of two, 64 bytes to 1 GiB');
}
