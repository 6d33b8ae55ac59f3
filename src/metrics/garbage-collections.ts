/**
 * Records how long garbage collections of this thread take, and the heap that they leave: no other thread can look at it,
 * and a timer that does would wake an idle server. It needs the thread's event loop, so the store worker, which never
 * returns to its own, cannot be watched so: a pause of it shows in the durations of requests.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { Counter, type FrontEndMetrics, GcKind } from './front-end-metrics.ts';

/** @param onCollected called after one, or some. @returns what ends it. */
export function watchGarbageCollections(metrics: FrontEndMetrics, onCollected: () => void): () => void {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) metrics.collected(kindOf(entry), entry.duration);
    noteHeap(metrics);
    onCollected();
  });
  observer.observe({ entryTypes: ['gc'] });
  noteHeap(metrics);
  return () => observer.disconnect();
}

/** Of the thread that calls. */
export function noteHeap(metrics: FrontEndMetrics): void {
  const { used_heap_size, total_heap_size } = getHeapStatistics();
  metrics.set(Counter.heapUsedBytes, used_heap_size);
  metrics.set(Counter.heapSizeBytes, total_heap_size);
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
