/** Reads a segment's groups up to the first place without a valid one, and looks at what lies beyond. */
import {
  eachRecord,
  GROUP_ALIGNMENT_BYTES,
  GROUP_HEAD_SIZE_BYTES,
  GROUP_MARKER,
  type GroupHead,
  isGroupBodyValid,
  type OnRecord,
  readGroupHead,
  SEGMENT_HEADER_SIZE_BYTES,
} from './record.ts';
import type { SegmentContents } from './segment.ts';

export interface SegmentReading {
  /** One less than the segment's first when it has no records. */
  readonly lastSequence: number;
  /** Behind the last valid group. */
  readonly endOffset: number;
  /** Where the last valid group begins; equal to `endOffset` when there is none. */
  readonly lastGroupOffset: number;
  /** From `endOffset` to the last byte that is not zero; 0 when the segment ends clean. */
  readonly strayBytes: number;
}

/**
 * Hands out the records between the two sequences, both not included, group by valid group; stops at the group that
 * holds `beforeSequence`. What stands behind the last valid group is the caller's to judge.
 */
export function readSegment(
  segment: SegmentContents,
  afterSequence: number,
  beforeSequence: number,
  onRecord: OnRecord,
): SegmentReading {
  const { seed, sizeBytes } = segment;
  const head: GroupHead = { bodySizeBytes: 0, firstSequence: 0, recordCount: 0 };
  let nextSequence = segment.firstSequence;
  let offset = SEGMENT_HEADER_SIZE_BYTES;
  let lastGroupOffset = offset;
  while (nextSequence < beforeSequence && readGroupHead(segment, offset, sizeBytes, seed, head)) {
    if (head.firstSequence !== nextSequence || !isGroupBodyValid(segment, offset, sizeBytes, seed, head)) break;
    eachRecord(segment, offset, head, afterSequence, beforeSequence, onRecord);
    nextSequence += head.recordCount;
    lastGroupOffset = offset;
    offset += GROUP_HEAD_SIZE_BYTES + head.bodySizeBytes;
  }
  const strayBytes = nextSequence >= beforeSequence ? 0 : strayBytesFrom(segment, offset);
  return { lastSequence: nextSequence - 1, endOffset: offset, lastGroupOffset, strayBytes };
}

/**
 * Looks for the head of a group behind an invalid place. A head is enough: a group is written only after those before
 * it are durable. The work is bounded by the file: a payload can hold as many markers as it likes, and even with the
 * right offsets each costs one checksum of 24 bytes.
 * @returns its offset; -1 when there is none.
 */
export function findLaterGroup(segment: SegmentContents, endOffset: number): number {
  const { bytes, seed, sizeBytes } = segment;
  const head: GroupHead = { bodySizeBytes: 0, firstSequence: 0, recordCount: 0 };
  let offset = bytes.indexOf(GROUP_MARKER, endOffset + 1);
  while (offset !== -1 && offset < sizeBytes) {
    const isAligned = offset % GROUP_ALIGNMENT_BYTES === 0;
    if (isAligned && readGroupHead(segment, offset, sizeBytes, seed, head)) return offset;
    offset = bytes.indexOf(GROUP_MARKER, offset + 1);
  }
  return -1;
}

function strayBytesFrom({ bytes, sizeBytes }: SegmentContents, offset: number): number {
  let end = sizeBytes;
  while (end > offset && bytes[end - 1] === 0) end--;
  return end - offset;
}
