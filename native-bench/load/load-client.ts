/**
 * One connection that asks what its source says and checks what it is answered: of every answer the status and, for
 * writes, that the index grew; of every sixty-fourth also the body, which keeps the cost of checking out of the figures.
 */
import type { AnswerSink } from './answer.ts';
import { Connection } from './connection.ts';
import type { Dialect, Target } from './dialect.ts';
import type { RequestSource } from './request-source.ts';

const BODY_CHECK_EVERY = 64;

/** What the connections of one load have seen together. */
export interface Tally {
  answers: number;
  /** Writes that the server has acknowledged since the beginning, warm-up included. */
  acknowledgedWrites: number;
  failures: number;
  firstFailure: string;
}

export function emptyTally(): Tally {
  return { answers: 0, acknowledgedWrites: 0, failures: 0, firstFailure: '' };
}

export function noteFailure(tally: Tally, what: string): void {
  if (tally.failures++ === 0) tally.firstFailure = what;
}

/** Throws when any answer was wrong: a figure made of wrong answers is worth nothing. */
export function requireNoFailure(tally: Tally): void {
  if (tally.failures > 0) throw new Error(`${tally.failures} wrong answers, the first: ${tally.firstFailure}`);
}

export class LoadClient implements AnswerSink {
  /** When the request under way was due, on the clock of performance.now(). */
  intendedAt = 0;
  readonly #source: RequestSource;
  readonly #tally: Tally;
  readonly #onAnswered: (client: LoadClient) => void;
  readonly #connection: Connection;
  readonly #isChecking: boolean;
  #answersUntilCheck = 1;
  #body = '';
  #lastIndex = 0;

  constructor(
    target: Target,
    dialect: Dialect,
    source: RequestSource,
    tally: Tally,
    onAnswered: (client: LoadClient) => void,
  ) {
    this.#source = source;
    this.#tally = tally;
    this.#onAnswered = onAnswered;
    this.#isChecking = dialect.answersCanBeChecked;
    this.#connection = new Connection(target, this);
  }

  get opened(): Promise<void> {
    return this.#connection.opened;
  }

  /** @returns false when the source has nothing left to ask. */
  send(intendedAt: number): boolean {
    const request = this.#source.next();
    if (request === undefined) return false;
    this.intendedAt = intendedAt;
    this.#connection.send(request);
    return true;
  }

  close(): void {
    this.#connection.close();
  }

  onHead(status: number, etcdIndex: number): void {
    if (status !== 200 && status !== 201) noteFailure(this.#tally, `status ${status}`);
    if (this.#isChecking && this.#source.isWrite) {
      if (etcdIndex <= this.#lastIndex) noteFailure(this.#tally, `index ${etcdIndex} after ${this.#lastIndex}`);
      this.#lastIndex = etcdIndex;
    }
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#isChecking && this.#answersUntilCheck === 1) this.#body += bytes.latin1Slice(start, end);
  }

  onEnd(): void {
    if (this.#isChecking && --this.#answersUntilCheck === 0) this.#checkBody();
    this.#tally.answers++;
    if (this.#source.isWrite) this.#tally.acknowledgedWrites++;
    this.#onAnswered(this);
  }

  onClose(reason: string): void {
    noteFailure(this.#tally, `connection lost: ${reason}`);
    this.#onAnswered(this);
  }

  #checkBody(): void {
    if (!this.#body.includes(this.#source.expected))
      noteFailure(this.#tally, `expected ${this.#source.expected} in ${this.#body.slice(0, 400)}`);
    this.#body = '';
    this.#answersUntilCheck = BODY_CHECK_EVERY;
  }
}
