/**
 * The duty cycle of the journal worker: whatever the store worker has handed over since the last sync becomes one
 * group, one write and one fdatasync; then the watermark moves and those who wait for it are woken. While the disk
 * syncs, the next group gathers in the ring (group commit).
 *
 * After a failed write or sync nothing is trusted any more: the watermark stands still for ever, frames are thrown
 * away so that the store worker never waits, and a restart is needed.
 */
import { performance } from 'node:perf_hooks';
import { InvariantError } from '../base/assert.ts';
import { ControlOp, timeMsAt } from '../frame/command-frame.ts';
import type { LinkConsumer } from '../frame/link.ts';
import { JournalState, type SharedWords } from '../frame/shared-words.ts';
import type { JournalWriter } from '../journal/journal-writer.ts';
import type { Doorbell } from '../ring/doorbell.ts';
import type { Duty } from './duty-loop.ts';
import { JOURNAL_FRAME_HEAD_SIZE_BYTES } from './journal-feed.ts';
import type { WorkerMessage } from './setup.ts';

/** A group beyond this is synced before more is taken, so that those who wait for its beginning need not wait for all. */
const GROUP_SIZE_BYTES_MAX = 2 * 1024 * 1024;
/** Quiet for so long, the journal seals its last group. */
const QUIET_MS = 250;

export class JournalDuty implements Duty {
  readonly #frames: LinkConsumer;
  readonly #writer: JournalWriter;
  readonly #words: SharedWords;
  readonly #frontEndBells: readonly Doorbell[];
  readonly #storeBell: Doorbell;
  readonly #say: (message: WorkerMessage) => void;
  /** Sequence of the checkpoint that ends the group; 0 without one. */
  #checkpoint = 0;
  #isSealed = true;
  #lastGroupMs = 0;

  constructor(
    frames: LinkConsumer,
    writer: JournalWriter,
    words: SharedWords,
    frontEndBells: readonly Doorbell[],
    storeBell: Doorbell,
    say: (message: WorkerMessage) => void,
  ) {
    this.#frames = frames;
    this.#writer = writer;
    this.#words = words;
    this.#frontEndBells = frontEndBells;
    this.#storeBell = storeBell;
    this.#say = say;
  }

  turn(): number {
    if (this.#words.journalState === JournalState.failed) return this.#discard();
    try {
      const taken = this.#gather();
      if (taken === 0) return this.#sealWhenQuiet();
      this.#lastGroupMs = performance.now();
      this.#isSealed = false;
      this.#words.durableSequence = this.#writer.commit();
      // The store worker looks at the watermark when it has something to do; only a failure is worth its sleep.
      for (const bell of this.#frontEndBells) bell.ring();
      if (this.#checkpoint > 0) this.#closeSegment();
      return taken;
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      this.#fail(error);
      return 1;
    }
  }

  hasWork(): boolean {
    return !this.#frames.isEmpty() || this.#words.isJournalStopping;
  }

  get isCrowded(): boolean {
    return this.#words.isCrowded;
  }

  /** When nothing more comes, the last group is marked as durable too; then the thread may sleep for ever. */
  get idleMsMax(): number {
    const hasFailed = this.#words.journalState === JournalState.failed;
    return this.#isSealed || hasFailed ? Number.POSITIVE_INFINITY : QUIET_MS;
  }

  #sealWhenQuiet(): number {
    if (!this.#isSealed && performance.now() - this.#lastGroupMs >= QUIET_MS) {
      this.#writer.seal();
      this.#isSealed = true;
    }
    return 0;
  }

  /** Takes frames for one group, up to a checkpoint. */
  #gather(): number {
    const frames = this.#frames;
    let taken = 0;
    let groupSizeBytes = 0;
    this.#checkpoint = 0;
    while (groupSizeBytes < GROUP_SIZE_BYTES_MAX && frames.next()) {
      const { bytes, view, frameOffset, frameSizeBytes } = frames;
      const sequence = view.getFloat64(frameOffset, true);
      const at = frameOffset + JOURNAL_FRAME_HEAD_SIZE_BYTES;
      const sizeBytes = frameSizeBytes - JOURNAL_FRAME_HEAD_SIZE_BYTES;
      this.#writer.append(bytes, at, sizeBytes, sequence, timeMsAt(view, at));
      groupSizeBytes += sizeBytes;
      taken++;
      if (bytes[at] === ControlOp.checkpoint) {
        this.#checkpoint = sequence;
        break;
      }
    }
    // The writer has its own copy.
    if (taken > 0) frames.release();
    return taken;
  }

  /** A checkpoint ends its segment, so that a snapshot can be made of closed files alone. */
  #closeSegment(): void {
    this.#writer.rotate();
    this.#say({ kind: 'checkpoint', sequence: this.#checkpoint });
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#say({
      kind: 'log',
      level: 'error',
      text: `the journal has failed, writes are refused until a restart: ${reason}`,
    });
    this.#words.failJournal(`the journal cannot be written: ${reason}`);
    for (const bell of [...this.#frontEndBells, this.#storeBell]) bell.ring();
  }

  #discard(): number {
    let dropped = 0;
    while (this.#frames.next()) dropped++;
    if (dropped > 0) this.#frames.release();
    return dropped;
  }
}
