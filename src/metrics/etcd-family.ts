/** Metrics that etcd 3.4 has, too: their names, types, labels, bounds and words are etcd's. Those of the disk are with the journal's. */
import { ETCD_CLUSTER_VERSION, ETCD_VERSION } from '../protocol/answers.ts';
import { durationBounds, tellDurations } from './distributions.ts';
import type { Exposition } from './exposition.ts';
import { Counter, type FrontEndMetrics } from './front-end-metrics.ts';
import { HistogramReading } from './histogram.ts';
import { OPERATION_NAMES, type Operation, type OperationNames } from './operation.ts';
import { pendingCount, receivedCount, type ServerReading, successDurations, sumOf } from './server-reading.ts';

const HTTP_BOUNDS = durationBounds(0.5, 13);

export function tellEtcd(page: Exposition, server: ServerReading): void {
  tellHttp(page, server);
  tellStore(page, server);
  tellServer(page, server);
  tellProcess(page, server);
}

function tellHttp(page: Exposition, { frontEnds }: ServerReading): void {
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
    if (durations.count > 0) tellDurations(page, durations, HTTP_BOUNDS, { method });
  }
}

function tellStore(page: Exposition, { frontEnds, store }: ServerReading): void {
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

function tellServer(page: Exposition, { frontEnds, memberId, store, journal }: ServerReading): void {
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

/** Writes that the disk has refused. */
function failedWrites(frontEnds: readonly FrontEndMetrics[]): number {
  const writes = new Set(OPERATION_NAMES.filter((names) => names.writeAction).map(({ operation }) => operation));
  return frontEnds
    .flatMap((frontEnd) => frontEnd.failedCounts())
    .filter(({ operation, status }) => status >= 500 && writes.has(operation))
    .reduce((sum, { count }) => sum + count, 0);
}
