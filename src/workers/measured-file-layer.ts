/** A disk that counts what is written to it and records how long its syncs take: the disk decides how fast writes are. */
import { performance } from 'node:perf_hooks';
import type { FileLayer } from '../journal/file-layer.ts';
import type { WorkerMetrics } from '../metrics/worker-metrics.ts';

export function measuredFileLayer(layer: FileLayer, metrics: WorkerMetrics): FileLayer {
  return {
    ...layer,
    write: (fd, buffer, offset, lengthBytes, position) => {
      const written = layer.write(fd, buffer, offset, lengthBytes, position);
      metrics.wrote(written);
      return written;
    },
    fdatasync: (fd) => {
      const startMs = performance.now();
      layer.fdatasync(fd);
      metrics.synced(performance.now() - startMs);
    },
  };
}
