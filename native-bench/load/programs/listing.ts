/** Someone lists a huge directory again and again. What others feel meanwhile is measured on another thread. */
import type { AnswerSink } from '../answer.ts';
import { Connection } from '../connection.ts';
import { dialectOf, type Target } from '../dialect.ts';
import { LatencyHistogram } from '../latency-histogram.ts';

export interface ListingSpec {
  readonly target: Target;
  readonly directory: string;
  /** Until the first listing. */
  readonly delayMs: number;
  /** Within so long another one is begun. */
  readonly durationMs: number;
  /** Between two listings. */
  readonly pauseMs: number;
}

export interface ListingResult {
  /** From the request to the last byte. */
  readonly latency: string;
  readonly listings: number;
  readonly listingSizeBytes: number;
}

export async function listing(spec: ListingSpec): Promise<ListingResult> {
  const latency = new LatencyHistogram();
  const lister = new Lister(spec);
  try {
    await lister.opened;
    await sleep(spec.delayMs);
    await lister.listFor(spec.durationMs, latency);
    const { listings, listingSizeBytes } = lister;
    return { latency: latency.encode(), listings, listingSizeBytes };
  } finally {
    lister.close();
  }
}

class Lister implements AnswerSink {
  listings = 0;
  listingSizeBytes = 0;
  readonly #spec: ListingSpec;
  readonly #connection: Connection;
  readonly #request: string;
  #sizeBytes = 0;
  #onListed: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(spec: ListingSpec) {
    this.#spec = spec;
    this.#request = dialectOf(spec.target).list(spec.directory);
    this.#connection = new Connection(spec.target, this);
  }

  get opened(): Promise<void> {
    return this.#connection.opened;
  }

  async listFor(durationMs: number, latency: LatencyHistogram): Promise<void> {
    const end = performance.now() + durationMs;
    do {
      const startedAt = performance.now();
      await this.#listOnce();
      latency.recordMs(performance.now() - startedAt);
      await sleep(this.#spec.pauseMs);
    } while (performance.now() < end);
  }

  close(): void {
    this.#connection.close();
  }

  onHead(status: number): void {
    this.#sizeBytes = 0;
    if (status !== 200) this.#fail(new Error(`a listing was answered with status ${status}`));
  }

  onBody(_bytes: Buffer, start: number, end: number): void {
    this.#sizeBytes += end - start;
  }

  onEnd(): void {
    // Nobody changes the directory, so every listing is as long as the first.
    if (this.listings > 0 && this.#sizeBytes !== this.listingSizeBytes)
      this.#fail(new Error(`a listing of ${this.#sizeBytes} bytes after one of ${this.listingSizeBytes}`));
    this.listingSizeBytes = this.#sizeBytes;
    this.listings++;
    this.#onListed();
  }

  onClose(reason: string): void {
    this.#fail(new Error(`the lister lost its connection: ${reason}`));
  }

  #listOnce(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onListed = resolve;
      this.#fail = reject;
      this.#connection.send(this.#request);
    });
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
