/**
 * The front end's side of the store: sends commands, takes replies in order as far as the gate lets them, and hands each
 * to the connection that waits for it.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { byteStringOfBytes } from '../../base/byte-string.ts';
import { addLookUps, ControlOp, type LookUps } from '../../frame/command-frame.ts';
import { LinkConsumer, type LinkEnd } from '../../frame/link.ts';
import type { ReadVersions } from '../../frame/read-versions.ts';
import { ReplyFormat, ReplyKind, ReplyReader } from '../../frame/reply-frame.ts';
import { JournalState, type SharedWords } from '../../frame/shared-words.ts';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import { Operation, operationOf } from '../../metrics/operation.ts';
import { HEALTH_BODIES } from '../../protocol/answers.ts';
import type { AuthOp } from '../../protocol/auth-request.ts';
import { Flag, type KeysCommand, Op } from '../../protocol/command.ts';
import type { PlainWrite } from '../../protocol/request.ts';
import { NO_TTL, type ValueBytes } from '../../protocol/value-form.ts';
import type { Doorbell } from '../../ring/doorbell.ts';
import { type Responder, writeOwnAnswer } from '../answers/responder.ts';
import { BodyBudget } from './body-budget.ts';
import { CommandSender } from './command-sender.ts';
import { Gate } from './gate.ts';
import { LARGE_ANSWER_SIZE_BYTES, LargeAnswers, type LargeAnswersOptions } from './large-answers.ts';
import { type KeptRead, ReadCache } from './read-cache.ts';
import { RequestDurations, type SlowRequestOptions, UnmeasuredDurations } from './request-durations.ts';
import { SlotState, Slots } from './slots.ts';
import { Turns, type TurnsOptions, type TurnWork } from './turns.ts';
import { UndoneRequests } from './undone-requests.ts';
import { Watches } from './watches.ts';

/** Frames handled before the event loop gets its turn: sockets must not starve behind a busy store. */
const BATCH_FRAMES_MAX = 256;
/** Replies that are taken as of one moment: a look at the clock costs as much as all the rest of counting them. */
const REPLIES_PER_CLOCK = 16;
/** So many replies in a turn are a flow; so many commands are a batch. */
const FLOWING_REPLIES = 4;
const BATCH_COMMANDS = 20;

export interface StoreClientOptions extends TurnsOptions, SlowRequestOptions, LargeAnswersOptions {
  readonly requests: LinkEnd;
  readonly replies: LinkEnd;
  readonly storeBell: Doorbell;
  readonly readVersions: ReadVersions;
  /** Whether requests are counted and measured, as they are unless that itself is to be measured. */
  readonly isCounting: boolean;
  /** Called, corked, with what the store says of itself, for a slot that has asked. */
  readonly onReading: (slot: number, response: HttpResponse, body: Uint8Array) => void;
  /** Called with what is new of users and roles: `SecurityNews` as JSON. */
  readonly onSecurity: (version: number, news: string) => void;
}

export class StoreClient implements TurnWork {
  readonly slots: Slots;
  /** The room for the forms of requests. */
  readonly bodies: BodyBudget;
  readonly metrics: FrontEndMetrics;
  readonly #options: StoreClientOptions;
  readonly #sender: CommandSender;
  readonly #replies: LinkConsumer;
  readonly #reply = new ReplyReader();
  readonly #responder: Responder;
  readonly #words: SharedWords;
  readonly #gate: Gate;
  readonly #reads: ReadCache;
  readonly #durations: RequestDurations;
  readonly #large: LargeAnswers;
  readonly #watches: Watches;
  readonly #undone: UndoneRequests;
  readonly #turns: Turns;
  #owedLookUps: LookUps = { requests: 0, made: 0, inVain: 0 };
  takenCount = 0;

  constructor(options: StoreClientOptions) {
    const { limits, metrics, responder, words } = options;
    this.#options = options;
    this.metrics = metrics;
    this.slots = new Slots(limits.inFlightMax, (count) => metrics.noteInFlight(count));
    this.bodies = new BodyBudget(limits.bodyBytesMax, metrics);
    this.#large = new LargeAnswers(this.slots, options);
    this.#sender = new CommandSender(options.requests, options.storeBell);
    this.#replies = new LinkConsumer(options.replies);
    this.#responder = responder;
    this.#words = words;
    this.#gate = new Gate(words);
    this.#reads = new ReadCache(words, options.readVersions, this.#gate);
    const Durations = options.isCounting ? RequestDurations : UnmeasuredDurations;
    this.#durations = new Durations(metrics, options);
    this.#watches = new Watches(this.slots, this.#durations, {
      ...options,
      large: this.#large,
      onCancel: (slot) => this.#tellCancelled(slot),
    });
    this.#undone = new UndoneRequests(this.slots, this.#durations, this.#watches, responder);
    this.#turns = new Turns(this, options);
  }

  /** When what arrives now is accepted. To be used only for what is sent at once. */
  get timeMs(): number {
    return this.#turns.timeMs;
  }

  /**
   * Hands a command of the key space to the store.
   * @param lookUps what its rights have cost: `packLookUps`.
   * @param heldSinceMs since when its request is there, if it does not come at once; else 0.
   */
  sendCommand(
    slot: number,
    command: KeysCommand,
    timeMs: number,
    expirationMs: number,
    lookUps: number,
    heldSinceMs: number,
  ): void {
    const { op, path, value, prevValue, prevIndex, waitIndex } = command;
    const flags = command.ttlNs === undefined ? command.flags : command.flags | Flag.hasExpiration;
    this.#durations.begin(slot, operationOf(op, flags), heldSinceMs || this.#turns.startMs);
    const index = prevIndex || waitIndex;
    this.#sender.send(op, flags, slot, timeMs, path, value, prevValue, index, expirationMs, lookUps);
    this.#turns.expectReplies();
  }

  /** What answers a plain read of `url` without the store; undefined when there is nothing. `answerKept` follows, or `sendRead`. */
  findKept(url: string): KeptRead | undefined {
    return this.#reads.find(url);
  }

  /** Answers a read by what `findKept` has found, unless it is large. To be called corked. @param lookUps what its rights have cost. */
  answerKept(response: HttpResponse, { etcdIndex, raftIndex, body }: KeptRead, lookUps: number): void {
    this.#countKept(200, lookUps);
    this.#responder.writeStoreAnswer(response, ReplyFormat.keys, 200, etcdIndex, raftIndex, body);
  }

  /** The same of one that takes longer than one write. */
  answerLargeKept(slot: number, kept: KeptRead, lookUps: number): void {
    const isAnswered = this.#large.answerKept(slot, this.slots.responseOf(slot), kept);
    this.#countKept(isAnswered ? 200 : 503, lookUps);
  }

  #countKept(status: number, lookUps: number): void {
    const { metrics } = this;
    this.#options.readVersions.countRead(this.#options.number);
    if (lookUps !== 0) this.#oweLookUps(lookUps);
    metrics.count(Counter.keptReads);
    metrics.received(Operation.get);
    metrics.answered(Operation.get, status, 0);
  }

  /** The same as `sendCommand` for a plain read, without a record. @param url as `findKept` has not found it. */
  sendRead(slot: number, path: string, url: string, lookUps: number, heldSinceMs: number): void {
    let flags: number = Flag.pathPlain;
    if (this.#reads.isWorthKeeping) {
      flags |= Flag.keep;
      this.#reads.want(slot, url);
    }
    this.#durations.begin(slot, Operation.get, heldSinceMs || this.#turns.startMs);
    this.#sender.send(Op.get, flags, slot, this.timeMs, path, '', '', 0n, 0, lookUps);
    this.#turns.expectReplies();
  }

  /** The same for a write of nothing but a value, and perhaps a life, to a plain path. */
  sendPlainWrite(
    slot: number,
    { op, flags, prevValue, prevIndex }: PlainWrite,
    path: string,
    value: ValueBytes,
    lookUps: number,
    heldSinceMs: number,
  ): void {
    const { timeMs } = this;
    const { ttlSeconds } = value;
    const hasLife = ttlSeconds !== NO_TTL;
    const allFlags =
      flags | Flag.pathPlain | (value.isPlain ? Flag.valuePlain : 0) | (hasLife ? Flag.hasExpiration : 0);
    const expirationMs = hasLife ? timeMs + 1000 * ttlSeconds : 0;
    this.#durations.begin(slot, operationOf(op, allFlags), heldSinceMs || this.#turns.startMs);
    this.#sender.sendValueBytes(op, allFlags, slot, timeMs, path, value, prevValue, prevIndex, expirationMs, lookUps);
    this.#turns.expectReplies();
  }

  /** Asks for users and roles, or for a change of them. */
  sendAuth(slot: number, op: AuthOp, flags: number, name: string, value: string, lookUps: number): void {
    this.#durations.begin(slot, Operation.other, this.#turns.startMs);
    this.#sender.send(op, flags, slot, this.timeMs, name, value, '', 0n, 0, lookUps);
    this.#turns.expectReplies();
  }

  /** A request was judged and the store hears nothing else of it. @param lookUps what that has cost. */
  countLookUps(lookUps: number): void {
    addLookUps(this.#owedLookUps, lookUps);
    this.#turns.expectReplies();
  }

  /** Of a request that the store counts itself. */
  #oweLookUps(lookUps: number): void {
    addLookUps(this.#owedLookUps, lookUps);
    this.#owedLookUps.requests--;
    this.#turns.expectReplies();
  }

  /**
   * One frame for all that a turn has refused, or answered by itself, and none while the ring is full: requests that were answered already do
   * not bound a queue.
   */
  #payLookUps(): void {
    const owed = this.#owedLookUps;
    if (owed.requests + owed.made + owed.inVain === 0 || this.#sender.queuedCount > 0) return;
    this.#owedLookUps = { requests: 0, made: 0, inVain: 0 };
    this.#sender.send(ControlOp.countLookUps, 0, 0, this.timeMs, '', JSON.stringify(owed), '', 0n, 0, 0);
  }

  sendControl(op: ControlOp, slot: number): void {
    this.#payLookUps();
    this.#durations.begin(slot, Operation.other, this.#turns.startMs);
    this.#sender.sendControl(op, slot, this.timeMs);
    this.#turns.expectReplies();
  }

  #tellCancelled(slot: number): void {
    this.#sender.sendControl(ControlOp.cancelWatch, slot, this.timeMs);
    this.#turns.expectReplies();
  }

  /** The client of a slot has gone. */
  abort(slot: number): void {
    const state = this.slots.stateOf(slot);
    if (state === SlotState.waiting) {
      this.metrics.count(Counter.abandoned);
      this.slots.abandon(slot);
    } else if (state === SlotState.watching) this.#watches.cancel(slot);
    else if (state === SlotState.sending) this.#large.abort(slot);
  }

  /** Closes the connections of all watches, which have what was delivered to them. */
  endWatches(): void {
    this.#watches.flushAll();
    for (const slot of this.slots.watching()) this.slots.responseOf(slot).close();
  }

  /** Of what is kept to be used again. */
  letGo(): void {
    this.#watches.letGo();
  }

  /** Nothing is polled, awaited or written afterwards. */
  close(): void {
    this.#turns.close();
    this.#reads.close();
  }

  get dueCount(): number {
    return this.slots.waitingCount;
  }

  get queuedCount(): number {
    return this.#sender.queuedCount;
  }

  turn(): boolean {
    if (this.#sender.queuedCount > 0) this.#sender.flush();
    this.#payLookUps();
    const taken = this.#takeReplies();
    this.takenCount = taken;
    // While replies flow the next turn comes at once, and the store, if it has gone to sleep, may sleep until there is
    // a batch for it: native-bench, "set-64".
    if (taken < FLOWING_REPLIES || this.#sender.unannouncedCount >= BATCH_COMMANDS) this.#sender.wakeStore();
    else this.#sender.publish();
    // Watchers that wait for their turn are work, too.
    return taken > 0 || this.#watches.hasWaiting;
  }

  hasWork(): boolean {
    return !this.#replies.isEmpty() && !this.#gate.isShut;
  }

  /** Handles the replies that may leave, in order. @returns how many. */
  #takeReplies(): number {
    const replies = this.#replies;
    const reply = this.#reply;
    let taken = 0;
    while (taken < BATCH_FRAMES_MAX && replies.next()) {
      reply.read(replies.bytes, replies.view, replies.frameOffset, replies.frameSizeBytes);
      if (!this.#gate.admits(reply.gate)) {
        replies.unread();
        break;
      }
      if (taken % REPLIES_PER_CLOCK === 0) this.#durations.lookAtClock();
      this.#handle(reply);
      taken++;
    }
    this.#watches.flush();
    if (taken > 0) replies.release();
    return taken;
  }

  #handle(reply: ReplyReader): void {
    if (this.#gate.isUndone(reply)) {
      this.#large.drop(this.#replies.attachments);
      this.#undone.take(reply);
      return;
    }
    switch (reply.kind) {
      case ReplyKind.answer:
        this.#answer(reply);
        return;
      case ReplyKind.watchOpened:
        this.#watches.open(reply);
        return;
      case ReplyKind.event:
        this.#watches.deliver(reply);
        return;
      case ReplyKind.released:
        this.slots.release(reply.slot);
        return;
      case ReplyKind.watchRefused:
        this.#watches.refuse(reply.slot, false);
        return;
      case ReplyKind.clientWatchRefused:
        this.#watches.refuse(reply.slot, true);
        return;
      case ReplyKind.listingRefused:
        this.#refuseListing(reply.slot);
        return;
      case ReplyKind.security:
        this.#options.onSecurity(reply.slot, byteStringOfBytes(reply.body));
        return;
      case ReplyKind.rolledBack:
        this.#gate.noteRolledBack();
        this.#undone.answer(this.#words.failureReason, reply.etcdIndex);
        return;
      default:
        throw new RangeError(`a reply frame has the unknown kind ${reply.kind}`);
    }
  }

  #answer(reply: ReplyReader): void {
    const { slot } = reply;
    const { slots } = this;
    const isWaiting = slots.stateOf(slot) === SlotState.waiting;
    if (reply.isKeepable) this.#reads.keep(reply);
    const { attachments } = this.#replies;
    if (isWaiting && reply.bodySizeBytes > LARGE_ANSWER_SIZE_BYTES) {
      this.#answerLarge(reply);
      return;
    }
    this.#durations.finish(slot, reply.status, !isWaiting);
    if (!isWaiting) this.#large.drop(attachments);
    else {
      const response = slots.responseOf(slot);
      if (attachments.length > 0) {
        this.#large.list(slot, response, reply, attachments);
        return;
      }
      response.cork(this.#writeCorked);
    }
    slots.release(slot);
  }

  /** For which there may be no room: then its client is told so, and that is what is counted. */
  #answerLarge(reply: ReplyReader): void {
    const { slot, status } = reply;
    const isRefused = !this.#large.answer(slot, this.slots.responseOf(slot), reply);
    this.#durations.finish(slot, isRefused ? 503 : status, false);
  }

  /** Writes the reply that is being read: no closure a reply, and no field that points to what is young. */
  readonly #writeCorked = (): void => {
    const reply = this.#reply;
    const response = this.slots.responseOf(reply.slot);
    if (reply.format === ReplyFormat.health) {
      this.#writeHealth(response);
      return;
    }
    if (reply.format === ReplyFormat.reading) {
      this.#options.onReading(reply.slot, response, reply.body);
      return;
    }
    const { format, status, etcdIndex, raftIndex } = reply;
    this.#responder.writeStoreAnswer(response, format, status, etcdIndex, raftIndex, reply.body);
  };

  #writeHealth(response: HttpResponse): void {
    const isHealthy = this.#words.journalState !== JournalState.failed;
    this.metrics.count(isHealthy ? Counter.healthSuccess : Counter.healthFailure);
    const body = isHealthy ? HEALTH_BODIES.healthy : HEALTH_BODIES.unhealthy;
    writeOwnAnswer(response, isHealthy ? 200 : 503, 'text/plain; charset=utf-8', {}, body);
  }

  #refuseListing(slot: number): void {
    const isWaiting = this.slots.stateOf(slot) === SlotState.waiting;
    this.#durations.finish(slot, 503, !isWaiting);
    if (isWaiting) this.#large.refuse(slot, this.slots.responseOf(slot));
    else this.slots.release(slot);
  }
}
