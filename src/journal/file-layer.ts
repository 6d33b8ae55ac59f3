/**
 * All that the journal asks of a disk. Every call is synchronous: the journal has a thread of its own. Tests put
 * another layer in its place, which loses, tears and reorders what was not synced, or fails when told to.
 *
 * What is taken for granted, of any layer:
 *   - what `fdatasync` or `fsync` of a file has covered survives a power cut, and so does what `fsyncDirectory` has
 *     covered: names created, renamed or removed. Neither implies the other.
 *   - everything else may be gone afterwards, in part or in whole, in any order; bytes never written read as zeros.
 *   - a write leaves the bytes before and behind it alone, even if the power goes (SQLite: "powersafe overwrite").
 *   - a rename is there or not there, never half.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from './journal-error.ts';

/** r: read · r+: read and write · w+: the same, created, or emptied if it is there. */
export type OpenFlags = 'r' | 'r+' | 'w+';

export interface FileLayer {
  /** @returns a file descriptor. */
  open(path: string, flags: OpenFlags, mode?: number): number;
  /** @returns bytes read; fewer than asked for at the end of the file. */
  read(fd: number, buffer: Buffer, offset: number, lengthBytes: number, position: number): number;
  /** @returns bytes written, which may be fewer than given. */
  write(fd: number, buffer: Buffer, offset: number, lengthBytes: number, position: number): number;
  fdatasync(fd: number): void;
  /** With all metadata: fdatasync may leave out a size that has shrunk. */
  fsync(fd: number): void;
  fsyncDirectory(path: string): void;
  truncate(fd: number, sizeBytes: number): void;
  close(fd: number): void;
  /** Replaces what has the new name. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** @returns the names in a directory, in any order. */
  readdir(path: string): string[];
  /** Creates a directory and those above it. @returns the uppermost one created; undefined when all were there. */
  mkdir(path: string): string | undefined;
  sizeBytes(fd: number): number;
  /** Whether an open file has no name left. */
  isDeleted(fd: number): boolean;
}

const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
/** Behind what was the path of an open file, in /proc. */
const DELETED_SUFFIX = ' (deleted)';

export const nodeFileLayer: FileLayer = {
  open: (path, flags, mode = OWNER_ONLY_FILE) => openSync(path, flags, mode),
  read: readSync,
  write: writeSync,
  fdatasync: fdatasyncSync,
  fsync: fsyncSync,
  fsyncDirectory,
  truncate: ftruncateSync,
  close: closeSync,
  rename: renameSync,
  unlink: unlinkSync,
  readdir: (path) => readdirSync(path),
  mkdir: makeDirectory,
  sizeBytes: (fd) => fstatSync(fd).size,
  isDeleted: (fd) => !hasNameForSure(fd) && fstatSync(fd).nlink === 0,
};

/** Writes all of it: a disk that is nearly full may take only a part, and says why when asked for the rest. */
export function writeFully(layer: FileLayer, fd: number, buffer: Buffer, lengthBytes: number, position: number): void {
  let written = 0;
  while (written < lengthBytes) {
    written += layer.write(fd, buffer, written, lengthBytes - written, position + written);
  }
}

/** Reads until the buffer's part is full or the file ends. @returns bytes read. */
export function readFully(
  layer: FileLayer,
  fd: number,
  buffer: Buffer,
  offset: number,
  lengthBytes: number,
  position: number,
): number {
  let read = 0;
  while (read < lengthBytes) {
    const more = layer.read(fd, buffer, offset + read, lengthBytes - read, position + read);
    if (more === 0) break;
    read += more;
  }
  return read;
}

/**
 * Not with Node's `recursive`: where a directory that is there takes no other one and says ENOENT, as /proc does, Node
 * goes to and fro between the two for ever.
 */
function makeDirectory(path: string): string | undefined {
  try {
    mkdirSync(path, OWNER_ONLY_DIRECTORY);
    return path;
  } catch (cause) {
    if (isDirectory(path)) return undefined; // Whatever it said: of / it is not always EEXIST.
    const above = dirname(path);
    if (codeOf(cause) !== 'ENOENT' || isDirectory(above) || above === path) throw cause;
    const uppermost = makeDirectory(above);
    const lowest = makeDirectory(path); // Even if somebody else was quicker above.
    return uppermost ?? lowest;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function fsyncDirectory(path: string): void {
  if (process.platform === 'win32') return; // It has no such call; names there are durable when the call returns.
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Whether Linux shows a name for the file. If not, that is a reason to ask the file itself: a network file system may have
 * forgotten the name of one that is there. We do not ask it at once, since fstat asks for its times, too. After such a
 * question Linux (6.13 and later) notes the time of each write anew, instead of once in a few milliseconds; and where
 * ext4 has no journal the next fdatasync then writes the inode besides the data (native-bench, "durable-1").
 */
function hasNameForSure(fd: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return !readlinkSync(`/proc/self/fd/${fd}`).endsWith(DELETED_SUFFIX);
  } catch {
    return false; // There is no /proc here.
  }
}
