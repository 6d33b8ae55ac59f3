/** The heaps of the threads, and what the store holds. */
import type { Exposition } from './exposition.ts';
import { Counter } from './front-end-metrics.ts';
import { frontEndName, type ServerReading } from './server-reading.ts';

export function tellStore(page: Exposition, { frontEnds, store }: ServerReading): void {
  const tellHeaps = (counter: Counter) => {
    for (const [number, frontEnd] of frontEnds.entries())
      page.sample(frontEnd.get(counter), { thread: frontEndName(number) });
  };
  page.gauge(
    'uetcd_heap_used_bytes',
    "V8's heap of a thread that serves HTTP: what is in use, as its last garbage collection has left it. Of the thread " +
      'that tells this: at this moment.',
  );
  tellHeaps(Counter.heapUsedBytes);
  page.gauge('uetcd_heap_size_bytes', "V8's heap of a thread that serves HTTP: its size, as of the same moment.");
  tellHeaps(Counter.heapSizeBytes);
  page
    .gauge('uetcd_store_answers', 'Whether the store worker answered this scrape in time. If not, its part is missing.')
    .sample(store === undefined ? 0 : 1);
  if (store === undefined) return;
  page
    .gauge('uetcd_store_heap_used_bytes', "V8's heap of the store worker: what is in use.")
    .sample(store.heapUsedBytes);
  page.gauge('uetcd_store_heap_size_bytes', "V8's heap of the store worker: its size.").sample(store.heapSizeBytes);
  page
    .gauge('uetcd_store_heap_limit_bytes', "V8's heap of the store worker: beyond this the process ends.")
    .sample(store.heapLimitBytes);
  page
    .gauge('uetcd_store_full', "Whether the store's memory is nearly full: then what would add to it is refused.")
    .sample(store.isFull ? 1 : 0);
  page.gauge('uetcd_store_nodes', 'Keys and directories.').sample(store.nodes);
  page.gauge('uetcd_store_expiring_nodes', 'Keys and directories with a time to live.').sample(store.expiringNodes);
  page.gauge('uetcd_store_index', 'The etcd index.').sample(store.etcdIndex);
}
