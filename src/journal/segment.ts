/**
 * A segment as a file: how one comes to be, and how one is taken into memory. Its layout is in record.ts.
 *
 * It grows in steps: the write that passes the end of the file takes zeros along up to the next step. A sync of bytes
 * inside a file costs about two thirds of one that must also note a new size, and most syncs are then of that kind.
 * Larger steps bring nothing more, and the sync of each step takes longer.
 */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { CrashHook } from './crash-point.ts';
import { segmentPath, UNFINISHED_SUFFIX } from './directory.ts';
import { type FileLayer, writeFully } from './file-layer.ts';
import { FileWindow } from './file-window.ts';
import { DamagedJournalError } from './journal-error.ts';
import {
  RECORD_FORMAT_VERSION,
  readSequence,
  SEGMENT_HEADER_SIZE_BYTES,
  type ViewedBytes,
  writeSequence,
} from './record.ts';

/** A segment's usual step, and the size with which it begins. */
export const GROWTH_STEP_BYTES = 256 * 1024;

const MAGIC = Buffer.from('uetcdjnl', 'latin1');
const AT = { version: 8, seed: 12, firstSequence: 16, zero: 24, check: 28 } as const;
/** Offsets are u32, and a read call takes less than 2 GiB. We write far smaller ones. */
const SIZE_BYTES_MAX = 2 ** 31 - 1;

/** A segment that is being written. */
export interface OpenSegment {
  readonly path: string;
  readonly fd: number;
  readonly firstSequence: number;
  readonly seed: number;
  /** Size of the file; what is not written yet is zeros. */
  readonly sizeBytes: number;
}

/**
 * Creates an empty segment, durably: contents first, then the name, so that a name never has half a header behind it.
 * Replaces a segment of the same name, which the caller knows to be empty.
 */
export function createSegment(
  directory: string,
  layer: FileLayer,
  firstSequence: number,
  growthStepBytes: number,
  crashPoint: CrashHook,
): OpenSegment {
  const path = segmentPath(directory, firstSequence);
  const seed = randomInt(2 ** 32);
  const fd = layer.open(path + UNFINISHED_SUFFIX, 'w+');
  try {
    writeFully(layer, fd, headerOf(firstSequence, seed, growthStepBytes), growthStepBytes, 0);
    layer.fdatasync(fd);
    crashPoint('mid-rotate');
    layer.rename(path + UNFINISHED_SUFFIX, path);
    layer.fsyncDirectory(directory);
  } catch (error) {
    layer.close(fd);
    throw error;
  }
  return { path, fd, firstSequence, seed, sizeBytes: growthStepBytes };
}

/** The contents of one segment at a time. */
export class SegmentContents implements ViewedBytes {
  readonly #layer: FileLayer;
  readonly #window: FileWindow;
  #fd: number | undefined;
  path = '';
  sizeBytes = 0;
  firstSequence = 0;
  seed = 0;

  constructor(layer: FileLayer) {
    this.#layer = layer;
    this.#window = new FileWindow(layer);
  }

  get bytes(): Buffer {
    return this.#window.bytes;
  }

  get view(): DataView {
    return this.#window.view;
  }

  /**
   * Opens the file, in place of the one before, and reads its header. To be closed.
   * @param firstSequence what its name says.
   * @throws DamagedJournalError when the header is not that of this segment.
   */
  open(path: string, firstSequence: number): void {
    this.close();
    this.path = path;
    this.#fd = this.#layer.open(path, 'r');
    this.sizeBytes = this.#layer.sizeBytes(this.#fd);
    this.#window.show(this.#fd, this.sizeBytes);
    if (this.sizeBytes > SIZE_BYTES_MAX) throw new DamagedJournalError(path, 0, 'it is too large for a segment');
    if (this.sizeBytes < SEGMENT_HEADER_SIZE_BYTES) throw new DamagedJournalError(path, 0, 'it has no header');
    this.#readHeader(firstSequence);
  }

  close(): void {
    if (this.#fd !== undefined) this.#layer.close(this.#fd);
    this.#fd = undefined;
  }

  /**
   * Brings a part of the file into memory. It lies within the file.
   * @returns where in `bytes` it begins, until the next call.
   */
  at(offset: number, lengthBytes: number): number {
    const at = this.#window.at(offset, lengthBytes);
    if (at === -1) throw new DamagedJournalError(this.path, 0, 'it ends before its size');
    return at;
  }

  #readHeader(firstSequence: number): void {
    const { path } = this;
    const start = this.at(0, SEGMENT_HEADER_SIZE_BYTES);
    const { bytes, view } = this;
    if (!bytes.subarray(start, start + MAGIC.length).equals(MAGIC)) {
      throw new DamagedJournalError(path, 0, 'it is no segment');
    }
    if (view.getUint32(start + AT.check, true) !== crc32(bytes.subarray(start, start + AT.check))) {
      throw new DamagedJournalError(path, 0, 'the checksum of its header is wrong');
    }
    const version = view.getUint32(start + AT.version, true);
    if (version !== RECORD_FORMAT_VERSION) {
      throw new DamagedJournalError(
        path,
        0,
        `it has format ${version}, and this version reads ${RECORD_FORMAT_VERSION}`,
      );
    }
    this.seed = view.getUint32(start + AT.seed, true);
    this.firstSequence = readSequence(view, start + AT.firstSequence);
    if (this.firstSequence !== firstSequence) {
      throw new DamagedJournalError(path, 0, `it begins with command ${this.firstSequence}, its name says otherwise`);
    }
  }
}

/** A header with the first step of zeros behind it. */
function headerOf(firstSequence: number, seed: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  MAGIC.copy(bytes);
  view.setUint32(AT.version, RECORD_FORMAT_VERSION, true);
  view.setUint32(AT.seed, seed, true);
  writeSequence(view, AT.firstSequence, firstSequence);
  view.setUint32(AT.check, crc32(bytes.subarray(0, AT.check)), true);
  return bytes;
}
