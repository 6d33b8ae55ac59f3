/**
 * The front end's side of the store: sends commands, takes replies in order, holds them at the durability gate, and
 * hands each to the connection that waits for it.
 *
 * Polling and parking. While a few answers are due the front end looks into the reply ring on every turn of the event loop;
 * after a short while without progress it arms the doorbell and lets the loop sleep (ARCHITECTURE, "Threads: turn, spin,
 * park"). With nothing due it sleeps at once: an idle server costs nothing.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { performance } from 'node:perf_hooks';
import { byteStringOf } from '../base/byte-string.ts';
import { ControlOp } from '../frame/command-frame.ts';
import { LinkConsumer, type LinkEnd } from '../frame/link.ts';
import { HEAD_BIT, ReplyFormat, ReplyKind, ReplyReader, STREAM_BIT } from '../frame/reply-frame.ts';
import { isDurable, JournalState, type SharedWords } from '../frame/shared-words.ts';
import { Counter, type FrontEndMetrics } from '../metrics/front-end-metrics.ts';
import { Operation, operationOf } from '../metrics/operation.ts';
import { HEALTH_BODIES } from '../protocol/answers.ts';
import { Flag, type KeysCommand, type Op } from '../protocol/command.ts';
import { renderError, statusOf } from '../protocol/errors.ts';
import type { Doorbell } from '../ring/doorbell.ts';
import { CommandSender } from './command-sender.ts';
import { LargeAnswer } from './large-answer.ts';
import { type Responder, writeOwnAnswer } from './responder.ts';
import { SlotState, Slots } from './slots.ts';
import { OPENING_BRACE, StreamWriter } from './stream-writer.ts';

/** Frames handled before the event loop gets its turn: sockets must not starve behind a busy store. */
const BATCH_FRAMES_MAX = 256;
/** Replies that are taken as of one moment: a look at the clock costs as much as all the rest of counting them. */
const REPLIES_PER_CLOCK = 16;
/**
 * With more replies due than these of late, clients are a crowd: nobody polls or spins for it, since the threads that have
 * work need the cores (native-bench, "watch-busy": its p99 was three to six times as long otherwise).
 */
const POLLED_REPLIES_MAX = 4;
/** By which the peak of the replies due sinks each turn: a crowd of 64 is forgotten 3,000 turns after it has gone. */
const PEAK_DECAY = 0.02;
/** So many replies in a turn are a flow; so many commands are a batch. */
const FLOWING_REPLIES = 4;
const BATCH_COMMANDS = 20;
/** A poll in vain says that replies take longer now, on a slow disk perhaps: then polling is a waste. */
const REST_AFTER_VAIN_POLL_MS = 5;
const RAFT_INTERNAL_ERROR = 300;

export interface StoreClientOptions {
  readonly requests: LinkEnd;
  readonly replies: LinkEnd;
  readonly storeBell: Doorbell;
  readonly ownBell: Doorbell;
  readonly words: SharedWords;
  readonly responder: Responder;
  /** Which front end this is. */
  readonly number: number;
  /** How long to poll without progress before the doorbell is armed. */
  readonly pollMs: number;
  /** For the words of a refusal: it is the store that counts, the watchers of all front ends. */
  readonly watchersMax: number;
  /** Bytes that one stream's client may be behind. */
  readonly streamBacklogBytesMax: number;
  /** How long a reader of a large answer may take nothing. */
  readonly largeAnswerStallMsMax: number;
  readonly metrics: FrontEndMetrics;
  /** An answer that takes so long is slow; Infinity for never. */
  readonly slowRequestMs: number;
  /** Called when one on the key space was. @param isGone whether its client has not waited for it. */
  readonly onSlow: (slot: number, status: number, tookMs: number, isGone: boolean) => void;
  /** Called, corked, with what the store says of itself, for a slot that has asked. */
  readonly onReading: (slot: number, response: HttpResponse, body: Uint8Array) => void;
  /** Called with an exception that must end the process. */
  readonly onFatal: (error: unknown) => void;
}

export class StoreClient {
  readonly slots = new Slots();
  readonly metrics: FrontEndMetrics;
  readonly #options: StoreClientOptions;
  readonly #sender: CommandSender;
  readonly #replies: LinkConsumer;
  readonly #reply = new ReplyReader();
  readonly #responder: Responder;
  readonly #streams: StreamWriter;
  readonly #words: SharedWords;
  readonly #isGated: boolean;
  #isPolling = false;
  #isParked = false;
  #isClosed = false;
  #isHeld = false;
  #heldGate = 0;
  #hasRolledBack = false;
  /** Slots whose answers the failed disk has made untrue; answered when the store has said what is left. */
  readonly #undone: { readonly slot: number; readonly headBit: number }[] = [];
  #lastProgressMs = 0;
  #restUntilMs = 0;
  #peakReplies = 0;
  #isCrowded = false;
  /** 0 when the clock is to be looked at again. */
  #turnTimeMs = 0;
  /** The same of the clock that measures durations: when the current turn of the event loop began. */
  #turnStartMs = 0;
  /** When the replies that are being handled were there. */
  #repliesMs = 0;
  /** By slot: what was asked, and when. */
  readonly #operations: Operation[] = [];
  readonly #receivedMs: number[] = [];
  /** What `#writeCorked` writes: fields instead of a closure a reply. */
  #response: HttpResponse | undefined;
  #body: Uint8Array = OPENING_BRACE;

  constructor(options: StoreClientOptions) {
    this.#options = options;
    this.metrics = options.metrics;
    this.#sender = new CommandSender(options.requests, options.storeBell);
    this.#replies = new LinkConsumer(options.replies);
    this.#responder = options.responder;
    this.#streams = new StreamWriter(this.slots, options.streamBacklogBytesMax, (slot) => this.#dropSlowStream(slot));
    this.#words = options.words;
    this.#isGated = options.words.journalState !== JournalState.none;
    this.#park();
  }

  /**
   * When what arrives now is accepted: one look at the clock for all that one turn of the event loop brings, so no more
   * than the length of that turn behind. To be used only for what is sent at once.
   */
  get timeMs(): number {
    if (this.#turnTimeMs === 0) this.#turnTimeMs = Date.now();
    return this.#turnTimeMs;
  }

  /** Hands a command of the key space to the store. */
  sendCommand(slot: number, command: KeysCommand, timeMs: number, expirationMs: number): void {
    const { op, path, value, prevValue, prevIndex, waitIndex } = command;
    const flags = command.ttlNs === undefined ? command.flags : command.flags | Flag.hasExpiration;
    this.#begin(slot, operationOf(op, flags));
    this.#sender.send(op, flags, slot, timeMs, path, value, prevValue, prevIndex || waitIndex, expirationMs);
    this.#expectReplies();
  }

  /** The same for a plain read, without a record. */
  send(op: Op, flags: number, slot: number, path: string): void {
    this.#begin(slot, operationOf(op, flags));
    this.#sender.send(op, flags, slot, this.timeMs, path, '', '', 0n, 0);
    this.#expectReplies();
  }

  /** The same for a plain set, whose value is the bytes of `body` from `valueAt` on. */
  sendValueBytes(flags: number, slot: number, path: string, body: Uint8Array, valueAt: number): void {
    this.#begin(slot, Operation.set);
    this.#sender.sendValueBytes(flags, slot, this.timeMs, path, body, valueAt);
    this.#expectReplies();
  }

  sendControl(op: ControlOp, slot: number): void {
    this.#begin(slot, Operation.other);
    this.#sender.sendControl(op, slot, this.timeMs);
    this.#expectReplies();
  }

  /** The client of a slot has gone. */
  abort(slot: number): void {
    const state = this.slots.stateOf(slot);
    if (state === SlotState.waiting) {
      this.metrics.count(Counter.abandoned);
      this.slots.abandon(slot);
    } else if (state === SlotState.watching) this.#cancel(slot);
    else if (state === SlotState.sending) this.slots.release(slot);
  }

  /** Ends all watches, and calls back when no answer is due any more. */
  drain(onDrained: () => void): void {
    for (const slot of this.slots.watching()) this.slots.responseOf(slot).close();
    const check = () => {
      if (this.slots.waitingCount === 0) onDrained();
      else setTimeout(check, 2);
    };
    check();
  }

  /** Nothing is polled, awaited or written afterwards. */
  close(): void {
    this.#isClosed = true;
    this.#options.ownBell.ring();
  }

  /**
   * A request is handed to the store. Its duration counts from the beginning of the turn of the event loop that brought it:
   * then its bytes lay in the socket. While there are turns their clock is known; it is looked at after a sleep only.
   */
  #begin(slot: number, operation: Operation): void {
    if (this.#turnStartMs === 0) this.#turnStartMs = performance.now();
    this.#operations[slot] = operation;
    this.#receivedMs[slot] = this.#turnStartMs;
    this.metrics.received(operation);
  }

  /** Its answer is here. */
  #finish(slot: number, status: number, isGone: boolean): void {
    const operation = this.#operations[slot] as Operation;
    const tookMs = this.#repliesMs - (this.#receivedMs[slot] as number);
    if (!isGone) this.metrics.answered(operation, status, tookMs);
    if (tookMs >= this.#options.slowRequestMs && operation !== Operation.other) {
      this.metrics.count(Counter.slow);
      this.#options.onSlow(slot, status, tookMs, isGone);
    }
  }

  #expectReplies(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    if (this.#turnStartMs === 0) this.#turnStartMs = performance.now();
    this.#lastProgressMs = this.#turnStartMs;
    setImmediate(this.#poll);
  }

  readonly #poll = (): void => {
    if (this.#isClosed) return;
    try {
      this.#turn();
    } catch (error) {
      this.#options.onFatal(error);
    }
  };

  #turn(): void {
    this.#turnTimeMs = 0;
    if (this.#sender.queuedCount > 0) this.#sender.flush();
    this.#noteCrowd();
    const taken = this.#takeReplies();
    // While replies flow the next turn comes at once, and the store, if it has gone to sleep, may sleep until there is
    // a batch for it: native-bench, "set-64".
    if (taken < FLOWING_REPLIES || this.#sender.unannouncedCount >= BATCH_COMMANDS) this.#sender.wakeStore();
    const nowMs = performance.now();
    if (taken > 0) this.#lastProgressMs = nowMs;
    if (this.#turnStartMs > 0) this.metrics.turned(nowMs - this.#turnStartMs);
    const { waitingCount } = this.slots;
    this.metrics.set(Counter.inFlight, waitingCount);
    this.metrics.set(Counter.queued, this.#sender.queuedCount);
    const isDue = waitingCount > 0 && !this.#isCrowded && nowMs >= this.#restUntilMs;
    const mayPoll = isDue && nowMs - this.#lastProgressMs < this.#options.pollMs;
    if (isDue && !mayPoll) this.#restUntilMs = nowMs + REST_AFTER_VAIN_POLL_MS;
    if (taken > 0 || mayPoll) {
      this.#isPolling = true;
      this.#turnStartMs = nowMs; // The loop will not sleep: its next turn begins here.
      setImmediate(this.#poll);
      return;
    }
    this.#isPolling = false;
    this.#turnStartMs = 0;
    this.#park();
  }

  /** Tells the store worker when clients are many. The peak of the last turns counts, since a single turn may see few. */
  #noteCrowd(): void {
    this.#peakReplies = Math.max(this.slots.waitingCount, this.#peakReplies - PEAK_DECAY);
    const isCrowded = this.#peakReplies > POLLED_REPLIES_MAX;
    if (isCrowded === this.#isCrowded) return;
    this.#isCrowded = isCrowded;
    this.#words.setCrowded(this.#options.number, isCrowded);
  }

  #park(): void {
    if (this.#isParked || this.#isClosed) return;
    // A full request ring has no bell of its own: look again soon.
    if (this.#sender.queuedCount > 0) {
      this.#isPolling = true;
      setTimeout(this.#poll, 1);
      return;
    }
    const woken = this.#options.ownBell.parkAsync(() => this.#hasWork());
    if (woken === undefined) {
      this.#expectReplies();
      return;
    }
    this.#isParked = true;
    woken.then(() => {
      this.#isParked = false;
      this.metrics.count(Counter.parks);
      this.#poll();
    }, this.#options.onFatal);
  }

  #hasWork(): boolean {
    if (this.#replies.isEmpty()) return false;
    return !this.#isHeld || this.#mayLeave(this.#heldGate);
  }

  #mayLeave(gate: number): boolean {
    return (
      !this.#isGated || isDurable(gate, this.#words.durableSequence) || this.#words.journalState === JournalState.failed
    );
  }

  /** Handles the replies that may leave, in order. @returns how many. */
  #takeReplies(): number {
    const replies = this.#replies;
    const reply = this.#reply;
    let taken = 0;
    this.#isHeld = false;
    while (taken < BATCH_FRAMES_MAX && replies.next()) {
      reply.read(replies.bytes, replies.view, replies.frameOffset, replies.frameSizeBytes);
      if (!this.#mayLeave(reply.gate)) {
        this.#isHeld = true;
        this.#heldGate = reply.gate;
        replies.unread();
        break;
      }
      if (taken % REPLIES_PER_CLOCK === 0) this.#repliesMs = performance.now();
      this.#handle(reply);
      taken++;
    }
    this.#streams.flush();
    if (taken > 0) replies.release();
    return taken;
  }

  #handle(reply: ReplyReader): void {
    if (this.#isGated && this.#isUndone(reply)) {
      this.#refuseUndone(reply);
      return;
    }
    switch (reply.kind) {
      case ReplyKind.answer:
        this.#answer(reply);
        return;
      case ReplyKind.watchOpened:
        this.#openWatch(reply);
        return;
      case ReplyKind.event:
        this.#deliver(reply);
        return;
      case ReplyKind.released:
        this.slots.release(reply.slot);
        return;
      case ReplyKind.watchRefused:
        this.#refuseWatch(reply.slot);
        return;
      case ReplyKind.rolledBack:
        this.#hasRolledBack = true;
        this.#answerUndone(reply.etcdIndex);
        return;
      default:
        throw new RangeError(`a reply frame has the unknown kind ${reply.kind}`);
    }
  }

  #answer(reply: ReplyReader): void {
    const { slot } = reply;
    const { slots } = this;
    const isWaiting = slots.stateOf(slot) === SlotState.waiting;
    this.#finish(slot, reply.status, !isWaiting);
    if (isWaiting) {
      const response = slots.responseOf(slot);
      const { attachments } = this.#replies;
      if (attachments.length > 0) {
        this.#answerInParts(slot, response, reply, attachments);
        return;
      }
      this.#response = response;
      this.#body = bodyOf(reply);
      response.cork(this.#writeCorked);
    }
    slots.release(slot);
  }

  readonly #writeCorked = (): void => {
    const response = this.#response as HttpResponse;
    const reply = this.#reply;
    if (reply.format === ReplyFormat.health) {
      this.#writeHealth(response);
      return;
    }
    if (reply.format === ReplyFormat.reading) {
      this.#options.onReading(reply.slot, response, this.#body);
      return;
    }
    const { format, status, etcdIndex, raftIndex } = reply;
    this.#responder.writeStoreAnswer(response, format, status, etcdIndex, raftIndex, this.#body);
  };

  #writeHealth(response: HttpResponse): void {
    const isHealthy = this.#words.journalState !== JournalState.failed;
    this.metrics.count(isHealthy ? Counter.healthSuccess : Counter.healthFailure);
    const body = isHealthy ? HEALTH_BODIES.healthy : HEALTH_BODIES.unhealthy;
    writeOwnAnswer(response, isHealthy ? 200 : 503, 'text/plain; charset=utf-8', {}, body);
  }

  #answerInParts(slot: number, response: HttpResponse, reply: ReplyReader, parts: readonly Uint8Array[]): void {
    const { format, status, etcdIndex, raftIndex } = reply;
    const answer = new LargeAnswer(response, parts, this.#options.largeAnswerStallMsMax, () =>
      this.slots.release(slot),
    );
    this.slots.startSending(slot, answer);
    response.cork(() => this.#responder.writeStoreHead(response, format, status, etcdIndex, raftIndex));
    answer.start();
  }

  #openWatch(reply: ReplyReader): void {
    const { slot } = reply;
    if (this.slots.stateOf(slot) === SlotState.abandoned) {
      this.#cancel(slot);
      return;
    }
    this.#finish(slot, 200, false);
    this.slots.startWatching(slot);
    const response = this.slots.responseOf(slot);
    const { etcdIndex, raftIndex } = reply;
    response.cork(() => {
      this.#responder.writeStoreHead(response, ReplyFormat.keys, 200, etcdIndex, raftIndex);
      // Headers leave with the first byte only, and every event begins with this one (README, limits).
      response.write(OPENING_BRACE);
    });
  }

  #refuseWatch(slot: number): void {
    const isWaiting = this.slots.stateOf(slot) === SlotState.waiting;
    const response = isWaiting ? this.slots.responseOf(slot) : undefined;
    this.metrics.count(Counter.tooManyWatchers);
    this.#finish(slot, 503, !isWaiting);
    this.slots.release(slot);
    const cause = byteStringOf(`there are ${this.#options.watchersMax} watchers already (--max-watchers)`);
    const body = Buffer.from(renderError(RAFT_INTERNAL_ERROR, cause, 0), 'latin1');
    response?.cork(() => writeOwnAnswer(response, 503, 'application/json', { 'Retry-After': '1' }, body));
  }

  /** Gives one event to all its watchers. Its first byte went out before. */
  #deliver(reply: ReplyReader): void {
    const { slotCount } = reply;
    const rest = bodyOf(reply).subarray(1);
    let sent = 0;
    for (let position = 0; position < slotCount; position++) {
      const entry = reply.slotAt(position);
      const slot = entry & ~STREAM_BIT;
      if (this.slots.stateOf(slot) !== SlotState.watching) continue;
      sent++;
      if ((entry & STREAM_BIT) !== 0) this.#streams.add(slot, rest);
      else {
        const response = this.slots.responseOf(slot);
        this.slots.release(slot);
        this.#response = response;
        this.#body = rest;
        response.cork(this.#endCorked);
      }
    }
    this.metrics.count(Counter.eventsSent, sent);
  }

  readonly #endCorked = (): void => {
    (this.#response as HttpResponse).end(this.#body);
  };

  #dropSlowStream(slot: number): void {
    this.metrics.count(Counter.slowWatchersClosed);
    // Closing calls the abort handler, which cancels the watch.
    this.slots.responseOf(slot).close();
  }

  #cancel(slot: number): void {
    this.slots.startCancelling(slot);
    this.#sender.sendControl(ControlOp.cancelWatch, slot, this.timeMs);
    this.#expectReplies();
  }

  /** Whether a frame tells of something that the failed disk has taken back. */
  #isUndone(reply: ReplyReader): boolean {
    if (this.#hasRolledBack || this.#words.journalState !== JournalState.failed) return false;
    // What the store says of itself is true all the same.
    if (reply.kind === ReplyKind.rolledBack || reply.format === ReplyFormat.reading) return false;
    return !isDurable(reply.gate, this.#words.durableSequence);
  }

  /** What was not synced is never acknowledged, nor shown: requests get error 300, watchers lose their connection. */
  #refuseUndone(reply: ReplyReader): void {
    const { kind, slot } = reply;
    if (kind === ReplyKind.released) {
      this.slots.release(slot);
      return;
    }
    if (kind === ReplyKind.event) {
      for (let position = 0; position < reply.slotCount; position++) {
        const watching = reply.slotAt(position) & ~STREAM_BIT;
        if (this.slots.stateOf(watching) === SlotState.watching) this.slots.responseOf(watching).close();
      }
      return;
    }
    if (kind === ReplyKind.watchOpened) {
      if (this.slots.stateOf(slot) === SlotState.waiting) this.slots.responseOf(slot).close();
      this.#cancel(slot);
      return;
    }
    this.#undone.push({ slot, headBit: reply.format & HEAD_BIT });
  }

  /** Answers those whose writes or reads were undone, with the index of what is left. */
  #answerUndone(etcdIndex: number): void {
    const body = Buffer.from(
      renderError(RAFT_INTERNAL_ERROR, byteStringOf(this.#words.failureReason), etcdIndex),
      'latin1',
    );
    const status = statusOf(RAFT_INTERNAL_ERROR);
    for (const { slot, headBit } of this.#undone.splice(0)) {
      const isWaiting = this.slots.stateOf(slot) === SlotState.waiting;
      const response = isWaiting ? this.slots.responseOf(slot) : undefined;
      this.#finish(slot, status, !isWaiting);
      this.slots.release(slot);
      const format = ReplyFormat.keysError | headBit;
      response?.cork(() => this.#responder.writeStoreAnswer(response, format, status, etcdIndex, 0, body));
    }
  }
}

/** The body where it lies: in the ring, valid until the frame is released. */
function bodyOf(reply: ReplyReader): Uint8Array {
  const { bytes } = reply;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + reply.bodyOffset, reply.bodySizeBytes);
}
