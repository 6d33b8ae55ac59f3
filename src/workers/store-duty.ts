/**
 * The duty cycle of the store worker: the single writer. One turn takes a bounded batch of commands from each front
 * end, applies them, answers them, and feeds the journal. No I/O happens here, and nothing is awaited.
 *
 *   request rings ─▶ decode ─▶ store ─▶ answer ─▶ reply ring
 *                                └──▶ events ─▶ reply rings of those who watch (after the writer's own answer)
 *                                └──▶ frame ─▶ journal ring
 */
import { byteStringOf } from '../base/byte-string.ts';
import { addLookUps, CommandReader, ControlOp, type LookUps } from '../frame/command-frame.ts';
import type { LinkConsumer } from '../frame/link.ts';
import { HEAD_BIT, ReplyFormat, STREAM_BIT, WRITE_BIT } from '../frame/reply-frame.ts';
import { isDurable, JournalState, type SharedWords } from '../frame/shared-words.ts';
import { renderMessage, renderStoreStats } from '../protocol/answers.ts';
import { AuthOp, isAuthReadOp, isAuthWriteOp } from '../protocol/auth-request.ts';
import { Flag, Op } from '../protocol/command.ts';
import { renderError, statusOf } from '../protocol/errors.ts';
import type { StoreEvent } from '../store/event.ts';
import { Failure } from '../store/failure.ts';
import { Listing } from '../store/listing.ts';
import type { Node } from '../store/node.ts';
import { renderActionOnly, renderEvent, renderGetOfKey, statusOfEvent } from '../store/render.ts';
import { NO_PLACE, type Store } from '../store/store.ts';
import { UndoLog } from '../store/undo-log.ts';
import type { Watcher } from '../store/watcher-hub.ts';
import { Applier, isWriteOp } from './apply.ts';
import { Deliveries, watcherIdOf } from './deliveries.ts';
import type { JournalFeed } from './journal-feed.ts';
import { ListingJobs } from './listing-jobs.ts';
import type { MemoryGuard } from './memory-guard.ts';
import type { ReplyWriter } from './reply-writer.ts';
import { SecurityFeed } from './security-feed.ts';
import { takeReading } from './store-reading.ts';

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
const RAFT_INTERNAL_ERROR = 300;
/** What a full store takes even so while only events can make room. */
const SMALL_COMMAND_BYTES = 4096;
/** Not 503, since it is no use to come again soon; 507 says what is the matter. */
const INSUFFICIENT_STORAGE = 507;
const MEMORY_FULL = byteStringOf("the store's memory is nearly full (--store-heap-mb)");

/** What the worker holds of one front end. */
export interface FrontEndPort {
  readonly requests: LinkConsumer;
  readonly replies: ReplyWriter;
}

export interface StoreDutyOptions {
  readonly frontEnds: readonly FrontEndPort[];
  readonly words: SharedWords;
  readonly nowMs: () => number;
  /** Says when there is no room for more; undefined when there always is. */
  readonly memory?: MemoryGuard;
}

export class StoreDuty {
  readonly store: Store;
  readonly #frontEnds: readonly FrontEndPort[];
  readonly #words: SharedWords;
  /** Undefined when the store lives in memory only. */
  #journal: JournalFeed | undefined;
  readonly #nowMs: () => number;
  readonly #memory: MemoryGuard | undefined;
  readonly #applier: Applier;
  readonly #security: SecurityFeed;
  readonly #command = new CommandReader();
  readonly #listings = new ListingJobs();
  readonly #deliveries: Deliveries;
  /** Whether front ends have been written to out of their turn, and their bells not rung. */
  #hasDelivered = false;
  /** Counts the commands that change the state: the raft index, and the position in the journal. */
  #sequence = 0;
  #hasDiskFailed = false;
  /** Whether a change of users or roles has made sure of their directories since the process began. */
  #hasEnsuredAuth = false;
  #isExpiryHeldBack = false;
  #renderedEvent: StoreEvent | undefined;
  #renderedBody = '';

  constructor(
    createStore: (onEvent: (event: StoreEvent, recipients: Watcher[]) => void) => Store,
    { frontEnds, words, nowMs, memory }: StoreDutyOptions,
  ) {
    this.store = createStore((event, recipients) => this.#deliveries.add(event, recipients));
    this.#applier = new Applier(this.store);
    this.#security = new SecurityFeed(this.store, this.#applier.security, words);
    this.#frontEnds = frontEnds;
    this.#deliveries = new Deliveries(frontEnds.map(({ replies }) => replies));
    this.#words = words;
    this.#nowMs = nowMs;
    this.#memory = memory;
  }

  /**
   * From now on all that changes the state is journaled.
   * @param sequence of the last command already in the store.
   */
  journalTo(journal: JournalFeed, sequence: number): void {
    this.#journal = journal;
    this.#sequence = sequence;
    this.store.undoLog = new UndoLog();
  }

  /** Tells the front ends of the users and roles that were recovered: before anything else is said to them. */
  tellSecurity(): void {
    this.#security.tellAll(this.#allReplies());
    this.#hasDelivered = true;
  }

  /** One duty cycle. @returns how much was done; 0 means there is nothing to do. */
  turn(): number {
    let done = this.#journal === undefined ? 0 : this.#followDisk(this.#journal);
    done += this.#expire();
    let served = 0;
    for (const frontEnd of this.#frontEnds) served += this.#serve(frontEnd);
    done += this.#listings.continue();
    if (done > 0 || this.#hasDelivered) this.#wakeFrontEnds();
    return done + served;
  }

  /** Whether a turn would find something to do. For the check before parking. */
  hasWork(): boolean {
    for (const frontEnd of this.#frontEnds) if (!frontEnd.requests.isEmpty()) return true;
    return this.#listings.areWaiting || this.#words.isStoreStopping || this.#mustRollBack();
  }

  get isCrowded(): boolean {
    return this.#words.isCrowded;
  }

  /** How long the worker may sleep when nobody asks for anything; Infinity when no node expires. */
  get idleMsMax(): number {
    if (this.#hasDiskFailed) return Number.POSITIVE_INFINITY;
    if (this.#isExpiryHeldBack) return HELD_BACK_EXPIRY_MS;
    const next = this.store.nextExpirationMs;
    return next === Number.POSITIVE_INFINITY ? next : Math.max(0, next - this.#nowMs());
  }

  #serve(frontEnd: FrontEndPort): number {
    const { requests, replies } = frontEnd;
    let served = 0;
    while (served < BATCH_COMMANDS_MAX && requests.next()) {
      this.#command.read(requests.bytes, requests.view, requests.frameOffset, requests.frameSizeBytes);
      this.#perform(frontEnd, replies);
      if (this.#deliveries.areWaiting) this.#deliver();
      served++;
    }
    if (served > 0) {
      requests.release();
      // Now and not at the end of the turn: this one writes to its clients while the others are served.
      this.#journal?.wakeJournal();
      this.#wake(replies);
    }
    return served;
  }

  #perform(frontEnd: FrontEndPort, replies: ReplyWriter): void {
    const command = this.#command;
    const { op } = command;
    if (op <= Op.compareAndDelete) this.#countLookUps();
    if (isWriteOp(op)) {
      this.#write(frontEnd, replies);
      return;
    }
    if (isAuthWriteOp(op)) {
      this.#writeAuth(frontEnd, replies);
      return;
    }
    this.#stamp(replies);
    if (isAuthReadOp(op)) {
      this.#readAuth(replies);
      return;
    }
    switch (op) {
      case Op.get:
        this.#get(replies);
        return;
      case Op.watch:
        this.#watch(frontEnd, replies);
        return;
      case ControlOp.cancelWatch:
        this.store.hub.cancel(this.#watcherId(frontEnd, command.slot));
        replies.released(command.slot);
        return;
      case ControlOp.storeStatistics:
        replies.answer(
          command.slot,
          ReplyFormat.plainJson,
          200,
          renderStoreStats(this.store.statistics.counts, this.store.hub.size),
        );
        return;
      case ControlOp.healthCheck:
        this.store.statistics.countHealthCheck();
        replies.answer(command.slot, ReplyFormat.health, 200, '');
        return;
      case ControlOp.countLookUps:
        this.#security.count(JSON.parse(command.value));
        return;
      case ControlOp.takeReading:
        replies.answer(command.slot, ReplyFormat.reading, 200, this.#reading());
        return;
      default:
        throw new RangeError(`a command frame has the unknown operation ${op}`);
    }
  }

  #write(frontEnd: FrontEndPort, replies: ReplyWriter): void {
    const command = this.#command;
    const { slot, flags } = command;
    if (this.#hasDiskFailed) {
      this.#stamp(replies);
      this.#refuse(replies, slot, flags, new Failure(RAFT_INTERNAL_ERROR, byteStringOf(this.#words.failureReason)));
      return;
    }
    // A refused command was never there: it has no sequence, and the journal does not know it.
    if (adds(command.op, flags) && !this.#hasRoom(frontEnd)) {
      this.#refuseForMemory(replies, slot);
      return;
    }
    this.#sequence++;
    if (this.store.undoLog !== undefined) this.store.undoLog.sequence = this.#sequence;
    const outcome = this.#applier.write(command);
    this.#stamp(replies);
    if (outcome instanceof Failure) this.#refuse(replies, slot, flags | WRITE_FLAG, outcome);
    else {
      const body =
        (flags & Flag.noValueOnSuccess) !== 0 && outcome.node !== undefined
          ? renderActionOnly(outcome)
          : this.#render(outcome);
      replies.answer(slot, ReplyFormat.keys | WRITE_BIT, statusOfEvent(outcome), body);
    }
    this.#journalFrame(frontEnd);
  }

  /** The answer is in its ring before the journal has the frame; the gate keeps it there. */
  #journalFrame({ requests }: FrontEndPort): void {
    if (this.#journal === undefined) return;
    this.#journal.command(this.#sequence, requests.bytes, requests.frameOffset, requests.frameSizeBytes);
    this.#checkpointWhenDue(this.#journal);
  }

  /** A change of users, roles or the switch. */
  #writeAuth(frontEnd: FrontEndPort, replies: ReplyWriter): void {
    const command = this.#command;
    this.#countLookUps();
    if (this.#hasDiskFailed) {
      this.#stamp(replies);
      replies.answer(command.slot, ReplyFormat.auth, 500, renderMessage(byteStringOf(this.#words.failureReason)));
      return;
    }
    // A right must be taken away from a full store, too: so its reserve is open for them, and only that ends.
    if (isAuthAddition(command.op) && !this.#hasRoom(frontEnd) && this.#memory?.hasReserve !== true) {
      this.#stamp(replies);
      replies.answer(command.slot, ReplyFormat.auth, INSUFFICIENT_STORAGE, renderMessage(MEMORY_FULL));
      return;
    }
    this.#sequence++;
    if (this.store.undoLog !== undefined) this.store.undoLog.sequence = this.#sequence;
    if (!this.#hasEnsuredAuth) command.addFlag(Flag.ensureAuth);
    const { index } = this.store;
    const { status, body } = this.#applier.auth(command);
    this.#hasEnsuredAuth = this.#applier.security.hasEnsured;
    // Before the answer: whoever is told that this is done must find it in force.
    const isChange = this.#security.noteChange(index);
    this.#stamp(replies);
    replies.answer(command.slot, ReplyFormat.auth | WRITE_BIT, status, body);
    this.#journalFrame(frontEnd);
    if (!isChange) return;
    this.#security.tellSince(index, this.#allReplies());
    this.#hasDelivered = true;
  }

  #readAuth(replies: ReplyWriter): void {
    const command = this.#command;
    if (command.op !== AuthOp.getEnabled) this.#countLookUps();
    const { status, body } = this.#applier.auth(command);
    replies.answer(command.slot, ReplyFormat.auth, status, body);
  }

  /** What has been looked up to judge the request: the switch, and what its front end says beside. */
  #countLookUps(): void {
    const { lookUps } = this.#command;
    // Nearly always the switch alone is looked up.
    if (lookUps === 0) this.#security.countSwitch();
    else {
      const cost: LookUps = { requests: 0, made: 0, inVain: 0 };
      addLookUps(cost, lookUps);
      this.#security.count(cost);
    }
  }

  /** Of all front ends, stamped. */
  #allReplies(): ReplyWriter[] {
    return this.#frontEnds.map(({ replies }) => {
      this.#stamp(replies);
      return replies;
    });
  }

  /** Whether there is memory for what the current command would add. */
  #hasRoom({ requests }: FrontEndPort): boolean {
    const { frameSizeBytes } = requests;
    if (this.#memory === undefined || this.#memory.admits(frameSizeBytes, this.store.index)) return true;
    // When the history holds more than the tree no deletion is a help: only further events make it forget.
    const { history, tree } = this.store;
    const isHelp =
      history.size > tree.size && frameSizeBytes <= Math.max(SMALL_COMMAND_BYTES, history.nextForgottenBytes);
    return isHelp && this.#memory.hasReserve;
  }

  #refuseForMemory(replies: ReplyWriter, slot: number): void {
    this.#stamp(replies);
    const body = renderError(RAFT_INTERNAL_ERROR, MEMORY_FULL, this.store.index);
    replies.answer(slot, ReplyFormat.keysError, INSUFFICIENT_STORAGE, body);
  }

  #get(replies: ReplyWriter): void {
    const { slot, flags, timeMs, path } = this.#command;
    const outcome = this.store.get(path);
    if (outcome instanceof Failure) this.#refuse(replies, slot, flags, outcome);
    else if (outcome.isDirectory) this.#list(replies, outcome);
    else {
      const body = renderGetOfKey(outcome, this.store.timeFor(timeMs));
      replies.answer(slot, ReplyFormat.keys | headBit(flags), 200, body);
    }
  }

  #list(replies: ReplyWriter, directory: Node): void {
    const { slot, flags, timeMs } = this.#command;
    const listing = new Listing(
      directory,
      (flags & Flag.recursive) !== 0,
      (flags & Flag.sorted) !== 0,
      this.store.timeFor(timeMs),
    );
    this.#listings.begin(listing, replies, slot, ReplyFormat.keys | headBit(flags));
  }

  #watch(frontEnd: FrontEndPort, replies: ReplyWriter): void {
    const { slot, flags, path, value: client, waitIndex } = this.#command;
    const isRecursive = (flags & Flag.recursive) !== 0;
    const isStream = (flags & Flag.stream) !== 0;
    // A watch stays, and its path may be long.
    if (!this.#hasRoom(frontEnd)) {
      this.#refuseForMemory(replies, slot);
      return;
    }
    const found = this.store.watch(this.#watcherId(frontEnd, slot), path, isRecursive, isStream, waitIndex, client);
    if (found instanceof Failure) this.#refuse(replies, slot, flags, found);
    else if (found === NO_PLACE) replies.watchRefused(slot, !this.store.hub.isFull);
    else if (found === undefined) replies.watchOpened(slot);
    else if (isStream) {
      replies.watchOpened(slot);
      const slots = [(slot | STREAM_BIT) >>> 0];
      for (const event of this.store.missedEvents(path, isRecursive, found)) replies.event(slots, renderEvent(event));
    } else replies.answer(slot, ReplyFormat.keys, 200, renderEvent(found));
  }

  #refuse(replies: ReplyWriter, slot: number, flags: number, failure: Failure): void {
    const format = ReplyFormat.keysError | headBit(flags) | ((flags & WRITE_FLAG) !== 0 ? WRITE_BIT : 0);
    const body = renderError(failure.code, failure.cause, this.store.index);
    replies.answer(slot, format, statusOf(failure.code), body);
  }

  /** Sends what has happened to those who watch. */
  #deliver(): void {
    this.#deliveries.deliver(
      (event) => this.#render(event),
      (replies) => this.#stamp(replies),
    );
    this.#hasDelivered = true;
  }

  #wakeFrontEnds(): void {
    for (const { replies } of this.#frontEnds) this.#wake(replies);
    this.#hasDelivered = false;
  }

  /**
   * Wakes a front end, unless all it could do is to see that its replies must wait for the disk: then the journal worker
   * wakes it with the group that they wait for (native-bench, "durable-64").
   */
  #wake(replies: ReplyWriter): void {
    const gate = replies.unannouncedGate;
    if (gate === undefined) return;
    const mustWait =
      this.#journal !== undefined && !this.#hasDiskFailed && !isDurable(gate, this.#words.durableSequence);
    if (!mustWait) replies.wakeFrontEnd();
  }

  #expire(): number {
    if (this.store.tree.ttlQueue.size === 0 || this.#hasDiskFailed) return 0;
    const nowMs = this.#nowMs();
    this.#isExpiryHeldBack = false;
    if (this.store.nextExpirationMs > nowMs) return 0;
    if (this.#frontEnds.some(({ replies }) => replies.backlogBytes > EXPIRY_BACKLOG_BYTES_MAX)) {
      this.#isExpiryHeldBack = true;
      return 0;
    }
    this.#sequence++;
    if (this.store.undoLog !== undefined) this.store.undoLog.sequence = this.#sequence;
    const expired = this.store.tick(nowMs, TICK_EVENTS_MAX);
    this.#journal?.tick(this.#sequence, nowMs, TICK_EVENTS_MAX);
    this.#journal?.wakeJournal();
    if (this.#deliveries.areWaiting) this.#deliver();
    return expired;
  }

  #checkpointWhenDue(journal: JournalFeed): void {
    if (!journal.isCheckpointDue(this.#sequence)) return;
    this.#sequence++;
    journal.checkpoint(this.#sequence, this.store.timeMs, this.store.stateHash);
  }

  /** Lets go of what is durable; takes back what will never be. @returns how much was said to the front ends. */
  #followDisk(journal: JournalFeed): number {
    if (this.#hasDiskFailed) return 0;
    // The state first: the journal worker sets it after its last move of the watermark, which must be the one we see.
    const mustRollBack = this.#mustRollBack();
    const durableSequence = journal.lastDurable(this.#sequence, this.#words.durableSequence);
    this.store.undoLog?.trim(durableSequence);
    if (!mustRollBack) return 0;
    this.#hasDiskFailed = true;
    this.store.undoLog?.rollBack(this.store);
    this.#sequence = durableSequence;
    for (const { replies, slot, format } of this.#listings.takeAll()) {
      this.#stamp(replies);
      const body = renderError(RAFT_INTERNAL_ERROR, byteStringOf(this.#words.failureReason), this.store.index);
      replies.answer(slot, ReplyFormat.keysError | (format & HEAD_BIT), statusOf(RAFT_INTERNAL_ERROR), body);
    }
    for (const replies of this.#allReplies()) replies.rolledBack();
    this.#security.tellAll(this.#allReplies());
    return 1;
  }

  #mustRollBack(): boolean {
    return !this.#hasDiskFailed && this.#words.journalState === JournalState.failed;
  }

  #reading(): string {
    return JSON.stringify(takeReading(this.store, this.#sequence, this.#memory?.isFull ?? false));
  }

  #stamp(replies: ReplyWriter): void {
    replies.gate = this.#sequence | 0;
    replies.etcdIndex = this.store.index;
    replies.raftIndex = this.#sequence;
  }

  /** An event is rendered once, for its writer and for all who watch. */
  #render(event: StoreEvent): string {
    if (event !== this.#renderedEvent) {
      this.#renderedBody = renderEvent(event);
      this.#renderedEvent = event;
    }
    return this.#renderedBody;
  }

  #watcherId(frontEnd: FrontEndPort, slot: number): number {
    return watcherIdOf(this.#frontEnds.indexOf(frontEnd), slot);
  }
}

/** Beyond the bits of a command: the refusal is of a write, not of a read. */
const WRITE_FLAG = 0x1_0000;

/** Whether a change of users and roles may leave more than there was. */
function isAuthAddition(op: number): boolean {
  return op === AuthOp.putUser || op === AuthOp.putRole;
}

/** Whether a write may leave more in the store than there was: deletions do not, nor the renewal of a life. */
function adds(op: number, flags: number): boolean {
  return op !== Op.delete && op !== Op.compareAndDelete && (flags & Flag.refresh) === 0;
}

function headBit(flags: number): number {
  return (flags & Flag.head) !== 0 ? HEAD_BIT : 0;
}
