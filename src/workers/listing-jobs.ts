/** Listings that take more than one slice: each turn gives one of them its share, so that other commands go on. */
import type { Listing } from '../store/listing.ts';
import type { ListingRoom } from './listing-room.ts';
import type { ReplyWriter, Stamp } from './reply-writer.ts';

/** Stamped when the listing was asked for. */
interface ListingJob extends Stamp {
  readonly listing: Listing;
  readonly replies: ReplyWriter;
  readonly slot: number;
  readonly format: number;
}

export class ListingJobs {
  readonly #jobs: ListingJob[] = [];
  readonly #room: ListingRoom;
  readonly #onFullHeap: (replies: ReplyWriter, slot: number, format: number) => void;

  /** @param onFullHeap answers who asked for a listing that found no room in the heap. */
  constructor(room: ListingRoom, onFullHeap: (replies: ReplyWriter, slot: number, format: number) => void) {
    this.#room = room;
    this.#onFullHeap = onFullHeap;
  }

  get areWaiting(): boolean {
    return this.#jobs.length > 0;
  }

  /** Whether there is memory for another. */
  get haveRoom(): boolean {
    return !this.#room.isFull;
  }

  /** Answers at once when one slice is enough. @param replies stamped. */
  begin(listing: Listing, replies: ReplyWriter, slot: number, format: number): void {
    const { gate, etcdIndex, raftIndex } = replies;
    this.#room.take(listing.heldBytes);
    this.#step({ listing, replies, slot, format, gate, etcdIndex, raftIndex });
  }

  /** Gives the oldest that is not complete its share of the turn, and then the others theirs. @returns how many had one. */
  continue(): number {
    const job = this.#jobs.shift();
    if (job === undefined) return 0;
    this.#step(job);
    return 1;
  }

  /** Gives them all up: whoever takes them must answer. */
  takeAll(): ListingJob[] {
    const jobs = this.#jobs.splice(0);
    for (const { listing } of jobs) this.#room.take(-listing.heldBytes);
    return jobs;
  }

  #step(job: ListingJob): void {
    const { replies, slot, format, listing } = job;
    const beforeBytes = listing.heldBytes;
    const isComplete = listing.lacksRoom || listing.step();
    this.#room.take(listing.heldBytes - beforeBytes);
    if (listing.lacksRoom) {
      this.#room.take(-listing.heldBytes);
      this.#onFullHeap(replies, slot, format);
      return;
    }
    const isGivenUp = this.#room.isTooMuch(listing.heldBytes);
    if (!isComplete && !isGivenUp) {
      this.#jobs.push(job);
      return;
    }
    this.#room.take(-listing.heldBytes);
    if (isGivenUp) replies.listingRefused(slot);
    else replies.answerInParts(slot, format, listing.takeParts(), job);
  }
}
