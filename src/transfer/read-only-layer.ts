/**
 * A disk on which nothing changes: recovery over it finds just the state that a start would find, and leaves the files
 * as they are. What recovery would tidy up (a torn end, unfinished files) stays for the next start of the server.
 */
import { type FileLayer, nodeFileLayer } from '../journal/file-layer.ts';

export const readOnlyLayer: FileLayer = {
  ...nodeFileLayer,
  open: (path) => nodeFileLayer.open(path, 'r'),
  write: (_fd, _buffer, _offset, lengthBytes) => lengthBytes,
  fdatasync: () => {},
  fsync: () => {},
  fsyncDirectory: () => {},
  truncate: () => {},
  rename: () => {},
  unlink: () => {},
  mkdir: () => undefined,
};
