/** Reads a segment's groups up to the first place without a valid one, and looks at what lies beyond. */
import { WINDOW_SIZE_BYTES } from './file-window.ts';
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

/** What is looked through at a time; a multiple of the alignment of groups. */
const STEP_BYTES = WINDOW_SIZE_BYTES;

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
  const head: GroupHead = { bodySizeBytes: 0, firstSequence: 0, recordCount: 0 };
  let nextSequence = segment.firstSequence;
  let offset = SEGMENT_HEADER_SIZE_BYTES;
  let lastGroupOffset = offset;
  while (nextSequence < beforeSequence) {
    const at = validGroupAt(segment, offset, head);
    if (at === -1 || head.firstSequence !== nextSequence) break;
    eachRecord(segment, at, head, afterSequence, beforeSequence, onRecord);
    nextSequence += head.recordCount;
    lastGroupOffset = offset;
    offset += GROUP_HEAD_SIZE_BYTES + head.bodySizeBytes;
  }
  const strayBytes = nextSequence >= beforeSequence ? 0 : strayBytesFrom(segment, offset);
  return { lastSequence: nextSequence - 1, endOffset: offset, lastGroupOffset, strayBytes };
}

/** @returns where in the segment's `bytes` the group of the file's `offset` lies; -1 when there is none, or it is not as written. */
export function validGroupAt(segment: SegmentContents, offset: number, head: GroupHead): number {
  const headAt = headOfGroupAt(segment, offset, head);
  const groupSizeBytes = GROUP_HEAD_SIZE_BYTES + head.bodySizeBytes;
  if (headAt === -1 || offset + groupSizeBytes > segment.sizeBytes) return -1;
  const at = segment.at(offset, groupSizeBytes);
  return isGroupBodyValid(segment, at, segment.seed, head) ? at : -1;
}

/**
 * Looks for the head of a group behind an invalid place. A head is enough: a group is written only after those before
 * it are durable. The work is bounded by the file: a payload can hold as many markers as it likes, and even with the
 * right offsets each costs one checksum of 24 bytes.
 * @returns its offset; -1 when there is none.
 */
export function findLaterGroup(segment: SegmentContents, endOffset: number): number {
  const head: GroupHead = { bodySizeBytes: 0, firstSequence: 0, recordCount: 0 };
  // Groups begin at multiples of their alignment, so no marker lies across the end of a step.
  const first = Math.floor(endOffset / GROUP_ALIGNMENT_BYTES + 1) * GROUP_ALIGNMENT_BYTES;
  for (let offset = first; offset < segment.sizeBytes; offset += STEP_BYTES) {
    const sizeBytes = Math.min(STEP_BYTES, segment.sizeBytes - offset);
    for (const candidate of markersIn(segment, offset, sizeBytes)) {
      if (headOfGroupAt(segment, candidate, head) !== -1) return candidate;
    }
  }
  return -1;
}

/** Offsets of all aligned markers in a part of the file. */
function markersIn(segment: SegmentContents, offset: number, sizeBytes: number): number[] {
  const from = segment.at(offset, sizeBytes);
  const bytes = segment.bytes.subarray(from, from + sizeBytes);
  const found: number[] = [];
  for (let at = bytes.indexOf(GROUP_MARKER); at !== -1; at = bytes.indexOf(GROUP_MARKER, at + 1)) {
    if (at % GROUP_ALIGNMENT_BYTES === 0) found.push(offset + at);
  }
  return found;
}

/** @returns where in the segment's `bytes` the head lies that is written for the file's `offset`; -1 when there is none. */
function headOfGroupAt(segment: SegmentContents, offset: number, head: GroupHead): number {
  if (offset + GROUP_HEAD_SIZE_BYTES > segment.sizeBytes) return -1;
  const at = segment.at(offset, GROUP_HEAD_SIZE_BYTES);
  return readGroupHead(segment, at, offset, segment.seed, head) ? at : -1;
}

function strayBytesFrom(segment: SegmentContents, offset: number): number {
  let end = segment.sizeBytes;
  while (end > offset) {
    const stepBytes = Math.min(STEP_BYTES, end - offset);
    const from = segment.at(end - stepBytes, stepBytes);
    const { bytes } = segment;
    let at = from + stepBytes;
    while (at > from && bytes[at - 1] === 0) at--;
    if (at > from) return end - stepBytes + (at - from) - offset;
    end -= stepBytes;
  }
  return 0;
}
