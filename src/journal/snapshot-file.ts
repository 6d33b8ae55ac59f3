/**
 * A snapshot: the state after one command, as a sequence of chunks that mean nothing here. Little endian.
 *
 *   file      ┌────────┬───────┬───────┬─────┬────────┐
 *             │ header │ chunk │ chunk │  …  │ footer │
 *             └────────┴───────┴───────┴─────┴────────┘
 *
 *   header    0          8         12              16         24    28      32
 *             ┌──────────┬─────────┬───────────────┬──────────┬─────┬───────┬──────────┐
 *             │ uetcdsnp │ version │ metadata size │ sequence │ 0   │ check │ metadata │
 *             └──────────┴─────────┴───────────────┴──────────┴─────┴───────┴──────────┘
 *
 *   chunk     0       4      8                footer    0       4            8             16           24
 *             ┌───────┬──────┬──────┐                   ┌───────┬────────────┬─────────────┬────────────┐
 *             │ check │ size │ body │                   │ check │ 0xffffffff │ chunk count │ body bytes │
 *             └───────┴──────┴──────┘                   └───────┴────────────┴─────────────┴────────────┘
 *
 * The header's check is the crc32 of the 28 bytes before it and of the metadata. Each other check is the crc32 of all
 * that follows it in its chunk or footer, going on from the check before: a chain, so that a chunk is valid only in
 * its place. A snapshot is valid when the chain holds to the footer, the footer's counts are right, and nothing comes
 * behind it.
 *
 * It is written as `*.tmp`, synced, renamed, and the directory is synced. So a crash leaves a `.tmp`, which recovery
 * removes, but never half a `.snap`: one that is not valid has been damaged.
 */
import { crc32 } from 'node:zlib';
import { assert, InvariantError } from '../base/assert.ts';
import { type CrashHook, noCrash } from './crash-point.ts';
import { snapshotPath, UNFINISHED_SUFFIX } from './directory.ts';
import { type FileLayer, writeFully } from './file-layer.ts';
import { JournalError } from './journal-error.ts';
import { createViewedBytes, writeSequence } from './record.ts';

export const SNAPSHOT_FORMAT_VERSION = 1;
export const SNAPSHOT_MAGIC = Buffer.from('uetcdsnp', 'latin1');
export const SNAPSHOT_HEADER_SIZE_BYTES = 32;
export const HEADER_AT = { version: 8, metadataSize: 12, sequence: 16, zero: 24, check: 28 } as const;
export const CHUNK_HEAD_SIZE_BYTES = 8;
export const CHUNK_AT = { check: 0, size: 4 } as const;
export const FOOTER_SIZE_BYTES = 24;
export const FOOTER_AT = { chunkCount: 8, bodyBytes: 16 } as const;
export const FOOTER_SIZE_MARK = 0xffffffff;

/** Of one chunk or of the metadata. They are handled whole, in memory. */
export const CHUNK_SIZE_BYTES_MAX = 2 ** 29;
/** Gathered before it is written. */
const STAGING_SIZE_BYTES = 1024 * 1024;
/**
 * Synced as it is written, not at the end at once: the journal's own sync would otherwise stand in line behind
 * hundreds of megabytes.
 */
const SYNC_STEP_BYTES = 1024 * 1024;

export interface SnapshotWriterOptions {
  /** Whatever the reader wants to know of the snapshot as a whole. */
  readonly metadata?: Buffer;
  readonly crashPoint?: CrashHook;
}

export class SnapshotWriter {
  readonly path: string;
  readonly #directory: string;
  readonly #layer: FileLayer;
  readonly #crashPoint: CrashHook;
  readonly #fd: number;
  #staging = createViewedBytes(STAGING_SIZE_BYTES);
  #stagedBytes = 0;
  #writtenBytes = 0;
  #unsyncedBytes = 0;
  #check: number;
  #chunkCount = 0;
  #bodyBytes = 0;
  #isOver = false;

  /**
   * @param sequence of the last command that the state includes.
   * @throws JournalError when the disk does not let us.
   */
  constructor(directory: string, layer: FileLayer, sequence: number, options: SnapshotWriterOptions = {}) {
    this.path = snapshotPath(directory, sequence);
    this.#directory = directory;
    this.#layer = layer;
    this.#crashPoint = options.crashPoint ?? noCrash;
    try {
      this.#fd = layer.open(this.path + UNFINISHED_SUFFIX, 'w+');
    } catch (cause) {
      throw new JournalError(`cannot create ${this.path}${UNFINISHED_SUFFIX}`, cause);
    }
    this.#check = this.#stageHeader(sequence, options.metadata ?? Buffer.alloc(0));
  }

  /** What the file has grown to; for a progress line. */
  get sizeBytes(): number {
    return this.#writtenBytes + this.#stagedBytes;
  }

  /** Adds a chunk, which the reader will get back as one. Copies it. On any failure the snapshot is given up. */
  writeChunk(source: Buffer, offset: number, lengthBytes: number): void {
    assert(lengthBytes <= CHUNK_SIZE_BYTES_MAX, 'a chunk has a size that a reader takes');
    const at = this.#stage(CHUNK_HEAD_SIZE_BYTES + lengthBytes);
    source.copy(this.#staging.bytes, at + CHUNK_HEAD_SIZE_BYTES, offset, offset + lengthBytes);
    this.#staging.view.setUint32(at + CHUNK_AT.size, lengthBytes, true);
    this.#writeCheck(at);
    this.#chunkCount++;
    this.#bodyBytes += lengthBytes;
  }

  /** Completes the snapshot and puts it in its place, durably. Only when this returns may older files go. */
  finish(): void {
    const at = this.#stage(FOOTER_SIZE_BYTES);
    const { view } = this.#staging;
    view.setUint32(at + CHUNK_AT.size, FOOTER_SIZE_MARK, true);
    writeSequence(view, at + FOOTER_AT.chunkCount, this.#chunkCount);
    writeSequence(view, at + FOOTER_AT.bodyBytes, this.#bodyBytes);
    this.#writeCheck(at);
    this.#attempt(() => {
      this.#flush();
      this.#layer.fsync(this.#fd);
      this.#crashPoint('before-rename');
      this.#layer.rename(this.path + UNFINISHED_SUFFIX, this.path);
      this.#crashPoint('after-rename');
      this.#layer.fsyncDirectory(this.#directory);
    });
    this.#isOver = true;
    this.#layer.close(this.#fd);
  }

  /** Gives up: what was written goes away. Does nothing when the snapshot is finished or given up already. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#layer.close(this.#fd);
    try {
      this.#layer.unlink(this.path + UNFINISHED_SUFFIX);
    } catch {
      // It stays as an unfinished file, which the next recovery removes.
    }
  }

  #stageHeader(sequence: number, metadata: Buffer): number {
    assert(metadata.length <= CHUNK_SIZE_BYTES_MAX, 'metadata have a size that a reader takes');
    const at = this.#stage(SNAPSHOT_HEADER_SIZE_BYTES + metadata.length);
    const { bytes, view } = this.#staging;
    SNAPSHOT_MAGIC.copy(bytes, at);
    view.setUint32(at + HEADER_AT.version, SNAPSHOT_FORMAT_VERSION, true);
    view.setUint32(at + HEADER_AT.metadataSize, metadata.length, true);
    writeSequence(view, at + HEADER_AT.sequence, sequence);
    view.setUint32(at + HEADER_AT.zero, 0, true);
    const check = crc32(metadata, crc32(bytes.subarray(at, at + HEADER_AT.check)));
    view.setUint32(at + HEADER_AT.check, check, true);
    metadata.copy(bytes, at + SNAPSHOT_HEADER_SIZE_BYTES);
    return check;
  }

  #writeCheck(at: number): void {
    const { bytes, view } = this.#staging;
    this.#check = crc32(bytes.subarray(at + CHUNK_AT.size, this.#stagedBytes), this.#check);
    view.setUint32(at + CHUNK_AT.check, this.#check, true);
  }

  /** @returns where in the staging area there is now room for so many bytes. */
  #stage(sizeBytes: number): number {
    assert(!this.#isOver, 'a snapshot that is finished or given up takes nothing');
    if (this.#stagedBytes + sizeBytes > this.#staging.bytes.length) {
      this.#attempt(() => this.#flush());
      if (sizeBytes > this.#staging.bytes.length) this.#staging = createViewedBytes(sizeBytes);
    }
    const at = this.#stagedBytes;
    this.#stagedBytes += sizeBytes;
    return at;
  }

  #flush(): void {
    const sizeBytes = this.#stagedBytes;
    if (sizeBytes === 0) return;
    writeFully(this.#layer, this.#fd, this.#staging.bytes, sizeBytes, this.#writtenBytes);
    this.#writtenBytes += sizeBytes;
    this.#unsyncedBytes += sizeBytes;
    this.#stagedBytes = 0;
    this.#crashPoint('mid-snapshot');
    if (this.#unsyncedBytes < SYNC_STEP_BYTES) return;
    this.#layer.fdatasync(this.#fd);
    this.#unsyncedBytes = 0;
  }

  #attempt(what: () => void): void {
    try {
      what();
    } catch (cause) {
      this.abort();
      if (cause instanceof InvariantError) throw cause;
      throw new JournalError(`cannot write ${this.path}`, cause);
    }
  }
}
