/** The journal, its disk and its snapshots; of a server that keeps its data only. */
import { durationBounds, tellDurations, tellSizes } from './distributions.ts';
import type { Exposition } from './exposition.ts';
import type { JournalReading } from './server-reading.ts';

const ETCD_SYNC_BOUNDS = durationBounds(1, 14);
const SYNC_BOUNDS = durationBounds(1 / 16, 15);
const GROUP_BOUNDS = Array.from({ length: 13 }, (_, power) => 2 ** power);

export function tellJournal(page: Exposition, journal: JournalReading): void {
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
