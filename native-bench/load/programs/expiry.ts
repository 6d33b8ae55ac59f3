/**
 * Very many keys expire within one second, and a stream hears of them. What others feel meanwhile is measured on another
 * thread. A lifetime is whole seconds, so each key is given the lifetime that lets it end in the second that begins at
 * the deadline:
 *
 *   set at t      lifetime = ceil(deadline − t)      ends in [deadline, deadline + 1 s)
 *
 * The keys are set at a fixed rate for a number of whole seconds, so that as many end in each millisecond of that second:
 * otherwise a server that is filled in 1.3 seconds would have twice as many to expire in a third of it.
 *
 * Before that a smaller crowd ends unmeasured, with a stream of its own: compiled code is the server's, not the crowd's.
 *
 * Lateness is counted from the moment the set was sent plus the lifetime, so it contains the set's own way to the
 * server: some tens of microseconds. It is known for the expirations that the stream has heard of, and only for those.
 */
import { type Dialect, dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';
import { emptyTally, LoadClient, requireNoFailure } from '../load-client.ts';
import type { RequestSource } from '../request-source.ts';
import { Watcher } from '../watcher.ts';

export interface ExpirySpec {
  readonly target: Target;
  readonly keyCount: number;
  /** Of them, so many more end before. */
  readonly rehearsedKeyCount: number;
  /** Epoch ms. */
  readonly deadline: number;
  /** How long the sets take; whole seconds. */
  readonly fillMs: number;
  /** What the stream has not heard so long after the deadline, it will not hear. */
  readonly patienceMs: number;
}

export interface ExpiryResult {
  /** Expirations the stream has heard, of keyCount. */
  readonly events: number;
  readonly lateness: string;
}

const DIRECTORY = '/expiring';
const FILL_CONNECTIONS = 64;
/** Left for opening the stream. */
const ARMING_MS = 400;
/** The shortest lifetime there is. */
const REHEARSAL_MS = 1_000;
/** etcd sweeps twice a second. */
const REHEARSAL_PATIENCE_MS = 700;
/** A server's clock may be as old as its turn of the event loop, and is set now and then. */
const EARLY_MS = 50;

export async function expiry(spec: ExpirySpec): Promise<ExpiryResult> {
  const { target, keyCount, fillMs, rehearsedKeyCount } = spec;
  const dialect = dialectOf(target);
  const rehearsalDeadline = performance.now() + REHEARSAL_MS + ARMING_MS;
  const rehearsal = { keyCount: rehearsedKeyCount, fillMs: REHEARSAL_MS - ARMING_MS, deadline: rehearsalDeadline };
  await hear(target, dialect, rehearsal, REHEARSAL_MS + REHEARSAL_PATIENCE_MS);
  const deadline = spec.deadline - performance.timeOrigin;
  return hear(target, dialect, { keyCount, fillMs, deadline }, spec.patienceMs);
}

async function hear(target: Target, dialect: Dialect, crowd: Crowd, patienceMs: number): Promise<ExpiryResult> {
  const { keyCount, deadline } = crowd;
  const dueAt = await new ExpiringKeys(target, dialect, crowd).set();
  if (performance.now() > deadline - ARMING_MS / 2)
    throw new Error(`${keyCount} keys could not be set before their deadline`);
  const ear = new ExpirationEar(target, dialect, dueAt);
  try {
    await ear.arm();
    await Promise.race([ear.heardAll, sleepUntil(deadline + patienceMs)]);
    if (ear.earlyCount > 0) throw new Error(`${ear.earlyCount} keys ended before their time`);
    return { events: ear.events, lateness: ear.lateness.encode() };
  } finally {
    ear.close();
  }
}

/** Keys that end within the second after their deadline, which is on the clock of performance.now(). */
interface Crowd {
  readonly keyCount: number;
  readonly fillMs: number;
  readonly deadline: number;
}

class ExpiringKeys {
  readonly #target: Target;
  readonly #dialect: Dialect;
  readonly #crowd: Crowd;
  readonly #dueAt: Float64Array;
  readonly #tally = emptyTally();
  readonly #source: RequestSource;
  readonly #free: LoadClient[] = [];
  #nextKey = 0;

  constructor(target: Target, dialect: Dialect, crowd: Crowd) {
    this.#target = target;
    this.#dialect = dialect;
    this.#crowd = crowd;
    this.#dueAt = new Float64Array(crowd.keyCount);
    this.#source = { isWrite: true, expected: `"key":"${DIRECTORY}/`, next: () => this.#next() };
  }

  /** @returns by key, when it is due to expire. */
  async set(): Promise<Float64Array> {
    const { keyCount, fillMs, deadline } = this.#crowd;
    const onAnswered = (client: LoadClient) => this.#free.push(client);
    const clients: LoadClient[] = [];
    for (let connection = 0; connection < FILL_CONNECTIONS; connection++)
      clients.push(new LoadClient(this.#target, this.#dialect, this.#source, this.#tally, onAnswered));
    await Promise.all(clients.map((client) => client.opened));
    this.#free.push(...clients);
    const startedAt = performance.now();
    while (this.#tally.answers < keyCount && this.#tally.failures === 0 && performance.now() < deadline) {
      const due = Math.min(keyCount, ((performance.now() - startedAt) / fillMs) * keyCount);
      while (this.#nextKey < due) {
        const client = this.#free.pop();
        if (client === undefined) break;
        client.send(performance.now());
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const client of clients) client.close();
    requireNoFailure(this.#tally);
    return this.#dueAt;
  }

  #next(): string {
    const key = this.#nextKey++;
    const now = performance.now();
    const ttlSeconds = Math.max(1, Math.ceil((this.#crowd.deadline - now) / 1000));
    this.#dueAt[key] = now + ttlSeconds * 1000;
    return this.#dialect.setExpiring(`${DIRECTORY}/${key}`, 'x', ttlSeconds);
  }
}

class ExpirationEar {
  events = 0;
  /** A key that ends too soon is no key that ends promptly. */
  earlyCount = 0;
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
    if (now < dueAt - EARLY_MS) this.earlyCount++;
    this.lateness.recordMs(now - dueAt);
    if (++this.events === this.#dueAt.length) this.#onHeardAll();
  }
}

function sleepUntil(moment: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - performance.now())));
}
