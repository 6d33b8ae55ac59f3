/**
 * Gives each command that changes the state its *sequence*, which is the raft index and the position in the journal;
 * says in every reply where the store stands; and knows how far the disk is, and whether it has failed.
 */
import type { LinkConsumer } from '../frame/link.ts';
import { isDurable, JournalState, type SharedWords } from '../frame/shared-words.ts';
import type { Store } from '../store/store.ts';
import { UndoLog } from '../store/undo-log.ts';
import type { JournalFeed } from './journal-feed.ts';
import type { ReplyWriter } from './reply-writer.ts';

export class Sequencer {
  hasDiskFailed = false;
  #sequence = 0;
  #shownSequence = -1;
  readonly #store: Store;
  readonly #words: SharedWords;
  /** Undefined when the store lives in memory only. */
  #journal: JournalFeed | undefined;

  constructor(store: Store, words: SharedWords) {
    this.#store = store;
    this.#words = words;
  }

  /** Of the latest command that may have changed the state. */
  get sequence(): number {
    return this.#sequence;
  }

  /** To be called before anybody is told of what was applied: whoever knows of it finds its index everywhere. */
  readonly show = (): void => {
    // A command that has done nothing moves the sequence, so there is nothing to show when that has stayed.
    if (this.#shownSequence === this.#sequence) return;
    this.#shownSequence = this.#sequence;
    this.#words.sequence = this.#sequence;
    this.#words.etcdIndex = this.#store.index;
  };

  /**
   * From now on all that changes the state is journaled.
   * @param sequence of the last command already in the store.
   */
  journalTo(journal: JournalFeed, sequence: number): void {
    this.#journal = journal;
    this.#sequence = sequence;
    this.show();
    this.#store.undoLog = new UndoLog();
  }

  /** A command is about to be applied. */
  begin(): void {
    this.#sequence++;
    if (this.#store.undoLog !== undefined) this.#store.undoLog.sequence = this.#sequence;
  }

  /** What is answered next stands behind all that has been applied. */
  stamp(replies: ReplyWriter): void {
    replies.gate = this.sequence | 0;
    replies.etcdIndex = this.#store.index;
    replies.raftIndex = this.sequence;
  }

  /** Journals the applied command whose frame `requests` is at. Its answer is in its ring before; the gate keeps it there. */
  journalCommand(requests: LinkConsumer): void {
    const journal = this.#journal;
    if (journal === undefined) return;
    journal.command(this.sequence, requests.bytes, requests.frameOffset, requests.frameSizeBytes);
    if (!journal.isCheckpointDue(this.sequence)) return;
    this.#sequence++;
    journal.checkpoint(this.sequence, this.#store.timeMs, this.#store.stateHash);
  }

  journalTick(cutoffMs: number, eventsMax: number): void {
    this.#journal?.tick(this.sequence, cutoffMs, eventsMax);
    this.#journal?.wakeJournal();
  }

  wakeJournal(): void {
    this.#journal?.wakeJournal();
  }

  /** Whether what stands behind `gate` has to wait for the disk. */
  mustWait(gate: number): boolean {
    return this.#journal !== undefined && !this.hasDiskFailed && !isDurable(gate, this.#words.durableSequence);
  }

  /** Whether the disk has failed, and what it has not taken is still in the store. */
  get mustRollBack(): boolean {
    return !this.hasDiskFailed && this.#words.journalState === JournalState.failed;
  }

  /** Lets go of what is durable; takes back what will never be. @returns whether it has just done so. */
  followDisk(): boolean {
    if (this.#journal === undefined || this.hasDiskFailed) return false;
    // The state first: the journal worker sets it after its last move of the watermark, which must be the one we see.
    const { mustRollBack } = this;
    const durableSequence = this.#journal.lastDurable(this.sequence, this.#words.durableSequence);
    this.#store.undoLog?.trim(durableSequence);
    if (!mustRollBack) return false;
    this.hasDiskFailed = true;
    this.#store.undoLog?.rollBack(this.#store);
    this.#sequence = durableSequence;
    this.show();
    return true;
  }
}
