/** Histograms of times and of sizes, as the page tells them. */
import type { Exposition, Labels } from './exposition.ts';
import { type HistogramReading, UNITS_PER_SECOND } from './histogram.ts';

/** Upper bounds of a histogram of durations, as etcd has them: from `first` milliseconds, doubled. */
export function durationBounds(firstMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => (firstMs * 2 ** power * UNITS_PER_SECOND) / 1000);
}

export function tellDurations(
  page: Exposition,
  durations: HistogramReading,
  bounds: readonly number[],
  labels?: Labels,
): void {
  page.distribution(durations, bounds, UNITS_PER_SECOND, durations.sum / UNITS_PER_SECOND, labels);
}

/** Recorded is one less than each size, so the borders of buckets belong to the buckets below. */
export function tellSizes(page: Exposition, sizes: HistogramReading, bounds: readonly number[]): void {
  page.distribution(sizes, bounds, 1, sizes.sum + sizes.count);
}
