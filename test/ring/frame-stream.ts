/**
 * An endless sequence of frames that two threads draw from the same seed: one writes them, the other knows what must
 * come. The content of a frame depends on its number, so that no frame can pass for another.
 */
import type { RingConsumer, RingProducer } from '../../src/ring/ring.ts';

/** Small random numbers, fast and good enough: xorshift32. */
export class RandomNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** @returns an integer from 0 to `below` - 1, for `below` up to 65536. */
  next(below: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return ((state >>> 16) * below) >>> 16;
  }
}

export class FrameStream {
  /** Of the frame that is to come. */
  number = 0;
  sizeBytes = 0;
  readonly #sizes: RandomNumbers;
  readonly #sizeBytesMax: number;

  constructor(seed: number, sizeBytesMax: number) {
    this.#sizes = new RandomNumbers(seed);
    this.#sizeBytesMax = sizeBytesMax;
    this.#drawSize();
  }

  step(): void {
    this.number++;
    this.#drawSize();
  }

  write({ view }: RingProducer, offset: number): void {
    const end = offset + this.sizeBytes;
    let word = firstWordOf(this.number);
    let at = offset;
    for (; at + 4 <= end; at += 4, word = wordAfter(word)) view.setInt32(at, word, true);
    for (; at < end; at++, word = wordAfter(word)) view.setInt8(at, word);
  }

  /** @throws when the current frame is not the one that is to come. */
  check({ view, frameOffset, frameSizeBytes }: RingConsumer): void {
    const end = frameOffset + this.sizeBytes;
    let isRight = frameSizeBytes === this.sizeBytes;
    let word = firstWordOf(this.number);
    let at = frameOffset;
    for (; at + 4 <= end; at += 4, word = wordAfter(word)) isRight &&= view.getInt32(at, true) === word;
    for (; at < end; at++, word = wordAfter(word)) isRight &&= view.getInt8(at) === (word << 24) >> 24;
    if (!isRight) throw new Error(`frame ${this.number} of ${this.sizeBytes} bytes is another, or damaged`);
  }

  /** Mostly small, as requests are; empty ones, and now and then one of up to the largest size. */
  #drawSize(): void {
    const sizes = this.#sizes;
    const below = sizes.next(64) === 0 ? this.#sizeBytesMax + 1 : Math.min(this.#sizeBytesMax + 1, 128);
    this.sizeBytes = sizes.next(below);
  }
}

function firstWordOf(number: number): number {
  return Math.imul(number + 1, 0x9e3779b1);
}

function wordAfter(word: number): number {
  return (word + 0x6a09e667) | 0;
}
