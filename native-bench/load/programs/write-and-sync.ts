/** The floor of durability: the bytes of a group of records appended with one write and one fdatasync. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LatencyHistogram } from '../latency-histogram.ts';

export interface WriteAndSyncSpec {
  readonly directory: string;
  readonly recordSizeBytes: number;
  /** Records that share one sync, as those of so many connections could. */
  readonly groupSize: number;
  readonly measureMs: number;
}

export interface WriteAndSyncResult {
  readonly records: number;
  readonly elapsedMs: number;
  readonly latency: string;
}

export function writeAndSync(spec: WriteAndSyncSpec): WriteAndSyncResult {
  const group = Buffer.alloc(spec.recordSizeBytes * spec.groupSize, 'x');
  const file = openSync(join(spec.directory, 'records'), 'a');
  const histogram = new LatencyHistogram();
  const startedAt = performance.now();
  const end = startedAt + spec.measureMs;
  try {
    for (let now = startedAt; now < end; ) {
      writeSync(file, group);
      fdatasyncSync(file);
      const after = performance.now();
      histogram.recordMs(after - now);
      now = after;
    }
  } finally {
    closeSync(file);
  }
  return {
    records: histogram.count * spec.groupSize,
    elapsedMs: performance.now() - startedAt,
    latency: histogram.encode(),
  };
}
