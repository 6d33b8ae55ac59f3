/**
 * The record format, version 1. Numbers are little endian; u64 is two u32, low first.
 *
 *   segment   0          32
 *             ┌──────────┬───────┬───────┬─────┬───────┬──────────────────────────────┐
 *             │ header   │ group │ group │  …  │ group │ zeros, or the end of the file │
 *             └──────────┴───────┴───────┴─────┴───────┴──────────────────────────────┘
 *
 *   header    0          8         12     16               24      28      32
 *             ┌──────────┬─────────┬──────┬────────────────┬───────┬───────┐
 *             │ uetcdjnl │ version │ seed │ first sequence │ 0     │ check │   check: crc32 of the 28 bytes before it
 *             └──────────┴─────────┴──────┴────────────────┴───────┴───────┘
 *
 *   group     0     3         4            8        12     16               24      28           32
 *             ┌─────┬─────────┬────────────┬────────┬──────┬────────────────┬───────┬────────────┬──────────┐
 *             │ GRP │ version │ head check │ offset │ size │ first sequence │ count │ body check │ body     │
 *             └─────┴─────────┴────────────┴────────┴──────┴────────────────┴───────┴────────────┴──────────┘
 *             offset: where in the file this group begins, a multiple of 8
 *             size: of the body with its padding, a multiple of 8
 *             body check: crc32 of the body, going on from the segment's seed
 *             head check: crc32 of bytes 8 to 31, going on from the segment's seed
 *
 *   body      ┌────────┬──────┬─────────┬────────┬──────┬─────────┬─────┬──────────────────┐
 *             │ length │ time │ payload │ length │ time │ payload │  …  │ 0 to 7 zero bytes │
 *             └────────┴──────┴─────────┴────────┴──────┴─────────┴─────┴──────────────────┘
 *             length: u32, of the payload · time: f64, ms · the record's sequence: the group's first + its place in it
 *
 * A group is what one write and one fdatasync made durable together. It is valid as a whole or not at all: marker,
 * version, both checks and its own offset are right, and its first sequence is one more than the last before it. So a
 * record is valid when its group is. The checksum is per group because it then costs a call per sync and not per
 * record, and because half a group is of no use: nobody was told of any of it.
 *
 * The seed is drawn at random for each segment. So bytes of another segment, left by a reused block or copied by a
 * confused disk, are not taken for a group, nor is anything that a client puts into a payload: it does not know the
 * seed. The offset in the head does the same within a segment.
 *
 * A group is written only after the one before it is synced. Hence the rule that tells a torn tail from damage: where
 * an invalid place is followed by any valid group head, the invalid place had been durable, and the disk has lost it.
 * Where none follows, it is the group during whose write the power went: no reply has left for it, and it is cut.
 * Damage to the very last group looks just so, unless the segment is *sealed*: a group without records follows, which
 * is written when the journal is closed in order.
 *
 * A segment appears under its name only when its header is durable; so an invalid header is damage too.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';

export const RECORD_FORMAT_VERSION = 1;
export const SEGMENT_HEADER_SIZE_BYTES = 32;
export const GROUP_HEAD_SIZE_BYTES = 32;
export const RECORD_HEAD_SIZE_BYTES = 12;
export const GROUP_ALIGNMENT_BYTES = 8;
/** The marker and the version byte as they lie in the file. */
export const GROUP_MARKER = Buffer.from([0x47, 0x52, 0x50, RECORD_FORMAT_VERSION]);

const MARKER_WORD = GROUP_MARKER.readUInt32LE(0);
const AT = { headCheck: 4, offset: 8, size: 12, firstSequence: 16, count: 24, bodyCheck: 28 } as const;

/** Bytes with a view of them: a pair that is made together and thrown away together. */
export interface ViewedBytes {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function createViewedBytes(sizeBytes: number): ViewedBytes {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, sizeBytes) };
}

/** What a group's head says. One object is filled again and again. */
export interface GroupHead {
  bodySizeBytes: number;
  firstSequence: number;
  recordCount: number;
}

export type OnRecord = (sequence: number, timeMs: number, payload: Buffer, offset: number, lengthBytes: number) => void;

/** Completes the group that begins at 0 of `group` with its body already in place. Clears the padding. */
export function writeGroupHead(
  { bytes, view }: ViewedBytes,
  recordsEnd: number,
  seed: number,
  fileOffset: number,
  firstSequence: number,
  recordCount: number,
): number {
  const end = alignedSizeBytes(recordsEnd);
  bytes.fill(0, recordsEnd, end);
  view.setUint32(0, MARKER_WORD, true);
  view.setUint32(AT.offset, fileOffset, true);
  view.setUint32(AT.size, end - GROUP_HEAD_SIZE_BYTES, true);
  writeSequence(view, AT.firstSequence, firstSequence);
  view.setUint32(AT.count, recordCount, true);
  view.setUint32(AT.bodyCheck, checkOf(bytes, GROUP_HEAD_SIZE_BYTES, end, seed), true);
  view.setUint32(AT.headCheck, checkOf(bytes, AT.offset, GROUP_HEAD_SIZE_BYTES, seed), true);
  return end;
}

/**
 * Reads a group's head.
 * @param at where in `bytes` it begins; all of it is there. @param fileOffset where it begins in the file.
 * @returns false when there is no head written for this place.
 */
export function readGroupHead(
  { bytes, view }: ViewedBytes,
  at: number,
  fileOffset: number,
  seed: number,
  head: GroupHead,
): boolean {
  if (view.getUint32(at, true) !== MARKER_WORD || view.getUint32(at + AT.offset, true) !== fileOffset) return false;
  const check = checkOf(bytes, at + AT.offset, at + GROUP_HEAD_SIZE_BYTES, seed);
  if (view.getUint32(at + AT.headCheck, true) !== check) return false;
  head.bodySizeBytes = view.getUint32(at + AT.size, true);
  head.firstSequence = readSequence(view, at + AT.firstSequence);
  head.recordCount = view.getUint32(at + AT.count, true);
  return true;
}

/** Whether the body behind a valid head at `at` of `bytes`, which hold all of it, is what was written. */
export function isGroupBodyValid({ bytes, view }: ViewedBytes, at: number, seed: number, head: GroupHead): boolean {
  const bodyAt = at + GROUP_HEAD_SIZE_BYTES;
  return view.getUint32(at + AT.bodyCheck, true) === checkOf(bytes, bodyAt, bodyAt + head.bodySizeBytes, seed);
}

/** Hands out those records of the valid group at `groupAt` of `bytes` that lie in the span, both ends of which are open. */
export function eachRecord(
  { bytes, view }: ViewedBytes,
  groupAt: number,
  head: GroupHead,
  afterSequence: number,
  beforeSequence: number,
  onRecord: OnRecord,
): void {
  const end = groupAt + GROUP_HEAD_SIZE_BYTES + head.bodySizeBytes;
  const endSequence = head.firstSequence + head.recordCount;
  let at = groupAt + GROUP_HEAD_SIZE_BYTES;
  for (let sequence = head.firstSequence; sequence < endSequence; sequence++) {
    const lengthBytes = view.getUint32(at, true);
    const payloadAt = at + RECORD_HEAD_SIZE_BYTES;
    const timeMs = view.getFloat64(at + 4, true);
    at = payloadAt + lengthBytes;
    assert(at <= end, 'the records of a valid group lie within it');
    if (sequence > afterSequence && sequence < beforeSequence) {
      onRecord(sequence, timeMs, bytes, payloadAt, lengthBytes);
    }
  }
  assert(alignedSizeBytes(at - groupAt) === end - groupAt, 'the records of a valid group fill it');
}

export function writeRecordHead(view: DataView, offset: number, lengthBytes: number, timeMs: number): void {
  view.setUint32(offset, lengthBytes, true);
  view.setFloat64(offset + 4, timeMs, true);
}

export function writeSequence(view: DataView, offset: number, sequence: number): void {
  view.setUint32(offset, sequence % 0x1_0000_0000, true);
  view.setUint32(offset + 4, Math.floor(sequence / 0x1_0000_0000), true);
}

export function readSequence(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);
}

function alignedSizeBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / GROUP_ALIGNMENT_BYTES) * GROUP_ALIGNMENT_BYTES;
}

function checkOf(bytes: Buffer, from: number, to: number, seed: number): number {
  return crc32(bytes.subarray(from, to), seed);
}
