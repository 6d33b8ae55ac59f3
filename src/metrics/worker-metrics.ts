/**
 * What one worker counts, in shared memory that only its thread writes: how its duty cycle goes, and the journal worker's
 * also what it writes and how long the disk takes.
 */
import type { Doorbell } from '../ring/doorbell.ts';
import { Counted, createCountedMemory } from './counted.ts';
import { HISTOGRAM_WORDS, type HistogramReading, UNITS_PER_MS } from './histogram.ts';

const PARKS_AT = 0;
const TIMEOUTS_AT = 1;
const WRITTEN_BYTES_AT = 2;
const IDLE_COLLECTIONS_AT = 3;
const GIVEN_BACK_BYTES_AT = 4;
const HISTOGRAMS_AT = 8;

const Which = { batch: 0, sync: 1 } as const;
const WORDS = HISTOGRAMS_AT + 2 * HISTOGRAM_WORDS;

export class WorkerMetrics extends Counted {
  static createMemory(): SharedArrayBuffer {
    return createCountedMemory(WORDS);
  }

  constructor(memory: SharedArrayBuffer) {
    super(memory, HISTOGRAMS_AT);
  }

  /** One turn of the duty cycle, which has done so much. */
  turned(pieces: number): void {
    // One less, so that the border of a bucket belongs to the bucket below it, as Prometheus has it: 1, 2, 3 to 4, 5 to 8.
    this.histograms.record(Which.batch, pieces - 1);
  }

  /** The worker has slept. */
  parked({ parks, timeouts }: Doorbell): void {
    this.words[PARKS_AT] = parks;
    this.words[TIMEOUTS_AT] = timeouts;
  }

  wrote(bytes: number): void {
    this.words[WRITTEN_BYTES_AT] = this.writtenBytes + bytes;
  }

  /** The heap has become so much smaller by a collection while there was nothing to do. */
  gaveBack(bytes: number): void {
    this.words[IDLE_COLLECTIONS_AT] = this.idleCollections + 1;
    this.words[GIVEN_BACK_BYTES_AT] = this.givenBackBytes + bytes;
  }

  synced(tookMs: number): void {
    this.histograms.record(Which.sync, tookMs * UNITS_PER_MS);
  }

  get parks(): number {
    return this.words[PARKS_AT] as number;
  }

  /** Sleeps that a ring has ended, and not their time. */
  get wakes(): number {
    return this.parks - (this.words[TIMEOUTS_AT] as number);
  }

  get idleCollections(): number {
    return this.words[IDLE_COLLECTIONS_AT] as number;
  }

  get givenBackBytes(): number {
    return this.words[GIVEN_BACK_BYTES_AT] as number;
  }

  get writtenBytes(): number {
    return this.words[WRITTEN_BYTES_AT] as number;
  }

  /** Each value is one less than the pieces of work of a turn. */
  batches(): HistogramReading {
    return this.histograms.read(Which.batch);
  }

  syncDurations(): HistogramReading {
    return this.histograms.read(Which.sync);
  }
}
