/** Reads a snapshot chunk by chunk, checking as it goes. The format is in snapshot-file.ts. */
import { crc32 } from 'node:zlib';
import type { NamedFile } from './directory.ts';
import type { FileLayer } from './file-layer.ts';
import { FileWindow } from './file-window.ts';
import { DamagedJournalError } from './journal-error.ts';
import { readSequence } from './record.ts';
import {
  CHUNK_AT,
  CHUNK_HEAD_SIZE_BYTES,
  CHUNK_SIZE_BYTES_MAX,
  FOOTER_AT,
  FOOTER_SIZE_BYTES,
  FOOTER_SIZE_MARK,
  HEADER_AT,
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_HEADER_SIZE_BYTES,
  SNAPSHOT_MAGIC,
} from './snapshot-file.ts';

export interface SnapshotHeader {
  readonly sequence: number;
  readonly metadata: Buffer;
}

/**
 * @param onChunk gets each chunk as it was written, in memory that nobody else will look at. Whether there are enough of them only the
 *   end of the file can tell: when this throws, what was handed out is the beginning of something unknown.
 * @throws DamagedJournalError at the first byte that is not as written.
 */
export function readSnapshot(path: string, layer: FileLayer, onChunk: (chunk: Buffer) => void): SnapshotHeader {
  const fd = layer.open(path, 'r');
  try {
    return new SnapshotReader(path, layer, fd).readAll(onChunk);
  } finally {
    layer.close(fd);
  }
}

/** The same for a snapshot that must be the one its name says. */
export function readNamedSnapshot(file: NamedFile, layer: FileLayer, onChunk: (chunk: Buffer) => void): SnapshotHeader {
  const header = readSnapshot(file.path, layer, onChunk);
  if (header.sequence === file.sequence) return header;
  throw new DamagedJournalError(file.path, 0, `it is of command ${header.sequence}, its name says otherwise`);
}

class SnapshotReader {
  readonly #path: string;
  readonly #sizeBytes: number;
  readonly #window: FileWindow;
  /** Position in the file. */
  #at = 0;
  #check = 0;

  constructor(path: string, layer: FileLayer, fd: number) {
    this.#path = path;
    this.#sizeBytes = layer.sizeBytes(fd);
    this.#window = new FileWindow(layer);
    this.#window.show(fd, this.#sizeBytes);
  }

  readAll(onChunk: (chunk: Buffer) => void): SnapshotHeader {
    const header = this.#readHeader();
    let chunkCount = 0;
    let bodyBytes = 0;
    let sizeBytes = this.#nextSizeBytes();
    while (sizeBytes !== FOOTER_SIZE_MARK) {
      const body = this.#readChunk(sizeBytes);
      chunkCount++;
      bodyBytes += sizeBytes;
      sizeBytes = this.#nextSizeBytes();
      onChunk(body);
    }
    this.#readFooter(chunkCount, bodyBytes);
    return header;
  }

  /** Of the next chunk, or the mark of the footer. */
  #nextSizeBytes(): number {
    const at = this.#need(CHUNK_HEAD_SIZE_BYTES);
    return this.#window.view.getUint32(at + CHUNK_AT.size, true);
  }

  #readHeader(): SnapshotHeader {
    let at = this.#need(SNAPSHOT_HEADER_SIZE_BYTES);
    if (!this.#window.bytes.subarray(at, at + SNAPSHOT_MAGIC.length).equals(SNAPSHOT_MAGIC)) {
      throw this.#damaged('it is no snapshot');
    }
    const metadataSizeBytes = this.#window.view.getUint32(at + HEADER_AT.metadataSize, true);
    if (metadataSizeBytes > CHUNK_SIZE_BYTES_MAX) throw this.#damaged('its metadata have an impossible size');
    at = this.#need(SNAPSHOT_HEADER_SIZE_BYTES + metadataSizeBytes);
    const { bytes, view } = this.#window;
    const metadataAt = at + SNAPSHOT_HEADER_SIZE_BYTES;
    const metadata = Buffer.from(bytes.subarray(metadataAt, metadataAt + metadataSizeBytes));
    this.#check = crc32(metadata, crc32(bytes.subarray(at, at + HEADER_AT.check)));
    if (view.getUint32(at + HEADER_AT.check, true) !== this.#check) throw this.#damaged('its header is not as written');
    const version = view.getUint32(at + HEADER_AT.version, true);
    if (version !== SNAPSHOT_FORMAT_VERSION) {
      throw this.#damaged(`it has format ${version}, and this version reads ${SNAPSHOT_FORMAT_VERSION}`);
    }
    this.#at += SNAPSHOT_HEADER_SIZE_BYTES + metadataSizeBytes;
    return { sequence: readSequence(view, at + HEADER_AT.sequence), metadata };
  }

  /**
   * Copied out of the window. New memory is dear where it is touched first, and on a virtual machine dearer when the kernel does
   * that than when we do (native-bench, "restart").
   */
  #readChunk(sizeBytes: number): Buffer {
    if (sizeBytes > CHUNK_SIZE_BYTES_MAX) throw this.#damaged('a chunk has an impossible size');
    const bodyAt =
      this.#takeChecked(CHUNK_HEAD_SIZE_BYTES + sizeBytes, 'a chunk is not as written') + CHUNK_HEAD_SIZE_BYTES;
    const body = Buffer.allocUnsafeSlow(sizeBytes);
    this.#window.bytes.copy(body, 0, bodyAt, bodyAt + sizeBytes);
    return body;
  }

  #readFooter(chunkCount: number, bodyBytes: number): void {
    const at = this.#takeChecked(FOOTER_SIZE_BYTES, 'its end is not as written');
    const { view } = this.#window;
    const isComplete =
      readSequence(view, at + FOOTER_AT.chunkCount) === chunkCount &&
      readSequence(view, at + FOOTER_AT.bodyBytes) === bodyBytes;
    if (!isComplete) throw this.#damaged('chunks are missing');
    if (this.#at !== this.#sizeBytes) throw this.#damaged('something comes behind its end');
  }

  /** Steps over a chunk or the footer whose check is right. @returns where it lies in the window. */
  #takeChecked(sizeBytes: number, otherwise: string): number {
    const at = this.#need(sizeBytes);
    const { bytes, view } = this.#window;
    this.#check = crc32(bytes.subarray(at + CHUNK_AT.size, at + sizeBytes), this.#check);
    if (view.getUint32(at + CHUNK_AT.check, true) !== this.#check) throw this.#damaged(otherwise);
    this.#at += sizeBytes;
    return at;
  }

  /** Brings so many bytes from the current position into the window. @returns where they lie in it. */
  #need(sizeBytes: number): number {
    const leftBytes = this.#sizeBytes - this.#at;
    if (sizeBytes > leftBytes) throw this.#damaged('it ends too early');
    // With the head of the next chunk, so that one read is enough for each.
    const at = this.#window.at(this.#at, Math.min(sizeBytes + CHUNK_HEAD_SIZE_BYTES, leftBytes));
    if (at === -1) throw this.#damaged('it ends before its size');
    return at;
  }

  #damaged(finding: string): DamagedJournalError {
    return new DamagedJournalError(this.#path, this.#at, finding);
  }
}
