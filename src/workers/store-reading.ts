/** What the store worker says of itself. */
import { getHeapStatistics } from 'node:v8';
import type { StoreReading } from '../metrics/store-reading.ts';
import type { Store } from '../store/store.ts';

/** @param sequence of the last command that can change the state. @param isFull whether what would add to it is refused. */
export function takeReading(store: Store, sequence: number, isFull: boolean): StoreReading {
  const heap = getHeapStatistics();
  return {
    heapUsedBytes: heap.used_heap_size,
    heapSizeBytes: heap.total_heap_size,
    heapLimitBytes: heap.heap_size_limit,
    isFull,
    nodes: store.tree.size,
    expiringNodes: store.tree.ttlQueue.size,
    watchers: store.hub.size,
    etcdIndex: store.index,
    sequence,
    expiredCount: store.statistics.expiryCount,
  };
}
