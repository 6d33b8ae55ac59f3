/**
 * One command after the other: performed on the store, answered into the reply ring of the front end that sent it, and
 * handed to the journal when it has changed the state. What it refuses here is etcd's refusal, or that of a full store, or
 * of one whose disk has failed.
 */
import { byteStringOf } from '../base/byte-string.ts';
import { addLookUps, CommandReader, ControlOp, type LookUps } from '../frame/command-frame.ts';
import type { LinkConsumer } from '../frame/link.ts';
import { KEPT_ANSWER_BYTES_MAX, ReadVersions } from '../frame/read-versions.ts';
import { HEAD_BIT, ReplyFormat, STREAM_BIT, WRITE_BIT } from '../frame/reply-frame.ts';
import type { SharedWords } from '../frame/shared-words.ts';
import { renderMessage, renderStoreStats } from '../protocol/answers.ts';
import { AuthOp, isAuthReadOp, isAuthWriteOp } from '../protocol/auth-request.ts';
import { Flag, Op } from '../protocol/command.ts';
import { RAFT_INTERNAL_ERROR, renderError, statusOf } from '../protocol/errors.ts';
import type { StoreEvent } from '../store/event.ts';
import { Failure } from '../store/failure.ts';
import { Listing } from '../store/listing.ts';
import type { Node } from '../store/node.ts';
import { renderActionOnly, renderEvent, statusOfEvent } from '../store/render.ts';
import { eventSizeBytes, getOfKeySizeBytes } from '../store/render-bytes.ts';
import { NO_PLACE, type Store } from '../store/store.ts';
import { Applier, isWriteOp } from './apply.ts';
import { watcherIdOf } from './deliveries.ts';
import type { KeptReads } from './kept-reads.ts';
import { ListingJobs } from './listing-jobs.ts';
import { ListingRoom } from './listing-room.ts';
import type { MemoryGuard } from './memory-guard.ts';
import type { ReplyWriter } from './reply-writer.ts';
import { SecurityFeed } from './security-feed.ts';
import type { Sequencer } from './sequencer.ts';
import { takeReading } from './store-reading.ts';

/** What a full store takes even so while only events can make room. */
const SMALL_COMMAND_BYTES = 4096;
/** Not 503, since it is no use to come again soon; 507 says what is the matter. */
const INSUFFICIENT_STORAGE = 507;
const MEMORY_FULL = byteStringOf("the store's memory is nearly full (--store-heap-mb)");

/**
 * etcd looks every 500 ms for what has expired, so what is written with its life already over (`ttl=0`, or one that
 * overflows) can be read, changed and deleted for a while. Clients find it there, and here for half as long, too.
 */
const GRACE_MS = 250;

/** What the worker holds of one front end. */
export interface FrontEndPort {
  readonly requests: LinkConsumer;
  readonly replies: ReplyWriter;
}

export class StoreCommands {
  readonly #store: Store;
  readonly #sequencer: Sequencer;
  readonly #frontEnds: readonly FrontEndPort[];
  readonly #words: SharedWords;
  readonly #keptReads: KeptReads;
  /** Undefined when there is always room. */
  readonly #memory: MemoryGuard | undefined;
  readonly #applier: Applier;
  readonly #security: SecurityFeed;
  readonly #command = new CommandReader();
  readonly #listings: ListingJobs;
  /** Whether a change of users or roles has made sure of their directories since the process began. */
  #hasEnsuredAuth = false;
  /** Epoch ms: until when what is due may be read still, since it was written with its life already over. */
  #graceEndMs = 0;
  #renderedEvent: StoreEvent | undefined;
  #renderedBody = '';

  constructor(
    store: Store,
    sequencer: Sequencer,
    frontEnds: readonly FrontEndPort[],
    words: SharedWords,
    keptReads: KeptReads,
    memory: MemoryGuard | undefined,
    listingBytesMax: number,
  ) {
    this.#store = store;
    this.#sequencer = sequencer;
    this.#frontEnds = frontEnds;
    this.#words = words;
    this.#keptReads = keptReads;
    this.#memory = memory;
    this.#applier = new Applier(store);
    const replies = frontEnds.map((frontEnd) => frontEnd.replies);
    this.#listings = new ListingJobs(new ListingRoom(listingBytesMax, replies, words), (whose, slot, format) =>
      this.#refuseForMemory(whose, slot, format & HEAD_BIT),
    );
    this.#security = new SecurityFeed(store, this.#applier.security, words);
  }

  /** Whether an answer is begun and goes on without a command. */
  get areUnfinished(): boolean {
    return this.#listings.areWaiting;
  }

  /** Goes on with one of them. @returns how many there were to go on with, 0 or 1. */
  continue(): number {
    return this.#listings.continue();
  }

  /** Tells all front ends of all users and roles. */
  tellSecurity(): void {
    this.#security.tellAll(this.#allReplies());
  }

  /** The disk has failed, and the store is what it was when it last took something: says so to all who wait. */
  refuseUndone(): void {
    for (const { replies, slot, format } of this.#listings.takeAll()) {
      this.#sequencer.stamp(replies);
      const body = renderError(RAFT_INTERNAL_ERROR, byteStringOf(this.#words.failureReason), this.#store.index);
      replies.answer(slot, ReplyFormat.keysError | (format & HEAD_BIT), statusOf(RAFT_INTERNAL_ERROR), body);
    }
    for (const replies of this.#allReplies()) replies.rolledBack();
    this.tellSecurity();
  }

  /** Performs the command whose frame `frontEnd.requests` is at. */
  perform(frontEnd: FrontEndPort): void {
    const { requests, replies } = frontEnd;
    const command = this.#command;
    command.read(requests.bytes, requests.view, requests.frameOffset, requests.frameSizeBytes);
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
    this.#sequencer.stamp(replies);
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
        this.#store.hub.cancel(this.#watcherId(frontEnd, command.slot));
        replies.released(command.slot);
        return;
      case ControlOp.storeStatistics:
        this.#countKeptReads();
        replies.answer(
          command.slot,
          ReplyFormat.plainJson,
          200,
          renderStoreStats(this.#store.statistics.counts, this.#store.hub.size),
        );
        return;
      case ControlOp.healthCheck:
        this.#store.statistics.countHealthCheck();
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
    if (this.#sequencer.hasDiskFailed) {
      this.#sequencer.stamp(replies);
      this.#refuse(replies, slot, flags, new Failure(RAFT_INTERNAL_ERROR, byteStringOf(this.#words.failureReason)));
      return;
    }
    // A refused command was never there: it has no sequence, and the journal does not know it.
    if (adds(command.op, flags) && !this.#hasRoom(frontEnd)) {
      this.#refuseForMemory(replies, slot);
      return;
    }
    if ((flags & Flag.hasExpiration) !== 0) this.#giveGrace();
    this.#sequencer.begin();
    const outcome = this.#applier.write(command);
    this.#sequencer.stamp(replies);
    if (outcome instanceof Failure) this.#refuse(replies, slot, flags | WRITE_FLAG, outcome);
    else this.#tell(replies, slot, flags, outcome);
    this.#sequencer.journalCommand(frontEnd.requests);
  }

  /** Epoch ms: until when that is so. A clock that was set back since would make hours of that moment, so then it is over. */
  graceEndMs(nowMs: number): number {
    return this.#graceEndMs - nowMs > GRACE_MS ? 0 : this.#graceEndMs;
  }

  /** Before a write with a life: if that is over already, and nothing else is due, what follows may still find the node. */
  #giveGrace(): void {
    // By the clock, and not by the time of the store, which stays ahead of a clock that was set back.
    const { timeMs, expirationMs } = this.#command;
    // While there is grace, or a crowd that is due, none is given: nobody waits for more than one.
    if (expirationMs > timeMs || this.#store.nextExpirationMs <= timeMs) return;
    this.#graceEndMs = timeMs + GRACE_MS;
  }

  #tell(replies: ReplyWriter, slot: number, flags: number, event: StoreEvent): void {
    const status = statusOfEvent(event);
    if ((flags & Flag.noValueOnSuccess) !== 0 && event.node !== undefined) {
      replies.answer(slot, ReplyFormat.keys | WRITE_BIT, status, renderActionOnly(event));
      return;
    }
    const sizeBytes = eventSizeBytes(event);
    if (sizeBytes > 0) replies.answerWithEvent(slot, ReplyFormat.keys | WRITE_BIT, status, event, sizeBytes);
    else replies.answer(slot, ReplyFormat.keys | WRITE_BIT, status, this.render(event));
  }

  /** A change of users, roles or the switch. */
  #writeAuth(frontEnd: FrontEndPort, replies: ReplyWriter): void {
    const command = this.#command;
    this.#countLookUps();
    if (this.#sequencer.hasDiskFailed) {
      this.#sequencer.stamp(replies);
      replies.answer(command.slot, ReplyFormat.auth, 500, renderMessage(byteStringOf(this.#words.failureReason)));
      return;
    }
    // A right must be taken away from a full store, too: so its reserve is open for them, and only that ends.
    if (isAuthAddition(command.op) && !this.#hasRoom(frontEnd) && this.#memory?.hasReserve !== true) {
      this.#sequencer.stamp(replies);
      replies.answer(command.slot, ReplyFormat.auth, INSUFFICIENT_STORAGE, renderMessage(MEMORY_FULL));
      return;
    }
    this.#sequencer.begin();
    if (!this.#hasEnsuredAuth) command.addFlag(Flag.ensureAuth);
    const { index } = this.#store;
    // While the switch is what it was when they were made.
    this.#countKeptReads();
    const { status, body } = this.#applier.auth(command);
    this.#hasEnsuredAuth = this.#applier.security.hasEnsured;
    // Before the answer: whoever is told that this is done must find it in force.
    const isChange = this.#security.noteChange(index);
    this.#sequencer.stamp(replies);
    replies.answer(command.slot, ReplyFormat.auth | WRITE_BIT, status, body);
    this.#sequencer.journalCommand(frontEnd.requests);
    if (isChange) this.#security.tellSince(index, this.#allReplies());
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

  /** The front ends have answered reads of their own, which count like others. */
  #countKeptReads(): void {
    const reads = this.#keptReads.takeReads();
    if (reads > 0) this.#security.count({ requests: reads, made: reads, inVain: 0 });
  }

  /** Of all front ends, stamped. */
  #allReplies(): ReplyWriter[] {
    return this.#frontEnds.map(({ replies }) => {
      this.#sequencer.stamp(replies);
      return replies;
    });
  }

  /** Whether there is memory for what the current command would add. */
  #hasRoom({ requests }: FrontEndPort): boolean {
    const { frameSizeBytes } = requests;
    if (this.#memory === undefined || this.#memory.admits(frameSizeBytes, this.#store.index)) return true;
    // When the history holds more than the tree no deletion is a help: only further events make it forget.
    const { history, tree } = this.#store;
    const isHelp =
      history.size > tree.size && frameSizeBytes <= Math.max(SMALL_COMMAND_BYTES, history.nextForgottenBytes);
    return isHelp && this.#memory.hasReserve;
  }

  #refuseForMemory(replies: ReplyWriter, slot: number, headBit = 0): void {
    this.#sequencer.stamp(replies);
    const body = renderError(RAFT_INTERNAL_ERROR, MEMORY_FULL, this.#store.index);
    replies.answer(slot, ReplyFormat.keysError | headBit, INSUFFICIENT_STORAGE, body);
  }

  #get(replies: ReplyWriter): void {
    const { slot, flags, timeMs, path } = this.#command;
    const outcome = this.#store.get(path);
    if (outcome instanceof Failure) this.#refuse(replies, slot, flags, outcome);
    else if (outcome.isDirectory) this.#list(replies, outcome);
    else {
      const nowMs = this.#store.timeFor(timeMs);
      const sizeBytes = getOfKeySizeBytes(outcome, nowMs);
      if ((flags & Flag.head) !== 0) replies.answerWithSize(slot, sizeBytes);
      else if ((flags & Flag.keep) !== 0 && mayBeKept(outcome, sizeBytes)) {
        const position = ReadVersions.positionOf(outcome.pathHash);
        replies.answerToKeep(slot, outcome, nowMs, sizeBytes, position, this.#keptReads.versionToKeep(outcome));
      } else replies.answerWithKey(slot, outcome, nowMs, sizeBytes);
    }
  }

  #list(replies: ReplyWriter, directory: Node): void {
    const { slot, flags, timeMs } = this.#command;
    if (!this.#listings.haveRoom) {
      replies.listingRefused(slot);
      return;
    }
    const listing = new Listing(
      directory,
      this.#store.tree,
      (flags & Flag.recursive) !== 0,
      (flags & Flag.sorted) !== 0,
      this.#store.timeFor(timeMs),
      (sizeBytes) => this.#memory?.hasRoomToRead(sizeBytes) !== false,
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
    const found = this.#store.watch(this.#watcherId(frontEnd, slot), path, isRecursive, isStream, waitIndex, client);
    if (found instanceof Failure) this.#refuse(replies, slot, flags, found);
    else if (found === NO_PLACE) replies.watchRefused(slot, !this.#store.hub.isFull);
    else if (found === undefined) replies.watchOpened(slot);
    else if (isStream) {
      replies.watchOpened(slot);
      const slots = [(slot | STREAM_BIT) >>> 0];
      for (const event of this.#store.missedEvents(path, isRecursive, found)) {
        const sizeBytes = eventSizeBytes(event);
        if (sizeBytes > 0) replies.eventAsBytes(slots, event, sizeBytes);
        else replies.event(slots, renderEvent(event));
      }
    } else {
      const sizeBytes = eventSizeBytes(found);
      if (sizeBytes > 0) replies.answerWithEvent(slot, ReplyFormat.keys, 200, found, sizeBytes);
      else replies.answer(slot, ReplyFormat.keys, 200, renderEvent(found));
    }
  }

  #refuse(replies: ReplyWriter, slot: number, flags: number, failure: Failure): void {
    const format = ReplyFormat.keysError | headBit(flags) | ((flags & WRITE_FLAG) !== 0 ? WRITE_BIT : 0);
    const body = renderError(failure.code, failure.cause, this.#store.index);
    replies.answer(slot, format, statusOf(failure.code), body);
  }

  #reading(): string {
    this.#countKeptReads();
    return JSON.stringify(takeReading(this.#store, this.#sequencer.sequence, this.#memory?.isFull ?? false));
  }

  /** An event is rendered once for all who watch, and for its writer, if the answer is not written as bytes. */
  render(event: StoreEvent): string {
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

/** What is left of a life changes without a write. */
function mayBeKept(node: Node, sizeBytes: number): boolean {
  return node.expirationMs === undefined && sizeBytes <= KEPT_ANSWER_BYTES_MAX;
}

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
