/**
 * The duty cycle of the store worker: the single writer. One turn takes a bounded batch of commands from each front
 * end, applies them, answers them, and feeds the journal. No I/O happens here, and nothing is awaited.
 *
 *   request rings ─▶ decode ─▶ store ─▶ answer ─▶ reply ring
 *                                └──▶ events ─▶ reply rings of those who watch (after the writer's own answer)
 *                                └──▶ frame ─▶ journal ring
 */
import type { SharedWords } from '../frame/shared-words.ts';
import type { StoreEvent } from '../store/event.ts';
import type { Store } from '../store/store.ts';
import type { Watcher } from '../store/watcher-hub.ts';
import { Deliveries } from './deliveries.ts';
import type { JournalFeed } from './journal-feed.ts';
import type { KeptReads } from './kept-reads.ts';
import { COMMANDS_PER_LOOK, LookAhead } from './look-ahead.ts';
import type { MemoryGuard } from './memory-guard.ts';
import type { ReplyWriter } from './reply-writer.ts';
import { Sequencer } from './sequencer.ts';
import { type FrontEndPort, StoreCommands } from './store-commands.ts';

/** Commands taken from one front end before the next has its turn. None waits for more than these of each other one. */
const BATCH_COMMANDS_MAX = 64;
/** Nodes that one tick expires: the others' commands wait no longer than this many take. */
const TICK_EVENTS_MAX = 100;
/**
 * With more than this before it in a reply ring an answer would wait for the events of a crowd of expired keys: expiry
 * waits instead, and looks again so soon (native-bench, "expiry").
 */
const EXPIRY_BACKLOG_BYTES_MAX = 128 * 1024;
const HELD_BACK_EXPIRY_MS = 0.25;

export interface StoreDutyOptions {
  readonly frontEnds: readonly FrontEndPort[];
  readonly words: SharedWords;
  readonly nowMs: () => number;
  readonly keptReads: KeptReads;
  /** Of large listings, until their clients have them; no bound without. */
  readonly listingBytesMax?: number;
  /** Says when there is no room for more; undefined when there always is. */
  readonly memory?: MemoryGuard;
}

export class StoreDuty {
  readonly store: Store;
  readonly #frontEnds: readonly FrontEndPort[];
  readonly #words: SharedWords;
  readonly #nowMs: () => number;
  readonly #sequencer: Sequencer;
  readonly #commands: StoreCommands;
  readonly #deliveries: Deliveries;
  readonly #lookAhead: LookAhead;
  #isExpiryHeldBack = false;

  constructor(
    createStore: (onEvent: (event: StoreEvent, recipients: Watcher[]) => void) => Store,
    { frontEnds, words, nowMs, keptReads, listingBytesMax = Number.POSITIVE_INFINITY, memory }: StoreDutyOptions,
  ) {
    this.store = createStore((event, recipients) => this.#deliveries.add(event, recipients));
    this.store.tree.onChange = keptReads.changed;
    this.#lookAhead = new LookAhead(this.store.tree);
    this.#sequencer = new Sequencer(this.store, words);
    this.#commands = new StoreCommands(
      this.store,
      this.#sequencer,
      frontEnds,
      words,
      keptReads,
      memory,
      listingBytesMax,
    );
    for (const { replies } of frontEnds) replies.onPublish = this.#sequencer.show;
    this.#deliveries = new Deliveries(frontEnds.map(({ replies }) => replies));
    this.#frontEnds = frontEnds;
    this.#words = words;
    this.#nowMs = nowMs;
  }

  /**
   * From now on all that changes the state is journaled.
   * @param sequence of the last command already in the store.
   */
  journalTo(journal: JournalFeed, sequence: number): void {
    this.#sequencer.journalTo(journal, sequence);
  }

  /** Tells the front ends of the users and roles that were recovered: before anything else is said to them. */
  tellSecurity(): void {
    this.#commands.tellSecurity();
    this.#wakeFrontEnds();
  }

  /** One duty cycle. @returns how much was done; 0 means there is nothing to do. */
  turn(): number {
    let done = this.#followDisk();
    done += this.#expire();
    for (const frontEnd of this.#frontEnds) done += this.#serve(frontEnd);
    done += this.#commands.continue();
    if (done > 0) this.#wakeFrontEnds();
    return done;
  }

  /** Whether a turn would find something to do. For the check before parking. */
  hasWork(): boolean {
    for (const frontEnd of this.#frontEnds) if (!frontEnd.requests.isEmpty()) return true;
    return this.#commands.areUnfinished || this.#words.isStoreStopping || this.#sequencer.mustRollBack;
  }

  get isCrowded(): boolean {
    return this.#words.isCrowded;
  }

  /** How long the worker may sleep when nobody asks for anything; Infinity when no node expires. */
  get idleMsMax(): number {
    if (this.#sequencer.hasDiskFailed) return Number.POSITIVE_INFINITY;
    if (this.#isExpiryHeldBack) return HELD_BACK_EXPIRY_MS;
    if (this.store.nextExpirationMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    const nowMs = this.#nowMs();
    return Math.max(0, this.#nextTickMs(nowMs) - nowMs);
  }

  /** When something is to expire, epoch ms; Infinity when no node has a timer. */
  #nextTickMs(nowMs: number): number {
    return Math.max(this.store.nextExpirationMs, this.#commands.graceEndMs(nowMs));
  }

  #serve(frontEnd: FrontEndPort): number {
    const { requests, replies } = frontEnd;
    let served = 0;
    while (served < BATCH_COMMANDS_MAX && requests.next()) {
      if (served % COMMANDS_PER_LOOK === 0) this.#lookAhead.look(requests);
      this.#commands.perform(frontEnd);
      if (this.#deliveries.areWaiting) this.#deliver();
      served++;
    }
    if (served > 0) {
      requests.release();
      // Now and not at the end of the turn: this one writes to its clients while the others are served.
      this.#sequencer.wakeJournal();
      this.#wake(replies);
    }
    return served;
  }

  /** Sends what has happened to those who watch. */
  #deliver(): void {
    this.#deliveries.deliver(
      (event) => this.#commands.render(event),
      (replies) => this.#sequencer.stamp(replies),
    );
  }

  #wakeFrontEnds(): void {
    this.#sequencer.show(); // What nobody is told of, too: an expiry that nobody watches.
    for (const { replies } of this.#frontEnds) this.#wake(replies);
  }

  /**
   * Wakes a front end, unless all it could do is to see that its replies must wait for the disk: then the journal worker
   * wakes it with the group that they wait for (native-bench, "durable-64").
   */
  #wake(replies: ReplyWriter): void {
    replies.publish();
    const gate = replies.unannouncedGate;
    if (gate !== undefined && !this.#sequencer.mustWait(gate)) replies.wakeFrontEnd();
  }

  #expire(): number {
    this.#isExpiryHeldBack = false;
    if (this.store.tree.ttlQueue.size === 0 || this.#sequencer.hasDiskFailed) return 0;
    const nowMs = this.#nowMs();
    if (this.#nextTickMs(nowMs) > nowMs) return 0;
    if (this.#frontEnds.some(({ replies }) => replies.backlogBytes > EXPIRY_BACKLOG_BYTES_MAX)) {
      this.#isExpiryHeldBack = true;
      return 0;
    }
    this.#sequencer.begin();
    const expired = this.store.tick(nowMs, TICK_EVENTS_MAX);
    this.#sequencer.journalTick(nowMs, TICK_EVENTS_MAX);
    if (this.#deliveries.areWaiting) this.#deliver();
    return expired;
  }

  /** @returns how much was said to the front ends. */
  #followDisk(): number {
    if (!this.#sequencer.followDisk()) return 0;
    this.#commands.refuseUndone();
    return 1;
  }
}
