/**
 * The few words that all threads of a server share outside the rings. Each has one writer.
 *
 *   word               writer           readers
 *   DURABLE_SEQUENCE   journal worker   front ends (the gate), store worker (what can no longer be undone)
 *   JOURNAL_STATE      journal worker   front ends, store worker
 *   SECURITY_VERSION   store worker     front ends: whether their copy of users and roles is behind
 *   ETCD_INDEX         store worker     front ends: the head of an answer that they have kept
 *   SEQUENCE           store worker     the same; both are set before anybody is told of what was applied
 *   STOP_STORE         main thread      store worker
 *   STOP_JOURNAL       main thread      journal worker
 *   FRONT_END_CLOSED   front end n,     main thread, when the process ends
 *     [n], n > 0       its thread
 *   CROWD [n]          front end n      store worker and journal worker: they do not spin then
 *   LISTINGS_LEFT [n]  front end n      store worker: how much of what it has listed is still on its way; KB, all in all
 *   failure text       journal worker, before it sets JOURNAL_STATE; written once
 *
 * DURABLE_SEQUENCE, ETCD_INDEX, SEQUENCE and LISTINGS_LEFT hold the low 32 bits of a count, so they are compared by difference, never by size.
 */
import { assert } from '../base/assert.ts';

const TEXT_AT_BYTES = 640;
const TEXT_SIZE_BYTES_MAX = 500;

const WORD = {
  durableSequence: 0,
  etcdIndex: 16,
  sequence: 17,
  journalState: 32,
  // Beside the other word that every request looks at and that hardly ever changes.
  securityVersion: 33,
  stopStore: 64,
  stopJournal: 80,
  textSize: 96,
  frontEndClosed: 112,
  crowd: 128,
  listingsLeft: 144,
} as const;

/** As many as have a word of their own here; a watcher's id would have room for more. */
export const FRONT_ENDS_MAX = 16;

assert(WORD.listingsLeft + FRONT_ENDS_MAX <= TEXT_AT_BYTES / 4, 'the words of the front ends end before the text');

export const JournalState = { none: 0, running: 1, failed: 2 } as const;

export function createSharedWords(): SharedArrayBuffer {
  return new SharedArrayBuffer(TEXT_AT_BYTES + TEXT_SIZE_BYTES_MAX);
}

export class SharedWords {
  readonly #words: Int32Array;
  readonly #text: Buffer;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, TEXT_AT_BYTES / 4);
    this.#text = Buffer.from(memory, TEXT_AT_BYTES, TEXT_SIZE_BYTES_MAX);
  }

  get durableSequence(): number {
    return Atomics.load(this.#words, WORD.durableSequence);
  }
  set durableSequence(sequence: number) {
    Atomics.store(this.#words, WORD.durableSequence, sequence | 0);
  }

  get journalState(): number {
    return Atomics.load(this.#words, WORD.journalState);
  }
  set journalState(state: number) {
    Atomics.store(this.#words, WORD.journalState, state);
  }

  /** Counts the changes of users, roles and the switch; 0 while there has been none. */
  get securityVersion(): number {
    return Atomics.load(this.#words, WORD.securityVersion);
  }
  set securityVersion(version: number) {
    Atomics.store(this.#words, WORD.securityVersion, version);
  }

  get etcdIndex(): number {
    return Atomics.load(this.#words, WORD.etcdIndex);
  }
  set etcdIndex(index: number) {
    Atomics.store(this.#words, WORD.etcdIndex, index | 0);
  }

  get sequence(): number {
    return Atomics.load(this.#words, WORD.sequence);
  }
  set sequence(sequence: number) {
    Atomics.store(this.#words, WORD.sequence, sequence | 0);
  }

  get isStoreStopping(): boolean {
    return Atomics.load(this.#words, WORD.stopStore) === 1;
  }
  stopStore(): void {
    Atomics.store(this.#words, WORD.stopStore, 1);
  }

  get isJournalStopping(): boolean {
    return Atomics.load(this.#words, WORD.stopJournal) === 1;
  }
  stopJournal(): void {
    Atomics.store(this.#words, WORD.stopJournal, 1);
  }

  /** Front end `number` has closed its connections. */
  noteFrontEndClosed(number: number): void {
    Atomics.store(this.#words, WORD.frontEndClosed + number, 1);
    Atomics.notify(this.#words, WORD.frontEndClosed + number);
  }
  /** Blocks until that front end has, or has taken too long. @returns whether it has. */
  waitForFrontEndClosed(number: number, timeoutMs: number): boolean {
    return Atomics.wait(this.#words, WORD.frontEndClosed + number, 0, timeoutMs) !== 'timed-out';
  }

  /** Whether so many clients of some front end ask at a time that their requests come in batches. */
  get isCrowded(): boolean {
    for (let number = 0; number < FRONT_ENDS_MAX; number++)
      if (Atomics.load(this.#words, WORD.crowd + number) === 1) return true;
    return false;
  }
  setCrowded(frontEnd: number, isCrowded: boolean): void {
    Atomics.store(this.#words, WORD.crowd + frontEnd, isCrowded ? 1 : 0);
  }

  /** KB of listings that front end `number` has sent or given up since the start. */
  listingsLeftKb(number: number): number {
    return Atomics.load(this.#words, WORD.listingsLeft + number);
  }
  noteListingLeft(frontEnd: number, sizeKb: number): void {
    const at = WORD.listingsLeft + frontEnd;
    Atomics.store(this.#words, at, (Atomics.load(this.#words, at) + sizeKb) | 0);
  }

  /** Says why the journal failed, and that it did. */
  failJournal(reason: string): void {
    const size = this.#text.write(reason);
    this.#words[WORD.textSize] = size;
    this.journalState = JournalState.failed;
  }

  /** Meaningful once `journalState` is `failed`. */
  get failureReason(): string {
    return this.#text.toString('utf8', 0, this.#words[WORD.textSize]);
  }
}

/** What the parts of a listing take, as both its store worker and its front end count it. */
export function sizeKbOf(parts: readonly Uint8Array[]): number {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.buffer.byteLength;
  return Math.ceil(sizeBytes / 1024);
}

/** Whether a frame with this gate may leave. */
export function isDurable(gate: number, durableSequence: number): boolean {
  return ((gate - durableSequence) | 0) <= 0;
}
