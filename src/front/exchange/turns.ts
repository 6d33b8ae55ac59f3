/**
 * When a front end looks for replies, and when it sleeps; and the one look at the clock that serves a whole turn.
 *
 * While a few answers are due it looks into the reply ring on every turn of the event loop; after a short while without
 * progress it arms the doorbell and lets the loop sleep (ARCHITECTURE, "Threads: turn, spin, park"). With nothing due it
 * sleeps at once: an idle server costs nothing.
 */
import { performance } from 'node:perf_hooks';
import type { SharedWords } from '../../frame/shared-words.ts';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import type { Doorbell } from '../../ring/doorbell.ts';
import { SpinTrial } from '../../ring/spin-trial.ts';

/**
 * With more replies due than these of late, clients are a crowd: nobody polls or spins for it, since the threads that have
 * work need the cores (native-bench, "watch-busy": its p99 was three to six times as long otherwise).
 */
const POLLED_REPLIES_MAX = 4;
/** By which the peak of the replies due sinks each turn: a crowd of 64 is forgotten 3,000 turns after it has gone. */
const PEAK_DECAY = 0.02;
/** Without a turn for so long a crowd has gone: a front end that nobody asks any more has no turns in which to forget it. */
const CROWD_GONE_MS = 100;

/** What is done in a turn. */
export interface TurnWork {
  /** @returns whether the next turn should come at once, since this one had something to do. */
  turn(): boolean;
  /** How many replies the last turn has taken. */
  readonly takenCount: number;
  /** Whether a turn would take any: asked before sleeping. */
  hasWork(): boolean;
  /** How many answers are due. */
  readonly dueCount: number;
  /** How many commands wait for room in the request ring. */
  readonly queuedCount: number;
}

export interface TurnsOptions {
  readonly ownBell: Doorbell;
  readonly words: SharedWords;
  /** Which front end this is. */
  readonly number: number;
  /** How long to poll without progress before the doorbell is armed. */
  readonly pollMs: number;
  readonly metrics: FrontEndMetrics;
  /** Called with an exception that must end the process. */
  readonly onFatal: (error: unknown) => void;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #work: TurnWork;
  #isPolling = false;
  #isParked = false;
  #isClosed = false;
  #lastProgressMs = 0;
  readonly #polls = new SpinTrial();
  /** Whether the last turn was one more look for a reply. */
  #isLooking = false;
  #peakReplies = 0;
  #isCrowded = false;
  #forgetting: NodeJS.Timeout | undefined;
  #lastTurnMs = 0;
  /** 0 when the clock is to be looked at again. */
  #timeMs = 0;
  /** The same of the clock that measures durations. */
  #startMs = 0;

  constructor(work: TurnWork, options: TurnsOptions) {
    this.#work = work;
    this.#options = options;
    this.#park();
  }

  /**
   * The time of day: one look for all that one turn of the event loop brings, so no more than the length of that turn
   * behind. To be used only for what is sent at once.
   */
  get timeMs(): number {
    if (this.#timeMs === 0) this.#timeMs = Date.now();
    return this.#timeMs;
  }

  /**
   * When the current turn of the event loop began: then the bytes of what it brings lay in the socket. While there are
   * turns their clock is known; it is looked at after a sleep only.
   */
  get startMs(): number {
    if (this.#startMs === 0) this.#startMs = performance.now();
    return this.#startMs;
  }

  /** Something was sent: there will be replies. */
  expectReplies(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#lastProgressMs = this.startMs;
    setImmediate(this.#poll);
  }

  /** There are no turns afterwards. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#forgetting);
    this.#options.ownBell.ring();
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
    const { metrics, pollMs } = this.#options;
    this.#timeMs = 0;
    this.#noteCrowd();
    const isFlowing = this.#work.turn();
    const nowMs = performance.now();
    this.#lastTurnMs = nowMs;
    if (isFlowing) this.#lastProgressMs = nowMs;
    if (this.#startMs > 0) metrics.turned(nowMs - this.#startMs);
    const { dueCount, queuedCount, takenCount } = this.#work;
    metrics.noteQueued(queuedCount);
    const isOver = nowMs - this.#lastProgressMs >= pollMs;
    if (takenCount > 0) this.#polls.noteWork(nowMs, takenCount);
    if (this.#isLooking && (takenCount > 0 || isOver)) this.#polls.ended(takenCount === 0);
    const mayPoll = dueCount > 0 && !this.#isCrowded && this.#polls.isOn && !isOver;
    this.#isLooking = mayPoll && !isFlowing;
    if (isFlowing || mayPoll) {
      this.#isPolling = true;
      this.#startMs = nowMs; // The loop will not sleep: its next turn begins here.
      setImmediate(this.#poll);
      return;
    }
    this.#isPolling = false;
    this.#startMs = 0;
    if (this.#isCrowded) this.#forgetCrowdSoon();
    this.#park();
  }

  /** Tells the store worker when clients are many. The peak of the last turns counts, since a single turn may see few. */
  #noteCrowd(): void {
    this.#peakReplies = Math.max(this.#work.dueCount, this.#peakReplies - PEAK_DECAY);
    const isCrowded = this.#peakReplies > POLLED_REPLIES_MAX;
    if (isCrowded === this.#isCrowded) return;
    this.#isCrowded = isCrowded;
    this.#options.words.setCrowded(this.#options.number, isCrowded);
  }

  /** The threads that do not spin for a crowd may do so for the clients of other front ends. */
  #forgetCrowdSoon(): void {
    this.#forgetting ??= setTimeout(() => {
      this.#forgetting = undefined;
      if (performance.now() - this.#lastTurnMs >= CROWD_GONE_MS) this.#peakReplies = 0;
      this.#noteCrowd();
      if (this.#isCrowded) this.#forgetCrowdSoon();
    }, CROWD_GONE_MS).unref();
  }

  #park(): void {
    if (this.#isParked || this.#isClosed) return;
    // A full request ring has no bell of its own: look again soon.
    if (this.#work.queuedCount > 0) {
      this.#isPolling = true;
      setTimeout(this.#poll, 1);
      return;
    }
    const woken = this.#options.ownBell.parkAsync(() => this.#work.hasWork());
    if (woken === undefined) {
      this.expectReplies();
      return;
    }
    this.#isParked = true;
    woken.then(() => {
      this.#isParked = false;
      this.#options.metrics.count(Counter.parks);
      // A turn that is on its way already would begin a second row of them, and so would what is sent in this one.
      if (this.#isPolling) return;
      this.#isPolling = true;
      this.#poll();
    }, this.#options.onFatal);
  }
}
