/**
 * Very many wait for one key by long polls, as most clients of the API do, and come again after each event with the index
 * behind it. What others feel meanwhile is measured on another thread.
 */
import { AckClient } from '../ack-client.ts';
import { dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { Watcher } from '../watcher.ts';

export interface PollCrowdSpec {
  readonly target: Target;
  readonly watchers: number;
  /** Epoch ms: when the first set is sent. All watches must be open by then. */
  readonly beginsAt: number;
  readonly sets: number;
  /** From one set to the next, whether or not all have heard it. */
  readonly everyMs: number;
}

export interface PollCrowdResult {
  /** From a set to each who hears it. */
  readonly latency: string;
}

const POLLED_KEY = '/bench/polled';
/** A crowd that comes all at once is another scenario: `newConnections`. */
const OPENED_AT_ONCE = 100;
const PATIENCE_MS = 10_000;

export async function pollCrowd(spec: PollCrowdSpec): Promise<PollCrowdResult> {
  const crowd = new PollCrowd(spec);
  try {
    await crowd.arm();
    const leftMs = spec.beginsAt - performance.timeOrigin - performance.now();
    if (leftMs < 0) throw new Error(`${spec.watchers} watches could not be opened in time`);
    await sleep(leftMs);
    return { latency: (await crowd.run()).encode() };
  } finally {
    crowd.close();
  }
}

class PollCrowd {
  readonly #spec: PollCrowdSpec;
  readonly #setter: AckClient;
  readonly #watchers: Watcher[] = [];
  readonly #latency = new LatencyHistogram();
  /** By set, when it was sent. */
  readonly #sentAt: number[] = [];
  readonly #heardBy: Uint32Array;
  #armedCount = 0;
  #heardCount = 0;
  #failure: string | undefined;

  constructor(spec: PollCrowdSpec) {
    this.#spec = spec;
    this.#heardBy = new Uint32Array(spec.watchers);
    this.#setter = new AckClient(spec.target, () => {}, this.#fail);
  }

  async arm(): Promise<void> {
    const { target, watchers } = this.#spec;
    const dialect = dialectOf(target);
    await this.#setter.opened;
    while (this.#watchers.length < watchers) {
      const group: Watcher[] = [];
      for (let count = 0; count < OPENED_AT_ONCE && this.#watchers.length < watchers; count++) {
        const number = this.#watchers.length;
        const onArmed = () => this.#armedCount++;
        const listener = { onArmed, onEvent: (text: string) => this.#heard(number, text), onFailure: this.#fail };
        const watcher = new Watcher(target, dialect, POLLED_KEY, 'long-poll', listener);
        this.#watchers.push(watcher);
        group.push(watcher);
      }
      await Promise.all(group.map((watcher) => watcher.opened));
      for (const watcher of group) watcher.arm();
      await this.#until(() => this.#armedCount === this.#watchers.length);
    }
  }

  async run(): Promise<LatencyHistogram> {
    const { sets, everyMs, watchers, target } = this.#spec;
    const dialect = dialectOf(target);
    for (let set = 0; set < sets; set++) {
      this.#sentAt.push(performance.now());
      this.#setter.send(dialect.announce(POLLED_KEY, `n${set}`));
      await sleep(everyMs);
    }
    await this.#until(() => this.#heardCount === sets * watchers);
    return this.#latency;
  }

  close(): void {
    this.#setter.close();
    for (const watcher of this.#watchers) watcher.close();
  }

  #heard(number: number, text: string): void {
    const set = this.#heardBy[number] as number;
    // The node comes before prevNode, so the first value is the event's own.
    const value = /"value":"([^"]*)"/.exec(text)?.[1];
    if (set >= this.#sentAt.length || value !== `n${set}`)
      this.#fail(`of set n${set} watcher ${number} heard ${text.slice(0, 200)}`);
    this.#heardBy[number] = set + 1;
    this.#heardCount++;
    this.#latency.recordMs(performance.now() - (this.#sentAt[set] as number));
  }

  async #until(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!isSo()) {
      if (this.#failure !== undefined) throw new Error(this.#failure);
      if (performance.now() > deadline) throw new Error(`${this.#heardCount} events were heard, and no more came`);
      await sleep(1);
    }
  }

  readonly #fail = (what: string): void => {
    this.#failure ??= what;
  };
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
