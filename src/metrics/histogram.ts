/**
 * Log-linear histograms in shared memory: one thread records, any thread reads.
 *
 *   words   0     1                                  BUCKETS + 1
 *           ┌─────┬──────────────────────────────────┐
 *           │ sum │ how many values in each bucket   │    float64 each, zero at first; one such row a histogram
 *           └─────┴──────────────────────────────────┘
 *
 *   bucket  0 … 15                  one value each
 *           16 … 23 · 24 … 31 · …   eight of equal width for each power of two: [16,32), [32,64), … up to 2^31
 *
 * So a value is known to an eighth of itself, whatever its size, and each power of two is the border of a bucket: bounds
 * that are powers of two can be told exactly. A larger value counts in the last bucket.
 *
 * A word has one writer, so recording needs no atomic operation: a plain load, an addition, a plain store. Readers may see
 * a sum without its bucket, or the other way round; a scrape does not mind. Float64, because a 32-bit counter is full after
 * a few hours, and because the engine loads and stores an aligned float64 in one step on every platform that we run on
 * (all are 64-bit), which is more than the language promises.
 *
 * Our own, and not a library's, since every request records: prom-client takes 310 to 350 ns for an observation and
 * hdr-histogram-js 36, both on one thread only; this takes about 10 (native-bench/micro, "metrics").
 */
const SUB_BUCKETS_BITS = 3;
const SUB_BUCKETS = 1 << SUB_BUCKETS_BITS;
/** The first of these have a bucket of their own. */
const EXACT_VALUES = 2 * SUB_BUCKETS;
const VALUE_MAX = 0x7fff_ffff;

export const BUCKETS = bucketOf(VALUE_MAX) + 1;
/** Words of one histogram. */
export const HISTOGRAM_WORDS = BUCKETS + 1;

/**
 * Durations are recorded in 1024ths of a millisecond: about microseconds, and then etcd's bounds, a half, one, two, four
 * milliseconds and so on, are powers of two.
 */
export const UNITS_PER_MS = 1024;
export const UNITS_PER_SECOND = 1000 * UNITS_PER_MS;

/** Which bucket a whole number from 0 to 2^31 - 1 falls into. */
export function bucketOf(value: number): number {
  if (value < EXACT_VALUES) return value;
  const shift = 31 - SUB_BUCKETS_BITS - Math.clz32(value);
  return (shift << SUB_BUCKETS_BITS) + (value >>> shift);
}

/** The least value of a bucket; that of the bucket behind it is the first beyond it. */
export function leastOf(bucket: number): number {
  if (bucket < EXACT_VALUES) return bucket;
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS)) * 2 ** (Math.floor(bucket / SUB_BUCKETS) - 1);
}

/** Several histograms in a row, numbered from 0. */
export class Histograms {
  readonly #words: Float64Array;
  readonly #at: number;

  /** @param at index of the first of their words. */
  constructor(words: Float64Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** @param value 0 or more; buckets take its whole part. */
  record(which: number, value: number): void {
    const words = this.#words;
    const sumAt = this.#at + which * HISTOGRAM_WORDS;
    const at = sumAt + 1 + bucketOf(value < VALUE_MAX ? value | 0 : VALUE_MAX);
    words[at] = (words[at] as number) + 1;
    words[sumAt] = (words[sumAt] as number) + value;
  }

  /** As it stands now. */
  read(which: number): HistogramReading {
    const at = this.#at + which * HISTOGRAM_WORDS;
    return new HistogramReading(this.#words.slice(at, at + HISTOGRAM_WORDS));
  }
}

/** What one histogram, or several together, have recorded. */
export class HistogramReading {
  readonly #words: Float64Array;

  constructor(words = new Float64Array(HISTOGRAM_WORDS)) {
    this.#words = words;
  }

  /** Takes in what another has recorded. */
  add(other: HistogramReading): this {
    for (let at = 0; at < HISTOGRAM_WORDS; at++) this.#words[at] = this.#word(at) + other.#word(at);
    return this;
  }

  get sum(): number {
    return this.#word(0);
  }

  get count(): number {
    return this.#countOf(BUCKETS);
  }

  /** How many values are less than `bound`, exactly when it is the border of a bucket, as powers of two are. */
  countBelow(bound: number): number {
    return this.#countOf(bound > VALUE_MAX ? BUCKETS : bucketOf(bound));
  }

  /** The middle of the bucket that `share` of all values do not exceed; 0 without values. */
  quantile(share: number): number {
    let left = Math.ceil(share * this.count);
    if (left === 0) return 0;
    let bucket = 0;
    for (left -= this.#word(1); left > 0; left -= this.#word(1 + bucket)) bucket++;
    return bucket < EXACT_VALUES ? bucket : (leastOf(bucket) + leastOf(bucket + 1)) / 2;
  }

  #countOf(buckets: number): number {
    let count = 0;
    for (let bucket = 0; bucket < buckets; bucket++) count += this.#word(1 + bucket);
    return count;
  }

  #word(at: number): number {
    return this.#words[at] as number;
  }
}
