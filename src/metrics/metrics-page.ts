/**
 * `/metrics`. What etcd 3.4 tells of its v2 side has etcd's names, types and words, as dashboards and alerts know them
 * (`etcd_…`, `process_…`, `os_…`); what only this server has is called `uetcd_…`. What etcd tells of Go, gRPC and the v3
 * store has no counterpart here and is left out.
 */
import { ETCD_CLUSTER_VERSION, ETCD_VERSION } from '../protocol/answers.ts';
import { Exposition, type Labels } from './exposition.ts';
import { Counter, type FrontEndMetrics, GcKind } from './front-end-metrics.ts';
import { HistogramReading, UNITS_PER_SECOND } from './histogram.ts';
import { OPERATION_NAMES, type Operation, type OperationNames } from './operation.ts';
import type { ProcessReading } from './process-reading.ts';
import type { SnapshotMetrics } from './snapshot-metrics.ts';
import type { StoreReading } from './store-reading.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** All that the pages are made of. */
export interface ServerReading {
  /** Of this package. */
  readonly version: string;
  /** Hexadecimal. */
  readonly memberId: string;
  readonly raftTerm: number;
  /** Of the process, since the epoch. */
  readonly startSeconds: number;
  /** By number. */
  readonly frontEnds: readonly FrontEndMetrics[];
  readonly storeWorker: WorkerMetrics;
  readonly rings: readonly RingReading[];
  /** Undefined in memory. */
  readonly journal: JournalReading | undefined;
  readonly process: ProcessReading;
  /** Undefined when the store did not say anything in time. */
  readonly store: StoreReading | undefined;
}

export interface RingReading {
  readonly name: string;
  /** Whose it is; undefined for one that all have in common. */
  readonly frontEnd: number | undefined;
  readonly usedBytes: number;
  readonly capacityBytes: number;
}

export interface JournalReading {
  readonly worker: WorkerMetrics;
  readonly hasFailed: boolean;
  /** The low 32 bits of the sequence up to which all is on the disk. */
  readonly durableSequence: number;
  readonly snapshots: SnapshotMetrics;
}

/** Bounds that etcd gives its histograms of durations: from `first` milliseconds, doubled. */
function durationBounds(firstMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => (firstMs * 2 ** power * UNITS_PER_SECOND) / 1000);
}

const ETCD_HTTP_BOUNDS = durationBounds(0.5, 13);
const ETCD_SYNC_BOUNDS = durationBounds(1, 14);
/** From 1/16 of a millisecond to 8 seconds: answers take less than etcd's first bound as a rule. */
const REQUEST_BOUNDS = durationBounds(1 / 16, 18);
const SYNC_BOUNDS = durationBounds(1 / 16, 15);
const TURN_BOUNDS = durationBounds(1 / 16, 15);
/** Pieces of work. */
const BATCH_BOUNDS = Array.from({ length: 9 }, (_, power) => 2 ** power);
const GROUP_BOUNDS = Array.from({ length: 13 }, (_, power) => 2 ** power);

export function renderMetrics(server: ServerReading): string {
  const page = new Exposition();
  tellEtcdHttp(page, server);
  tellEtcdStore(page, server);
  tellEtcdServer(page, server);
  tellProcess(page, server);
  tellRequests(page, server);
  tellThreads(page, server);
  tellStore(page, server);
  if (server.journal !== undefined) tellJournal(page, server.journal);
  return page.toString();
}

function tellEtcdHttp(page: Exposition, { frontEnds }: ServerReading): void {
  const failed = new Map<string, number>();
  for (const frontEnd of frontEnds) {
    for (const { operation, status, count } of frontEnd.failedCounts()) {
      const method = methodOf(operation);
      if (method !== undefined) failed.set(`${method} ${status}`, (failed.get(`${method} ${status}`) ?? 0) + count);
    }
  }
  page.counter(
    'etcd_http_failed_total',
    'Counter of handle failures of requests (non-watches), by method (GET/PUT etc.) and code (400, 500 etc.).',
  );
  for (const [key, count] of failed) {
    const [method = '', code = ''] = key.split(' ');
    page.sample(count, { code, method });
  }
  page.counter(
    'etcd_http_received_total',
    'Counter of requests received into the system (successfully parsed and authd).',
  );
  for (const [method, names] of byLabel((names) => names.method)) {
    const count = receivedCount(frontEnds, names);
    if (count > 0) page.sample(count, { method });
  }
  page.histogram(
    'etcd_http_successful_duration_seconds',
    'Bucketed histogram of processing time (s) of successfully handled requests (non-watches), by method (GET/PUT etc.).',
  );
  for (const [method, names] of byLabel((names) => names.method)) {
    const durations = new HistogramReading();
    for (const { operation } of names) durations.add(successDurations(frontEnds, operation));
    if (durations.count > 0) tellDurations(page, durations, ETCD_HTTP_BOUNDS, { method });
  }
}

function tellEtcdStore(page: Exposition, { frontEnds, store }: ServerReading): void {
  const tellActions = (label: (names: OperationNames) => string | undefined) => {
    for (const [action, names] of byLabel(label)) {
      const count = receivedCount(frontEnds, names);
      if (count > 0) page.sample(count, { action });
    }
  };
  if (store !== undefined) {
    page.counter('etcd_debugging_store_expires_total', 'Total number of expired keys.').sample(store.expiredCount);
    page.gauge('etcd_debugging_store_watchers', 'Count of currently active watchers.').sample(store.watchers);
  }
  page.counter(
    'etcd_debugging_store_reads_total',
    'Total number of reads action by (get/getRecursive), local to this member.',
  );
  tellActions((names) => names.readAction);
  page.counter(
    'etcd_debugging_store_writes_total',
    'Total number of writes (e.g. set/compareAndDelete) seen by this member.',
  );
  tellActions((names) => names.writeAction);
  page
    .counter(
      'etcd_debugging_store_watch_requests_total',
      'Total number of incoming watch requests (new or reestablished).',
    )
    .sample(
      receivedCount(
        frontEnds,
        OPERATION_NAMES.filter(({ name }) => name === 'watch'),
      ),
    );
}

function tellEtcdServer(page: Exposition, { frontEnds, memberId, store, journal }: ServerReading): void {
  const cluster = ETCD_CLUSTER_VERSION.replace(/\.0$/, '');
  page
    .gauge(
      'etcd_cluster_version',
      "Which version is running. 1 for 'cluster_version' label with current cluster version",
    )
    .sample(1, { cluster_version: cluster });
  page
    .gauge('etcd_server_version', "Which version is running. 1 for 'server_version' label with current version.")
    .sample(1, { server_version: ETCD_VERSION });
  page
    .gauge('etcd_server_id', "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.")
    .sample(1, { server_id: memberId });
  // There is one member, which has been elected once.
  page.gauge('etcd_server_has_leader', 'Whether or not a leader exists. 1 is existence, 0 is not.').sample(1);
  page.gauge('etcd_server_is_leader', 'Whether or not this member is a leader. 1 if is, 0 otherwise.').sample(1);
  page.gauge('etcd_server_is_learner', 'Whether or not this member is a learner. 1 if is, 0 otherwise.').sample(0);
  page.counter('etcd_server_leader_changes_seen_total', 'The number of leader changes seen.').sample(1);
  page
    .counter('etcd_server_health_success', 'The total number of successful health checks')
    .sample(sumOf(frontEnds, Counter.healthSuccess));
  page
    .counter('etcd_server_health_failures', 'The total number of failed health checks')
    .sample(sumOf(frontEnds, Counter.healthFailure));
  page
    .counter('etcd_server_proposals_failed_total', 'The total number of failed proposals seen.')
    .sample(failedWrites(frontEnds));
  if (store === undefined) return;
  const pending = journal === undefined ? 0 : pendingCount(store, journal);
  page
    .gauge('etcd_server_proposals_applied_total', 'The total number of consensus proposals applied.')
    .sample(store.sequence);
  page
    .gauge('etcd_server_proposals_committed_total', 'The total number of consensus proposals committed.')
    .sample(store.sequence - pending);
  page.gauge('etcd_server_proposals_pending', 'The current number of pending proposals to commit.').sample(pending);
}

/** Commands that are applied and not yet on the disk. */
export function pendingCount(store: StoreReading, { durableSequence }: JournalReading): number {
  // The watermark may have moved on since the store spoke.
  return Math.max(0, ((store.sequence | 0) - durableSequence) | 0);
}

function tellProcess(page: Exposition, { startSeconds, process }: ServerReading): void {
  const { cpuSeconds, residentBytes, kernel } = process;
  page.counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.').sample(cpuSeconds);
  page.gauge('process_resident_memory_bytes', 'Resident memory size in bytes.').sample(residentBytes);
  page
    .gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.')
    .sample(startSeconds);
  if (kernel === undefined) return;
  const { openDescriptors, descriptorsMax, virtualBytes, virtualBytesMax } = kernel;
  page.gauge('os_fd_limit', 'The file descriptor limit.').sample(descriptorsMax);
  page.gauge('os_fd_used', 'The number of used file descriptors.').sample(openDescriptors);
  page.gauge('process_max_fds', 'Maximum number of open file descriptors.').sample(descriptorsMax);
  page.gauge('process_open_fds', 'Number of open file descriptors.').sample(openDescriptors);
  page.gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.').sample(virtualBytes);
  page
    .gauge('process_virtual_memory_max_bytes', 'Maximum amount of virtual memory available in bytes.')
    .sample(virtualBytesMax);
}

function tellRequests(page: Exposition, { frontEnds }: ServerReading): void {
  page.histogram(
    'uetcd_request_duration_seconds',
    'Time from when a whole request was there until the answer of the store was, by operation and outcome; of a watch, ' +
      'until it was opened or answered from the history.',
  );
  for (const { operation, name } of OPERATION_NAMES) {
    const success = successDurations(frontEnds, operation);
    if (success.count > 0) tellDurations(page, success, REQUEST_BOUNDS, { operation: name, outcome: 'success' });
    const failure = new HistogramReading();
    for (const frontEnd of frontEnds) failure.add(frontEnd.failureDurations(operation));
    if (failure.count > 0) tellDurations(page, failure, REQUEST_BOUNDS, { operation: name, outcome: 'failure' });
  }
  page
    .counter(
      'uetcd_requests_refused_total',
      'Requests on the key space that were refused for their grammar, or because there were too many.',
    )
    .sample(sumOf(frontEnds, Counter.refused), { reason: 'grammar' })
    .sample(sumOf(frontEnds, Counter.tooManyWatchers), { reason: 'watchers' })
    .sample(sumOf(frontEnds, Counter.tooManyClientWatchers), { reason: 'client_watchers' })
    .sample(sumOf(frontEnds, Counter.tooManyRequests), { reason: 'requests' })
    .sample(sumOf(frontEnds, Counter.tooManyBodyBytes), { reason: 'body_bytes' })
    .sample(refusedForMemory(frontEnds), { reason: 'memory' });
  page
    .counter('uetcd_requests_abandoned_total', 'Requests whose client went away before their answer was there.')
    .sample(sumOf(frontEnds, Counter.abandoned));
  page
    .counter('uetcd_requests_slow_total', 'Answers that took --slow-request-ms or longer.')
    .sample(sumOf(frontEnds, Counter.slow));
  page
    .counter('uetcd_kept_reads_total', 'Reads answered without the store, from an answer of it that still holds.')
    .sample(sumOf(frontEnds, Counter.keptReads));
  page
    .gauge('uetcd_requests_in_flight', 'Requests that wait for their answer, this scrape among them.')
    .sample(sumOf(frontEnds, Counter.inFlight));
  page
    .gauge('uetcd_body_bytes', 'What forms take that came in pieces, until their requests are answered.')
    .sample(sumOf(frontEnds, Counter.bodyBytes));
  page.gauge('uetcd_connections', 'Open connections of clients.').sample(sumOf(frontEnds, Counter.connections));
  page
    .counter(
      'uetcd_connections_refused_total',
      'Connections that were closed with a 503: there were as many as may be.',
    )
    .sample(sumOf(frontEnds, Counter.tooManyConnections));
  page
    .gauge('uetcd_requests_queued', 'Commands that wait for room in the request ring.')
    .sample(sumOf(frontEnds, Counter.queued));
  page
    .counter('uetcd_watch_events_sent_total', 'Events sent, counted once for each watcher.')
    .sample(sumOf(frontEnds, Counter.eventsSent));
  page
    .counter('uetcd_slow_watchers_closed_total', 'Streams that were closed because their client fell too far behind.')
    .sample(sumOf(frontEnds, Counter.slowWatchersClosed));
}

function tellThreads(page: Exposition, { version, frontEnds, storeWorker, journal, rings }: ServerReading): void {
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

function ringLabels({ name, frontEnd }: RingReading): Labels {
  return frontEnd === undefined ? { ring: name } : { ring: name, front_end: String(frontEnd) };
}

function tellStore(page: Exposition, { frontEnds, store }: ServerReading): void {
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

function tellJournal(page: Exposition, journal: JournalReading): void {
  const { worker, hasFailed, snapshots } = journal;
  const syncs = worker.syncDurations();
  page.histogram('etcd_disk_wal_fsync_duration_seconds', 'The latency distributions of fsync called by WAL.');
  tellDurations(page, syncs, ETCD_SYNC_BOUNDS);
  page.gauge('etcd_disk_wal_write_bytes_total', 'Total number of bytes written in WAL.').sample(worker.writtenBytes);
  page.histogram('uetcd_journal_fdatasync_seconds', 'How long the disk takes to make a group durable, in finer steps.');
  tellDurations(page, syncs, SYNC_BOUNDS);
  page.histogram('uetcd_journal_group_size', 'Commands that one write and one fdatasync have made durable.');
  tellSizes(page, worker.batches(), GROUP_BOUNDS);
  page
    .gauge('uetcd_journal_failed', 'Whether the disk has failed: then writes are refused until a restart.')
    .sample(hasFailed ? 1 : 0);
  page
    .counter('uetcd_snapshots_total', 'Snapshots since the start, by outcome.')
    .sample(snapshots.madeCount, { outcome: 'success' })
    .sample(snapshots.failedCount, { outcome: 'failure' });
  page
    .gauge('uetcd_snapshot_last_duration_seconds', 'How long the last snapshot took; 0 before the first.')
    .sample(snapshots.lastTookMs / 1000);
}

function tellDurations(
  page: Exposition,
  durations: HistogramReading,
  bounds: readonly number[],
  labels?: Labels,
): void {
  page.distribution(durations, bounds, UNITS_PER_SECOND, durations.sum / UNITS_PER_SECOND, labels);
}

/** Recorded is one less than each size, so the borders of buckets belong to the buckets below. */
function tellSizes(page: Exposition, sizes: HistogramReading, bounds: readonly number[]): void {
  page.distribution(sizes, bounds, 1, sizes.sum + sizes.count);
}

/** Operations that have a label in common. */
function byLabel(label: (names: OperationNames) => string | undefined): Map<string, OperationNames[]> {
  const groups = new Map<string, OperationNames[]>();
  for (const names of OPERATION_NAMES) {
    const key = label(names);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), names]);
  }
  return groups;
}

function methodOf(operation: Operation): string | undefined {
  return OPERATION_NAMES.find((names) => names.operation === operation)?.method;
}

function receivedCount(frontEnds: readonly FrontEndMetrics[], names: readonly OperationNames[]): number {
  let count = 0;
  for (const frontEnd of frontEnds) for (const { operation } of names) count += frontEnd.receivedCount(operation);
  return count;
}

/** Over all front ends. */
export function successDurations(frontEnds: readonly FrontEndMetrics[], operation: Operation): HistogramReading {
  const durations = new HistogramReading();
  for (const frontEnd of frontEnds) durations.add(frontEnd.successDurations(operation));
  return durations;
}

/** Over all front ends. */
export function sumOf(frontEnds: readonly FrontEndMetrics[], counter: Counter): number {
  return frontEnds.reduce((sum, frontEnd) => sum + frontEnd.get(counter), 0);
}

/** Writes that the disk has refused. */
function failedWrites(frontEnds: readonly FrontEndMetrics[]): number {
  const writes = new Set(OPERATION_NAMES.filter((names) => names.writeAction).map(({ operation }) => operation));
  return frontEnds
    .flatMap((frontEnd) => frontEnd.failedCounts())
    .filter(({ operation, status }) => status >= 500 && writes.has(operation))
    .reduce((sum, { count }) => sum + count, 0);
}

/** Writes for which there was no memory. */
function refusedForMemory(frontEnds: readonly FrontEndMetrics[]): number {
  const refused = frontEnds.flatMap((frontEnd) => frontEnd.failedCounts()).filter(({ status }) => status === 507);
  return refused.reduce((sum, { count }) => sum + count, 0);
}

/** The main thread is the first front end. */
function frontEndName(number: number): string {
  return number === 0 ? 'main' : `front-end-${number}`;
}
