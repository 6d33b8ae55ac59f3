/**
 * The memory of large listings, from the references that one begins with to the last byte that its client takes: ten
 * thousand clients that ask for all keys and read slowly must not fill it.
 *
 *   begun, rendered …                       handed over           sent, or its client has gone
 *   ├── counted here ───────────────────────┼── `listedKb` less LISTINGS_LEFT ──┤
 *
 * How large a listing gets nobody knows before it is rendered. So while there is room all go on, and where it ends the one
 * that wants more is given up, then the next, until what is left finds room. The last one may be as large as it likes: a
 * listing above the bound is given while there is no other.
 */
import type { SharedWords } from '../frame/shared-words.ts';
import type { ReplyWriter } from './reply-writer.ts';

const KB = 1024;

export class ListingRoom {
  readonly #sizeBytesMax: number;
  readonly #replies: readonly ReplyWriter[];
  readonly #words: SharedWords;
  #begunBytes = 0;

  /** @param replies of all front ends, by number. */
  constructor(sizeBytesMax: number, replies: readonly ReplyWriter[], words: SharedWords) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#replies = replies;
    this.#words = words;
  }

  /** Of listings that are not complete. @param moreBytes less than 0 for what is handed over or given up. */
  take(moreBytes: number): void {
    this.#begunBytes += moreBytes;
  }

  /** Whether no other may begin. */
  get isFull(): boolean {
    return this.#usedBytes() >= this.#sizeBytesMax;
  }

  /** Whether a listing that takes so much must be given up, for the sake of others. */
  isTooMuch(ownBytes: number): boolean {
    const usedBytes = this.#usedBytes();
    return usedBytes > this.#sizeBytesMax && usedBytes > ownBytes;
  }

  #usedBytes(): number {
    let usedBytes = this.#begunBytes;
    for (const [number, { listedKb }] of this.#replies.entries()) {
      usedBytes += ((listedKb - this.#words.listingsLeftKb(number)) | 0) * KB;
    }
    return usedBytes;
  }
}
