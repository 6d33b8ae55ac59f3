/** Listings that take more than one slice: each turn gives one of them its share, so that other commands go on. */
import type { Listing } from '../store/listing.ts';
import type { ReplyWriter } from './reply-writer.ts';

interface ListingJob {
  readonly listing: Listing;
  readonly replies: ReplyWriter;
  readonly slot: number;
  readonly format: number;
  /** As they were when the listing was asked for. */
  readonly gate: number;
  readonly etcdIndex: number;
  readonly raftIndex: number;
}

export class ListingJobs {
  readonly #jobs: ListingJob[] = [];

  get areWaiting(): boolean {
    return this.#jobs.length > 0;
  }

  /** Answers at once when one slice is enough. @param replies stamped. */
  begin(listing: Listing, replies: ReplyWriter, slot: number, format: number): void {
    const { gate, etcdIndex, raftIndex } = replies;
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
    return this.#jobs.splice(0);
  }

  #step(job: ListingJob): void {
    if (!job.listing.step()) {
      this.#jobs.push(job);
      return;
    }
    const { replies, slot, format, listing, gate, etcdIndex, raftIndex } = job;
    replies.answerInParts(slot, format, listing.takeParts(), gate, etcdIndex, raftIndex);
  }
}
