/**
 * Feeds the journal worker: each command that changes the state, in order, with its sequence in front.
 *
 *   journal ring frame:   sequence, f64 | command frame with slot 0
 *
 * The store worker waits here only when the ring is full, that is when the disk is a whole ring behind.
 */
import { copyBytes } from '../base/bytes.ts';
import { COMMAND_HEAD_SIZE_BYTES, clearSlot, writeCheckpoint, writeTick } from '../frame/command-frame.ts';
import { type LinkEnd, LinkProducer } from '../frame/link.ts';
import { JournalState, type SharedWords } from '../frame/shared-words.ts';
import type { Doorbell } from '../ring/doorbell.ts';
import { waitForRoom } from './room-wait.ts';

export const JOURNAL_FRAME_HEAD_SIZE_BYTES = 8;

export class JournalFeed {
  readonly #link: LinkProducer;
  readonly #words: SharedWords;
  readonly #commandsPerCheckpoint: number;
  #lastCheckpoint: number;

  /**
   * @param commandsPerCheckpoint how many commands lie between two checkpoints, each an occasion for a snapshot.
   * @param lastCheckpoint sequence of the snapshot that the store began with; 0 for an empty one.
   */
  constructor(
    end: LinkEnd,
    journalBell: Doorbell,
    words: SharedWords,
    commandsPerCheckpoint: number,
    lastCheckpoint: number,
  ) {
    this.#link = new LinkProducer(end, journalBell);
    this.#words = words;
    this.#commandsPerCheckpoint = commandsPerCheckpoint;
    this.#lastCheckpoint = lastCheckpoint;
  }

  /** Wakes the journal worker if it sleeps. To be called after every few frames, which then make one group. */
  wakeJournal(): void {
    this.#link.wakeConsumer();
  }

  /** Passes on the command frame at `source[offset]`. */
  command(sequence: number, source: Buffer, offset: number, sizeBytes: number): void {
    const at = this.#claim(sequence, sizeBytes);
    if (at === -1) return;
    copyBytes(source, offset, sizeBytes, this.#link.bytes, at);
    clearSlot(this.#link.view, at);
    this.#link.publishQuietly();
  }

  tick(sequence: number, cutoffMs: number, eventsMax: number): void {
    const at = this.#claim(sequence, COMMAND_HEAD_SIZE_BYTES);
    if (at === -1) return;
    writeTick(this.#link.bytes, this.#link.view, at, cutoffMs, eventsMax);
    this.#link.publishQuietly();
  }

  isCheckpointDue(sequence: number): boolean {
    return sequence - this.#lastCheckpoint >= this.#commandsPerCheckpoint;
  }

  checkpoint(sequence: number, timeMs: number, stateHash: number): void {
    this.#lastCheckpoint = sequence;
    const at = this.#claim(sequence, COMMAND_HEAD_SIZE_BYTES);
    if (at === -1) return;
    writeCheckpoint(this.#link.bytes, this.#link.view, at, timeMs, stateHash);
    this.#link.publishQuietly();
  }

  /** The whole count whose low 32 bits the watermark shows. */
  lastDurable(sequence: number, watermark: number): number {
    return sequence - (((sequence | 0) - watermark) | 0);
  }

  /** @returns where the command is to be written; -1 when the journal has failed and takes nothing any more. */
  #claim(sequence: number, commandSizeBytes: number): number {
    const sizeBytes = JOURNAL_FRAME_HEAD_SIZE_BYTES + commandSizeBytes;
    let at = this.#link.tryClaim(sizeBytes);
    while (at === -1) {
      if (this.#words.journalState === JournalState.failed) return -1;
      waitForRoom(this.#link);
      at = this.#link.tryClaim(sizeBytes);
    }
    this.#link.view.setFloat64(at, sequence, true);
    return at + JOURNAL_FRAME_HEAD_SIZE_BYTES;
  }
}
