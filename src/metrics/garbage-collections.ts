/**
 * Records how long garbage collections of this thread take. It needs the thread's event loop, so the store worker, which
 * never returns to its own, cannot be watched so: a pause of it shows in the durations of requests.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { type FrontEndMetrics, GcKind } from './front-end-metrics.ts';

/** @returns what ends it. */
export function watchGarbageCollections(metrics: FrontEndMetrics): () => void {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) metrics.collected(kindOf(entry), entry.duration);
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

function kindOf(entry: PerformanceEntry): number {
  // Node has the detail, its declarations have not.
  switch ((entry as PerformanceEntry & { readonly detail?: { readonly kind?: number } }).detail?.kind) {
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return GcKind.minor;
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return GcKind.major;
    default:
      return GcKind.other;
  }
}
