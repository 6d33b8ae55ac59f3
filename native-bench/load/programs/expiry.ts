/**
 * Very many keys expire within one second, while others set other keys at a modest, fixed rate. A lifetime is whole
 * seconds, so each key is given the lifetime that lets it end in the second that begins at the deadline:
 *
 *   set at t      lifetime = ceil(deadline − t)      ends in [deadline, deadline + 1 s)
 *
 * Lateness is counted from the moment the set was sent plus the lifetime, so it contains the set's own way to the
 * server: some tens of microseconds. It is known for the expirations that the stream has heard of, and only for those.
 */
import { type Dialect, dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { emptyTally, LoadClient, requireNoFailure } from '../load-client.ts';
import type { RequestSource } from '../request-source.ts';
import { Watcher } from '../watcher.ts';
import { OpenLoopGenerator, type OpenLoopResult, type OpenLoopSpec } from './open-loop.ts';

export interface ExpirySpec {
  readonly keyCount: number;
  /** From the first set to the deadline. */
  readonly horizonMs: number;
  /** What the stream has not heard so long after the deadline, it will not hear. */
  readonly patienceMs: number;
  readonly others: OpenLoopSpec;
}

export interface ExpiryResult {
  /** Expirations the stream has heard, of keyCount. */
  readonly events: number;
  readonly lateness: string;
  readonly others: Omit<OpenLoopResult, 'usage'>;
}

const DIRECTORY = '/expiring';
const FILL_CONNECTIONS = 64;
const OTHERS_LEAD_MS = 200;

export async function expiry(spec: ExpirySpec): Promise<ExpiryResult> {
  const { target } = spec.others;
  const dialect = dialectOf(target);
  const deadline = performance.now() + spec.horizonMs;
  const dueAt = await fillExpiring(target, dialect, spec.keyCount, deadline);
  if (performance.now() > deadline - OTHERS_LEAD_MS * 2)
    throw new Error(`${spec.keyCount} keys could not be set within ${spec.horizonMs} ms`);

  const ear = new ExpirationEar(target, dialect, dueAt);
  const others = new OpenLoopGenerator(spec.others);
  try {
    await ear.arm();
    await others.start();
    await sleepUntil(deadline - OTHERS_LEAD_MS);
    others.startRecording();
    await Promise.race([ear.heardAll, sleepUntil(deadline + spec.patienceMs)]);
    const measured = await others.stop();
    return { events: ear.events, lateness: ear.lateness.encode(), others: measured };
  } finally {
    ear.close();
    others.close();
  }
}

/** @returns by key, when it is due to expire. */
async function fillExpiring(
  target: Target,
  dialect: Dialect,
  keyCount: number,
  deadline: number,
): Promise<Float64Array> {
  const dueAt = new Float64Array(keyCount);
  let nextKey = 0;
  const source: RequestSource = {
    isWrite: true,
    expected: `"key":"${DIRECTORY}/`,
    next() {
      if (nextKey >= keyCount) return undefined;
      const key = nextKey++;
      const now = performance.now();
      const ttlSeconds = Math.max(1, Math.ceil((deadline - now) / 1000));
      dueAt[key] = now + ttlSeconds * 1000;
      return dialect.setExpiring(`${DIRECTORY}/${key}`, 'x', ttlSeconds);
    },
  };
  const tally = emptyTally();
  await new Promise<void>((resolve, reject) => {
    let running = FILL_CONNECTIONS;
    const goOn = (client: LoadClient): void => {
      if (tally.failures === 0 && client.send(performance.now())) return;
      client.close();
      if (--running === 0) resolve();
    };
    for (let connection = 0; connection < FILL_CONNECTIONS; connection++) {
      const client = new LoadClient(target, dialect, source, tally, goOn);
      client.opened.then(() => goOn(client), reject);
    }
  });
  requireNoFailure(tally);
  return dueAt;
}

class ExpirationEar {
  events = 0;
  readonly lateness = new LatencyHistogram();
  readonly heardAll: Promise<void>;
  readonly #dueAt: Float64Array;
  readonly #watcher: Watcher;
  #onArmed: () => void = () => {};
  #onHeardAll: () => void = () => {};

  constructor(target: Target, dialect: Dialect, dueAt: Float64Array) {
    this.#dueAt = dueAt;
    this.heardAll = new Promise((resolve) => {
      this.#onHeardAll = resolve;
    });
    const listener = {
      onArmed: () => this.#onArmed(),
      onEvent: (text: string) => this.#heard(text),
      // A server may give up on a watcher that it has more to tell than it wants to keep. That shows in the count.
      onFailure: () => {},
    };
    const request = dialect.watchExpirations(DIRECTORY);
    this.#watcher = new Watcher(target, dialect, DIRECTORY, 'stream', listener, { request });
  }

  async arm(): Promise<void> {
    await this.#watcher.opened;
    await new Promise<void>((resolve) => {
      this.#onArmed = resolve;
      this.#watcher.arm();
    });
  }

  close(): void {
    this.#watcher.close();
  }

  #heard(text: string): void {
    const now = performance.now();
    // In an event the key stands in quotes, in a Redis message it is all there is.
    const start = text.indexOf(`${DIRECTORY}/`);
    const key = Number.parseInt(text.slice(start + DIRECTORY.length + 1), 10);
    const dueAt = this.#dueAt[key];
    if (start < 0 || dueAt === undefined) return;
    this.#dueAt[key] = Number.NaN; // Heard twice, a key would count as never late.
    if (Number.isNaN(dueAt)) return;
    this.lateness.recordMs(now - dueAt);
    if (++this.events === this.#dueAt.length) this.#onHeardAll();
  }
}

function sleepUntil(moment: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - performance.now())));
}
