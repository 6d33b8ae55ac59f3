/**
 * Latencies as HDR histograms: three significant digits from 100 ns to 60 s. Counted in tenths of a microsecond,
 * so that every count index stays a small integer.
 */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

const TICKS_PER_MS = 10_000;
const LONGEST_MS = 60_000;

export class LatencyHistogram {
  readonly #counts: Histogram;

  constructor(counts: Histogram = emptyCounts()) {
    this.#counts = counts;
  }

  static decode(encoded: string): LatencyHistogram {
    return new LatencyHistogram(decodeFromCompressedBase64(encoded, 32, false));
  }

  recordMs(latencyMs: number): void {
    const bounded = Math.min(latencyMs, LONGEST_MS);
    // Negative only when two clocks are compared; then it means "at once".
    this.#counts.recordValue(bounded > 0 ? Math.round(bounded * TICKS_PER_MS) : 0);
  }

  add(other: LatencyHistogram): void {
    this.#counts.add(other.#counts);
  }

  get count(): number {
    return this.#counts.totalCount;
  }

  get maximumMs(): number {
    return this.#counts.maxValue / TICKS_PER_MS;
  }

  percentileMs(percentile: number): number {
    return this.#counts.getValueAtPercentile(percentile) / TICKS_PER_MS;
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#counts);
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
