/**
 * One set, heard by very many: streams on one key, one setter. The next set leaves when every watcher has the last
 * one, so the figures are the time to reach the last watcher, and what the setter itself waits for.
 */
import { AckClient } from '../ack-client.ts';
import type { Target } from '../dialect.ts';
import { dialectOf } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { type Usage, UsageWindow } from '../usage-window.ts';
import { Watcher } from '../watcher.ts';

export interface FanOutSpec {
  readonly target: Target;
  readonly watchers: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface FanOutResult {
  readonly usage: Usage;
  /** Sets, each heard by every watcher. */
  readonly rounds: number;
  /** From the set to the last watcher. */
  readonly latency: string;
  /** From the set to the setter's own answer. */
  readonly ackLatency: string;
}

const WATCHED_KEY = '/bench/fan-out';
/** Every so many watchers one reads what it hears; all of them count it. */
const READS_TEXT_EVERY = 16;

export async function fanOut(spec: FanOutSpec): Promise<FanOutResult> {
  const crowd = new Crowd(spec.target, spec.watchers);
  try {
    await crowd.arm();
    await crowd.runFor(spec.warmupMs, undefined, undefined);
    const latency = new LatencyHistogram();
    const ackLatency = new LatencyHistogram();
    const window = new UsageWindow(spec.target);
    window.start();
    await crowd.runFor(spec.measureMs, latency, ackLatency);
    const usage = window.stop();
    return { usage, rounds: latency.count, latency: latency.encode(), ackLatency: ackLatency.encode() };
  } finally {
    crowd.close();
  }
}

class Crowd {
  readonly #setter: AckClient;
  readonly #watchers: Watcher[] = [];
  /** How many events each watcher has heard: always the number of the round, or a delivery was lost or doubled. */
  readonly #heardBy: Uint32Array;
  readonly #request: (value: string) => string;
  #sequence = 0;
  #sentAt = 0;
  #waitingFor = 0;
  #isAcknowledged = true;
  #onRound: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  #latency: LatencyHistogram | undefined;
  #ackLatency: LatencyHistogram | undefined;

  constructor(target: Target, watcherCount: number) {
    const dialect = dialectOf(target);
    const onFailure = (what: string): void => this.#fail(new Error(what));
    this.#heardBy = new Uint32Array(watcherCount);
    this.#request = (value) => dialect.announce(WATCHED_KEY, value);
    this.#setter = new AckClient(target, () => this.#acknowledged(), onFailure);
    for (let number = 0; number < watcherCount; number++) {
      const listener = {
        onArmed: () => this.#noteOne(),
        onEvent: (text: string) => this.#heard(number, text),
        onFailure,
      };
      const options = { keepsText: number % READS_TEXT_EVERY === 0 };
      this.#watchers.push(new Watcher(target, dialect, WATCHED_KEY, 'stream', listener, options));
    }
  }

  async arm(): Promise<void> {
    await Promise.all([this.#setter.opened, ...this.#watchers.map((watcher) => watcher.opened)]);
    await this.#round(() => {
      for (const watcher of this.#watchers) watcher.arm();
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
    for (const watcher of this.#watchers) watcher.close();
  }

  #round(begin: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onRound = resolve;
      this.#fail = reject;
      this.#waitingFor = this.#watchers.length;
      begin();
    });
  }

  #set(): void {
    this.#sequence++;
    this.#isAcknowledged = false;
    this.#sentAt = performance.now();
    this.#setter.send(this.#request(`n${this.#sequence}n`));
  }

  #acknowledged(): void {
    this.#ackLatency?.recordMs(performance.now() - this.#sentAt);
    this.#isAcknowledged = true;
    if (this.#waitingFor === 0) this.#onRound();
  }

  #heard(number: number, text: string): void {
    const heard = (this.#heardBy[number] ?? 0) + 1;
    this.#heardBy[number] = heard;
    if (heard !== this.#sequence) this.#fail(new Error(`watcher ${number} heard ${heard} of ${this.#sequence} sets`));
    if (number % READS_TEXT_EVERY === 0 && !text.includes(`n${this.#sequence}n`))
      this.#fail(new Error(`set n${this.#sequence}n, watcher ${number} heard ${text}`));
    this.#noteOne();
  }

  #noteOne(): void {
    if (--this.#waitingFor > 0) return;
    if (this.#sequence > 0) this.#latency?.recordMs(performance.now() - this.#sentAt);
    if (this.#isAcknowledged) this.#onRound();
  }
}
