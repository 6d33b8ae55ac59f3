/**
 * Latencies as HDR histograms: three significant digits from 100 ns to 60 s. Counted in tenths of a microsecond,
 * so that every count index stays a small integer.
 */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

const TICKS_PER_MS = 10_000;
const LONGEST_MS = 60_000;
/** Those below 6.5 ms are counted by themselves first: to find the place of one in the histogram takes a logarithm and two powers. */
const SHORT_TICKS = 65_536;

export class LatencyHistogram {
  readonly #counts: Histogram;
  /** By ticks; not in `#counts` yet. */
  #short: Uint32Array | undefined;

  constructor(counts: Histogram = emptyCounts()) {
    this.#counts = counts;
  }

  static decode(encoded: string): LatencyHistogram {
    return new LatencyHistogram(decodeFromCompressedBase64(encoded, 32, false));
  }

  recordMs(latencyMs: number): void {
    const bounded = Math.min(latencyMs, LONGEST_MS);
    // Negative only when two clocks are compared; then it means "at once".
    const ticks = bounded > 0 ? Math.round(bounded * TICKS_PER_MS) : 0;
    if (ticks >= SHORT_TICKS) {
      this.#counts.recordValue(ticks);
      return;
    }
    this.#short ??= new Uint32Array(SHORT_TICKS);
    (this.#short[ticks] as number)++;
  }

  add(other: LatencyHistogram): void {
    this.#all().add(other.#all());
  }

  get count(): number {
    return this.#all().totalCount;
  }

  get maximumMs(): number {
    return this.#all().maxValue / TICKS_PER_MS;
  }

  percentileMs(percentile: number): number {
    return this.#all().getValueAtPercentile(percentile) / TICKS_PER_MS;
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#all());
  }

  #all(): Histogram {
    for (const [ticks, count] of this.#short?.entries() ?? [])
      if (count > 0) this.#counts.recordValueWithCount(ticks, count);
    this.#short = undefined;
    return this.#counts;
  }
}

function emptyCounts(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MS * TICKS_PER_MS,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });
}
