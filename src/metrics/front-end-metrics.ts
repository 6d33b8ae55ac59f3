/**
 * What one front end counts, in shared memory that only its thread writes.
 *
 *   words   received, by operation │ failed, by operation and status │ counters │ histograms
 *
 * Per request that is: one addition when it is sent, one record of a histogram when it is answered. No clock is looked at
 * here; see `StoreClient` for how one look serves many requests.
 */
import { Counted, createCountedMemory } from './counted.ts';
import { HISTOGRAM_WORDS, type HistogramReading, UNITS_PER_MS } from './histogram.ts';
import { OPERATIONS_COUNT, type Operation } from './operation.ts';

export const Counter = {
  /** Refused by the grammar, so never handed to the store. */
  refused: 0,
  /** Refused because there are as many watches, or requests in flight, as there may be. */
  tooManyWatchers: 1,
  tooManyRequests: 2,
  /** The client went away before its answer was there. */
  abandoned: 3,
  /** Answered later than `--slow-request-ms`. */
  slow: 4,
  /** Events times those who were sent them. */
  eventsSent: 5,
  slowWatchersClosed: 6,
  healthSuccess: 7,
  healthFailure: 8,
  parks: 9,
  /** Gauge: requests that wait for their answer. */
  inFlight: 10,
  /** Gauge: commands that wait for room, as the last turn of the event loop has left them. */
  queued: 11,
  /** V8's heap of the thread, as its last garbage collection has left it, or as it was when it worded a page. */
  heapUsedBytes: 12,
  heapSizeBytes: 13,
  /** Gauge: open connections of clients, those of a port for metrics left out. */
  connections: 14,
  /** Closed with a 503 as soon as they were there: there were as many as there may be. */
  tooManyConnections: 15,
  /** Refused because the bodies of others take all the room that there is for bodies. */
  tooManyBodyBytes: 16,
  /** Gauge: what large bodies take whose requests are not answered yet. */
  bodyBytes: 17,
  tooManyClientWatchers: 18,
  /** Reads answered without the store. */
  keptReads: 19,
  /** Large answers cut off: the reader took nothing for too long, or went away. */
  largeAnswersStalled: 20,
  largeAnswersLeft: 21,
  /** Listings that were compressed, and their bytes before and after. */
  gzipAnswers: 22,
  gzipInBytes: 23,
  gzipOutBytes: 24,
  /** Collections of garbage because there was nothing to do, and by how much they have made the heap smaller. */
  idleCollections: 25,
  givenBackBytes: 26,
  /** Gauge: what large answers take that their readers do not have yet. */
  answerBytes: 27,
  /** Refused, or closed, because those take all the room that there is for answers. */
  tooManyAnswerBytes: 28,
  /** Refused for want of a right, or because too many passwords wait to be checked. */
  denied: 29,
  tooManyPasswords: 30,
} as const;
export type Counter = (typeof Counter)[keyof typeof Counter];

export const GcKind = { minor: 0, major: 1, other: 2 } as const;

/** Statuses of refusals that the store gives; the last place is for any other. */
const FAILED_STATUSES = [400, 403, 404, 412, 500, 503, 507, 0] as const;
const FAILED_PLACES = 8;
const OTHER_STATUS_PLACE = FAILED_STATUSES.length - 1;
/** By status. */
const PLACES = new Uint8Array(600).fill(OTHER_STATUS_PLACE);
for (const [place, status] of FAILED_STATUSES.entries()) if (status > 0) PLACES[status] = place;

const COUNTERS_PLACES = 32;
const RECEIVED_AT = 0;
const FAILED_AT = OPERATIONS_COUNT;
const COUNTERS_AT = FAILED_AT + OPERATIONS_COUNT * FAILED_PLACES;
const HISTOGRAMS_AT = COUNTERS_AT + COUNTERS_PLACES;

const Which = {
  success: 0,
  failure: OPERATIONS_COUNT,
  turn: 2 * OPERATIONS_COUNT,
  gc: 2 * OPERATIONS_COUNT + 1,
} as const;
const HISTOGRAMS_COUNT = Which.gc + Object.keys(GcKind).length;
const WORDS = HISTOGRAMS_AT + HISTOGRAMS_COUNT * HISTOGRAM_WORDS;

export interface FailedCount {
  readonly operation: Operation;
  /** 0 for any that the store does not give. */
  readonly status: number;
  readonly count: number;
}

export class FrontEndMetrics extends Counted {
  static createMemory(): SharedArrayBuffer {
    return createCountedMemory(WORDS);
  }

  constructor(memory: SharedArrayBuffer) {
    super(memory, HISTOGRAMS_AT);
  }

  /** A request has passed the grammar and goes to the store. */
  received(operation: Operation): void {
    this.#add(RECEIVED_AT + operation, 1);
  }

  /** The answer of the store to it is about to be written. */
  answered(operation: Operation, status: number, tookMs: number): void {
    if (status < 400) this.histograms.record(Which.success + operation, tookMs * UNITS_PER_MS);
    else this.#failed(operation, status, tookMs);
  }

  #failed(operation: Operation, status: number, tookMs: number): void {
    this.histograms.record(Which.failure + operation, tookMs * UNITS_PER_MS);
    this.#add(FAILED_AT + operation * FAILED_PLACES + (PLACES[status] ?? OTHER_STATUS_PLACE), 1);
  }

  /** One turn of the event loop, from its beginning to its end. */
  turned(tookMs: number): void {
    this.histograms.record(Which.turn, tookMs * UNITS_PER_MS);
  }

  /** Answers that are due: whenever that has changed, since much of it does in no turn. */
  noteInFlight(inFlight: number): void {
    this.set(Counter.inFlight, inFlight);
  }

  /** Commands that wait for room, as a turn leaves them. */
  noteQueued(queued: number): void {
    this.set(Counter.queued, queued);
  }

  /** @param kind of `GcKind`. */
  collected(kind: number, tookMs: number): void {
    this.histograms.record(Which.gc + kind, tookMs * UNITS_PER_MS);
  }

  count(counter: Counter, more = 1): void {
    this.#add(COUNTERS_AT + counter, more);
  }

  set(counter: Counter, value: number): void {
    this.words[COUNTERS_AT + counter] = value;
  }

  get(counter: Counter): number {
    return this.words[COUNTERS_AT + counter] as number;
  }

  receivedCount(operation: Operation): number {
    return this.words[RECEIVED_AT + operation] as number;
  }

  /** Those that are not 0. */
  failedCounts(): FailedCount[] {
    const counts: FailedCount[] = [];
    for (let operation = 0; operation < OPERATIONS_COUNT; operation++) {
      for (const [place, status] of FAILED_STATUSES.entries()) {
        const count = this.words[FAILED_AT + operation * FAILED_PLACES + place] as number;
        if (count > 0) counts.push({ operation: operation as Operation, status, count });
      }
    }
    return counts;
  }

  successDurations(operation: Operation): HistogramReading {
    return this.histograms.read(Which.success + operation);
  }

  failureDurations(operation: Operation): HistogramReading {
    return this.histograms.read(Which.failure + operation);
  }

  turnDurations(): HistogramReading {
    return this.histograms.read(Which.turn);
  }

  gcPauses(kind: number): HistogramReading {
    return this.histograms.read(Which.gc + kind);
  }

  #add(at: number, more: number): void {
    this.words[at] = (this.words[at] as number) + more;
  }
}
