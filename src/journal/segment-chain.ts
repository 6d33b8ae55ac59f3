/** Reads segments one after the other, as one journal: each has to begin where the one before ends. */
import type { NamedFile } from './directory.ts';
import type { FileLayer } from './file-layer.ts';
import { DamagedJournalError } from './journal-error.ts';
import type { OnRecord } from './record.ts';
import { SegmentContents } from './segment.ts';
import { findLaterGroup, readSegment, type SegmentReading } from './segment-reader.ts';

export class SegmentChain {
  readonly contents: SegmentContents;
  /** Up to here the records are in order; 0 before anything is read. */
  lastSequence = 0;
  readonly #afterSequence: number;
  readonly #beforeSequence: number;
  readonly #onRecord: OnRecord;

  /** `onRecord` gets the records between the two sequences, both not included. */
  constructor(layer: FileLayer, afterSequence: number, beforeSequence: number, onRecord: OnRecord) {
    this.contents = new SegmentContents(layer);
    this.#afterSequence = afterSequence;
    this.#beforeSequence = beforeSequence;
    this.#onRecord = onRecord;
  }

  /** To be called in the end, whatever has been thrown. */
  close(): void {
    this.contents.close();
  }

  /** A segment that another follows was durable to its end. Whatever is wrong with it is damage. */
  readClosed(file: NamedFile, next: NamedFile): void {
    const reading = this.#read(file);
    if (this.lastSequence + 1 >= this.#beforeSequence) return;
    if (reading.strayBytes > 0) {
      throw new DamagedJournalError(file.path, reading.endOffset, 'there is no valid group, and the segment is closed');
    }
    if (this.lastSequence + 1 === next.sequence) return;
    const finding = `it ends with command ${this.lastSequence}, and ${next.path} begins with ${next.sequence}`;
    throw new DamagedJournalError(file.path, reading.endOffset, finding);
  }

  /** The segment that was being written may end in a group that was not synced: the caller cuts what is stray. */
  readLast(file: NamedFile): SegmentReading {
    const reading = this.#read(file);
    if (reading.strayBytes === 0) return reading;
    const later = findLaterGroup(this.contents, reading.endOffset);
    if (later === -1) return reading;
    const finding = `there is no valid group, and one that was written after it follows at ${later}`;
    throw new DamagedJournalError(file.path, reading.endOffset, finding);
  }

  #read(file: NamedFile): SegmentReading {
    this.contents.open(file.path, file.sequence);
    const reading = readSegment(this.contents, this.#afterSequence, this.#beforeSequence, this.#onRecord);
    this.lastSequence = reading.lastSequence;
    return reading;
  }
}

/**
 * The segments that continue a snapshot; those before lie wholly below it.
 * @param snapshotSequence 0 when there is no snapshot.
 * @returns undefined when no segment does.
 */
export function segmentsContinuing(
  segments: readonly NamedFile[],
  snapshotSequence: number,
): readonly NamedFile[] | undefined {
  const position = segments.findLastIndex(({ sequence }) => sequence <= snapshotSequence + 1);
  return position === -1 ? undefined : segments.slice(position);
}
