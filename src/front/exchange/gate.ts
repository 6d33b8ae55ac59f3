/**
 * The durability gate: what is not on the disk does not leave (ARCHITECTURE, invariant 5). Replies are taken in order, so
 * one that must wait holds all behind it.
 *
 * When the disk fails the gate opens, for nothing above the watermark will ever be durable: whatever was held is undone,
 * until the store worker says that it has gone back to what is left.
 */
import { ReplyFormat, ReplyKind, type ReplyReader } from '../../frame/reply-frame.ts';
import { isDurable, JournalState, type SharedWords } from '../../frame/shared-words.ts';

export class Gate {
  readonly #words: SharedWords;
  /** Whether there is a disk to wait for. */
  readonly #isGated: boolean;
  #hasRolledBack = false;
  #isHeld = false;
  #heldSequence = 0;

  constructor(words: SharedWords) {
    this.#words = words;
    this.#isGated = words.journalState !== JournalState.none;
  }

  /** Whether a reply with this gate may leave; if not it is held, and all behind it. @param sequence of its gate. */
  admits(sequence: number): boolean {
    this.#isHeld = !this.#mayLeave(sequence);
    this.#heldSequence = sequence;
    return !this.#isHeld;
  }

  /** Whether the next reply must still wait. */
  get isShut(): boolean {
    return this.#isHeld && !this.#mayLeave(this.#heldSequence);
  }

  /** Whether all is durable that a command up to `sequence` has done, and the disk is well. */
  isOpenFor(sequence: number): boolean {
    return (
      !this.#isGated ||
      (isDurable(sequence, this.#words.durableSequence) && this.#words.journalState === JournalState.running)
    );
  }

  #mayLeave(sequence: number): boolean {
    return (
      !this.#isGated ||
      isDurable(sequence, this.#words.durableSequence) ||
      this.#words.journalState === JournalState.failed
    );
  }

  /** Whether a frame tells of something that the failed disk has taken back. */
  isUndone(reply: ReplyReader): boolean {
    if (!this.#isGated || this.#hasRolledBack || this.#words.journalState !== JournalState.failed) return false;
    // What the store says of itself is true all the same.
    if (reply.kind === ReplyKind.rolledBack || reply.format === ReplyFormat.reading) return false;
    return !isDurable(reply.gate, this.#words.durableSequence);
  }

  /** The store has gone back to what is durable: all that it says from now on is true. */
  noteRolledBack(): void {
    this.#hasRolledBack = true;
  }
}
