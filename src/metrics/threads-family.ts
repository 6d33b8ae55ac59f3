/** How the threads do: their turns, sleeps and collections of garbage, and the rings between them. */
import { durationBounds, tellDurations, tellSizes } from './distributions.ts';
import type { Exposition, Labels } from './exposition.ts';
import { Counter, GcKind } from './front-end-metrics.ts';
import { frontEndName, type RingReading, type ServerReading } from './server-reading.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

const TURN_BOUNDS = durationBounds(1 / 16, 15);
/** Pieces of work. */
const BATCH_BOUNDS = Array.from({ length: 9 }, (_, power) => 2 ** power);

export function tellThreads(page: Exposition, server: ServerReading): void {
  const { version, frontEnds, storeWorker, journal, rings } = server;
  page
    .gauge('uetcd_build_info', 'Which version of uetcd runs on which Node.js. Always 1.')
    .sample(1, { version, node_version: process.versions.node });
  page.histogram(
    'uetcd_event_loop_turn_seconds',
    'How long a turn of the event loop takes while requests are in flight: all else waits for so long.',
  );
  for (const [number, frontEnd] of frontEnds.entries()) {
    tellDurations(page, frontEnd.turnDurations(), TURN_BOUNDS, { thread: frontEndName(number) });
  }
  page.histogram('uetcd_gc_pause_seconds', 'Garbage collections of a thread that serves HTTP, by kind.');
  for (const [number, frontEnd] of frontEnds.entries()) {
    for (const [kind, code] of Object.entries(GcKind)) {
      tellDurations(page, frontEnd.gcPauses(code), TURN_BOUNDS, { thread: frontEndName(number), kind });
    }
  }
  tellIdleCollections(page, server);
  page.counter('uetcd_parks_total', 'How often a thread has gone to sleep for want of work.');
  for (const [number, frontEnd] of frontEnds.entries()) {
    page.sample(frontEnd.get(Counter.parks), { thread: frontEndName(number) });
  }
  page.sample(storeWorker.parks, { thread: 'store' });
  if (journal !== undefined) page.sample(journal.worker.parks, { thread: 'journal' });
  page
    .counter('uetcd_wakes_total', 'How often another thread has ended the sleep of a worker.')
    .sample(storeWorker.wakes, { thread: 'store' });
  if (journal !== undefined) page.sample(journal.worker.wakes, { thread: 'journal' });
  page.gauge('uetcd_ring_used_bytes', 'How much of a ring is taken at this moment.');
  for (const ring of rings) page.sample(ring.usedBytes, ringLabels(ring));
  page.gauge('uetcd_ring_capacity_bytes', 'The size of a ring.');
  for (const ring of rings) page.sample(ring.capacityBytes, ringLabels(ring));
  page.histogram('uetcd_store_batch_size', 'Commands and other pieces of work in one turn of the store worker.');
  tellSizes(page, storeWorker.batches(), BATCH_BOUNDS);
}

function tellIdleCollections(page: Exposition, { frontEnds, storeWorker, journal }: ServerReading): void {
  const tell = (counter: Counter, ofWorker: (worker: WorkerMetrics) => number) => {
    for (const [number, frontEnd] of frontEnds.entries()) {
      page.sample(frontEnd.get(counter), { thread: frontEndName(number) });
    }
    page.sample(ofWorker(storeWorker), { thread: 'store' });
    if (journal !== undefined) page.sample(ofWorker(journal.worker), { thread: 'journal' });
  };
  page.counter('uetcd_idle_collections_total', 'Garbage collections of a thread because it had nothing to do.');
  tell(Counter.idleCollections, (worker) => worker.idleCollections);
  page.counter('uetcd_given_back_bytes_total', 'By how much they have made its heap smaller.');
  tell(Counter.givenBackBytes, (worker) => worker.givenBackBytes);
}

function ringLabels({ name, frontEnd }: RingReading): Labels {
  return frontEnd === undefined ? { ring: name } : { ring: name, front_end: String(frontEnd) };
}
