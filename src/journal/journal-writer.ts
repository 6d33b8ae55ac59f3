/**
 * The writing end of the journal. Records gather in memory; one write and one fdatasync make a group of them durable.
 * Only then may anybody be told. Whoever owns it calls, on one thread:
 *
 *   append · append · … · commit ─▶ durable sequence ─▶ replies may leave
 *
 * A full segment is closed before the next group is written, so that its cost is never between a sync and its replies.
 *
 * After any failure it refuses everything. Above all it never tries a failed fdatasync again: the kernel reports the
 * error once, marks the pages clean, and says yes the second time although nothing was written. Recovery knows this
 * too: it writes the last group again before it believes in it.
 */
import { performance } from 'node:perf_hooks';
import { assert, InvariantError } from '../base/assert.ts';
import { type CrashHook, noCrash } from './crash-point.ts';
import { listDirectory } from './directory.ts';
import { type FileLayer, writeFully } from './file-layer.ts';
import { GroupBuffer } from './group-buffer.ts';
import { JournalError } from './journal-error.ts';
import { SEGMENT_HEADER_SIZE_BYTES } from './record.ts';
import { createSegment, GROWTH_STEP_BYTES, type OpenSegment, SegmentContents } from './segment.ts';
import { readSegment } from './segment-reader.ts';

export interface JournalWriterOptions {
  /** Of the first record that will be appended: what recovery found, and one more. */
  readonly nextSequence: number;
  /** A segment that has reached this size is followed by a new one. */
  readonly segmentSizeBytesMax: number;
  /** By how much a segment's file grows when it is full; at least a header's size. */
  readonly growthStepBytes?: number;
  /** How long it is believed that the segment's file has a name, once that was seen. */
  readonly nameCheckMs?: number;
  readonly crashPoint?: CrashHook;
}

/**
 * A look at the name takes a twentieth of what a group of a single client takes: native-bench, "durable-1". With a file go all
 * groups that it ever had, so it makes no difference if a few milliseconds' more go with it, as long as it is seen: before
 * the file is left it is looked at once more.
 */
const NAME_CHECK_MS = 10;

export class JournalWriter {
  readonly #directory: string;
  readonly #layer: FileLayer;
  readonly #segmentSizeBytesMax: number;
  readonly #growthStepBytes: number;
  readonly #crashPoint: CrashHook;
  readonly #group = new GroupBuffer();
  #segment: OpenSegment;
  /** Size of the segment's file. */
  #sizeBytes: number;
  /** Behind the segment's last group. */
  #end = SEGMENT_HEADER_SIZE_BYTES;
  #nextSequence: number;
  #durableSequence: number;
  #isSealed = false;
  #isClosed = false;
  #failure: JournalError | undefined;
  readonly #nameCheckMs: number;
  #nameSeenMs = Number.NEGATIVE_INFINITY;

  /**
   * Begins a new segment in a directory that has been recovered.
   * @throws JournalError when the disk does not let us.
   */
  static open(directory: string, layer: FileLayer, options: JournalWriterOptions): JournalWriter {
    assertNothingBeyond(directory, layer, options.nextSequence);
    try {
      const growthStepBytes = options.growthStepBytes ?? GROWTH_STEP_BYTES;
      const segment = createSegment(directory, layer, options.nextSequence, growthStepBytes, noCrash);
      return new JournalWriter(directory, layer, options, segment);
    } catch (cause) {
      throw asFailure(`cannot begin a journal in ${directory}`, cause);
    }
  }

  private constructor(directory: string, layer: FileLayer, options: JournalWriterOptions, segment: OpenSegment) {
    this.#directory = directory;
    this.#layer = layer;
    this.#segmentSizeBytesMax = options.segmentSizeBytesMax;
    this.#growthStepBytes = segment.sizeBytes;
    this.#crashPoint = options.crashPoint ?? noCrash;
    this.#nameCheckMs = options.nameCheckMs ?? NAME_CHECK_MS;
    this.#segment = segment;
    this.#sizeBytes = segment.sizeBytes;
    this.#nextSequence = options.nextSequence;
    this.#durableSequence = options.nextSequence - 1;
  }

  get durableSequence(): number {
    return this.#durableSequence;
  }

  /** What has been appended and not committed. When it is large, commit: the group lies in memory. */
  get pendingBytes(): number {
    return this.#group.recordCount === 0 ? 0 : this.#group.sizeBytes;
  }

  get failure(): JournalError | undefined {
    return this.#failure;
  }

  /**
   * Copies a record into the group.
   * @param sequence one more than that of the record before.
   * @throws JournalError after a failure, the same each time.
   */
  append(source: Buffer, offset: number, lengthBytes: number, sequence: number, timeMs: number): void {
    this.#assertUsable();
    assert(sequence === this.#nextSequence, 'records come in the order of their sequence, none left out');
    this.#group.append(source, offset, lengthBytes, timeMs);
    this.#nextSequence++;
  }

  /**
   * Makes all that was appended durable.
   * @returns the sequence up to which everything is durable.
   * @throws JournalError when that is not sure. Then none of the group may be acknowledged, now or later.
   */
  commit(): number {
    this.#assertUsable();
    if (this.#group.recordCount === 0) return this.#durableSequence;
    if (this.#end >= this.#segmentSizeBytesMax) this.#leaveSegment(this.#durableSequence + 1);
    this.#attempt('cannot write to', () => this.#writeGroup());
    this.#durableSequence = this.#nextSequence - 1;
    this.#isSealed = false;
    return this.#durableSequence;
  }

  /** Closes the segment and begins the next, if it has records: what is closed a snapshot can take in. */
  rotate(): void {
    this.commit();
    this.#leaveSegment(this.#nextSequence);
  }

  /**
   * Marks the last group as one that was durable, so that damage to it will not pass for a torn tail. Costs a sync;
   * for when there is nothing else to do.
   */
  seal(): void {
    this.commit();
    if (this.#isSealed || this.#nextSequence === this.#segment.firstSequence) return;
    this.#nameSeenMs = Number.NEGATIVE_INFINITY;
    this.#attempt('cannot seal', () => this.#writeGroup());
    this.#isSealed = true;
  }

  /** The segments that will not change any more, oldest first. */
  closedSegments(): string[] {
    const { segments } = listDirectory(this.#directory, this.#layer);
    return segments.filter(({ sequence }) => sequence < this.#segment.firstSequence).map(({ path }) => path);
  }

  /** Commits, seals and closes. After a failure it only closes. */
  close(): void {
    if (this.#isClosed) return;
    try {
      if (this.#failure === undefined) this.seal();
    } finally {
      this.#isClosed = true;
      this.#layer.close(this.#segment.fd);
    }
  }

  #writeGroup(): void {
    const { fd, seed } = this.#segment;
    const group = this.#group;
    const groupSizeBytes = group.finish(seed, this.#end, this.#durableSequence + 1);
    const end = this.#end + groupSizeBytes;
    const sizeBytes = Math.max(this.#sizeBytes, Math.ceil(end / this.#growthStepBytes) * this.#growthStepBytes);
    const writeSizeBytes = sizeBytes > this.#sizeBytes ? sizeBytes - this.#end : groupSizeBytes;
    group.extendWithZeros(groupSizeBytes, writeSizeBytes);
    this.#crashPoint('before-append');
    writeFully(this.#layer, fd, group.bytes, writeSizeBytes, this.#end);
    this.#crashPoint('after-append');
    this.#layer.fdatasync(fd);
    this.#crashPoint('after-fdatasync');
    this.#checkName(fd);
    group.clear();
    this.#end = end;
    this.#sizeBytes = sizeBytes;
  }

  /** A file whose last name is gone takes writes and syncs without a word, and vanishes with our process. */
  #checkName(fd: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#nameSeenMs < this.#nameCheckMs) return;
    if (this.#layer.isDeleted(fd)) throw Object.assign(new Error('the file was deleted'), { code: 'ENOENT' });
    this.#nameSeenMs = nowMs;
  }

  /** Stays when the segment has no records: the next one would have the same name. */
  #leaveSegment(firstSequence: number): void {
    if (firstSequence === this.#segment.firstSequence) return;
    this.#attempt('cannot go on from', () => {
      this.#crashPoint('before-rotate');
      // Nobody looks at it any more from here on.
      this.#nameSeenMs = Number.NEGATIVE_INFINITY;
      this.#checkName(this.#segment.fd);
      const next = createSegment(this.#directory, this.#layer, firstSequence, this.#growthStepBytes, this.#crashPoint);
      const previous = this.#segment;
      this.#segment = next;
      this.#sizeBytes = next.sizeBytes;
      this.#end = SEGMENT_HEADER_SIZE_BYTES;
      this.#isSealed = false;
      this.#layer.close(previous.fd);
      this.#crashPoint('after-rotate');
    });
  }

  #attempt(doing: string, what: () => void): void {
    try {
      what();
    } catch (cause) {
      this.#failure = asFailure(`${doing} ${this.#segment.path}`, cause);
      throw this.#failure;
    }
  }

  #assertUsable(): void {
    assert(!this.#isClosed, 'a closed journal takes nothing');
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function asFailure(doing: string, cause: unknown): JournalError {
  if (cause instanceof InvariantError) throw cause;
  return new JournalError(doing, cause);
}

/** A segment of the next sequence may be there from a start without writes; it will be replaced, so it must be empty. */
function assertNothingBeyond(directory: string, layer: FileLayer, nextSequence: number): void {
  const last = listDirectory(directory, layer).segments.at(-1);
  if (last === undefined || last.sequence < nextSequence) return;
  assert(last.sequence === nextSequence, 'no segment lies beyond what has been recovered');
  const contents = new SegmentContents(layer);
  try {
    contents.open(last.path, last.sequence);
    const { lastSequence } = readSegment(contents, 0, Number.POSITIVE_INFINITY, () => {});
    assert(lastSequence < nextSequence, 'a segment that is replaced has no records');
  } finally {
    contents.close();
  }
}
