/**
 * From the moment a set is sent to the moment a watcher of its key has the whole event. One setter, one watcher; the
 * next set leaves when the last one is acknowledged, its event has come and the watcher is in place again.
 *
 *   setter    ── set n ─────────▶ server ── ack ──▶
 *   watcher                        └───── event ───────▶  re-arm with waitIndex = n's index + 1   (long poll)
 *             └──────── measured ──────────────────┘
 */

import { AckClient } from '../ack-client.ts';
import type { Target } from '../dialect.ts';
import { dialectOf } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import type { RequestPlan } from '../request-source.ts';
import { type Usage, UsageWindow } from '../usage-window.ts';
import { Watcher, type WatchMode } from '../watcher.ts';
import { OpenLoopGenerator } from './open-loop.ts';

export interface SetToWatchSpec {
  readonly target: Target;
  readonly mode: WatchMode;
  /** Sets on other keys at a fixed rate all the while; 0 for none. */
  readonly backgroundRatePerSecond: number;
  readonly backgroundPlan: RequestPlan;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface SetToWatchResult {
  readonly usage: Usage;
  readonly events: number;
  readonly latency: string;
  readonly ackLatency: string;
  /** Answers per second that the background load got; 0 without one. */
  readonly backgroundRate: number;
}

const BACKGROUND_CONNECTIONS = 32;
const WATCHED_KEY = '/bench/watched';

export async function setToWatch(spec: SetToWatchSpec): Promise<SetToWatchResult> {
  const background =
    spec.backgroundRatePerSecond > 0
      ? new OpenLoopGenerator({
          target: spec.target,
          connections: BACKGROUND_CONNECTIONS,
          plan: spec.backgroundPlan,
          ratePerSecond: spec.backgroundRatePerSecond,
        })
      : undefined;
  await background?.start();
  const pair = new SetterAndWatcher(spec.target, spec.mode);
  try {
    await pair.open();
    await pair.runFor(spec.warmupMs, undefined, undefined);
    const latency = new LatencyHistogram();
    const ackLatency = new LatencyHistogram();
    const window = new UsageWindow(spec.target);
    window.start();
    background?.startRecording();
    await pair.runFor(spec.measureMs, latency, ackLatency);
    const usage = window.stop();
    const answered = (await background?.stop())?.answersInWindow ?? 0;
    return {
      usage,
      events: latency.count,
      latency: latency.encode(),
      ackLatency: ackLatency.encode(),
      backgroundRate: (answered / usage.elapsedMs) * 1000,
    };
  } finally {
    pair.close();
    background?.close();
  }
}

class SetterAndWatcher {
  readonly #setter: AckClient;
  readonly #watcher: Watcher;
  readonly #announce: (value: string) => string;
  #sequence = 0;
  #sentAt = 0;
  #isWaiting = { ack: false, event: false, armed: false };
  #onRound: () => void = () => {};
  #latency: LatencyHistogram | undefined;
  #ackLatency: LatencyHistogram | undefined;
  #fail: (error: Error) => void = () => {};

  constructor(target: Target, mode: WatchMode) {
    const dialect = dialectOf(target);
    this.#announce = (value) => dialect.announce(WATCHED_KEY, value);
    const onFailure = (what: string): void => this.#fail(new Error(what));
    this.#setter = new AckClient(target, () => this.#acknowledged(), onFailure);
    this.#watcher = new Watcher(target, dialect, WATCHED_KEY, mode, {
      onArmed: () => this.#note('armed'),
      onEvent: (text) => this.#heard(text),
      onFailure,
    });
  }

  async open(): Promise<void> {
    await Promise.all([this.#setter.opened, this.#watcher.opened]);
    await this.#round(() => {
      this.#isWaiting = { ack: false, event: false, armed: true };
      this.#watcher.arm();
    });
  }

  async runFor(
    durationMs: number,
    latency: LatencyHistogram | undefined,
    ackLatency: LatencyHistogram | undefined,
  ): Promise<void> {
    this.#latency = latency;
    this.#ackLatency = ackLatency;
    const end = performance.now() + durationMs;
    while (performance.now() < end) await this.#round(() => this.#set());
  }

  close(): void {
    this.#setter.close();
    this.#watcher.close();
  }

  #round(begin: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onRound = resolve;
      this.#fail = reject;
      begin();
    });
  }

  #set(): void {
    this.#isWaiting = { ack: true, event: true, armed: this.#watcher.rearmsItself };
    this.#sentAt = performance.now();
    this.#setter.send(this.#announce(`n${++this.#sequence}n`));
  }

  #acknowledged(): void {
    this.#ackLatency?.recordMs(performance.now() - this.#sentAt);
    this.#note('ack');
  }

  #heard(text: string): void {
    this.#latency?.recordMs(performance.now() - this.#sentAt);
    if (!text.includes(`n${this.#sequence}n`)) this.#fail(new Error(`set n${this.#sequence}n, heard ${text}`));
    this.#note('event');
  }

  #note(what: 'ack' | 'event' | 'armed'): void {
    this.#isWaiting[what] = false;
    if (!this.#isWaiting.ack && !this.#isWaiting.event && !this.#isWaiting.armed) this.#onRound();
  }
}
