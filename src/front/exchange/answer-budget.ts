/**
 * How much memory large answers may take until their readers have them. Of listings the store worker sees to it, since it
 * must not even make too many; it is told here which of them have left. Of large values, and of events that have them, this
 * front end does.
 */
import { type SharedWords, sizeKbOf } from '../../frame/shared-words.ts';
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';

/** All large answers of one front end. */
export class AnswerBudget {
  readonly sizeBytesMax: number;
  readonly #words: SharedWords;
  readonly #frontEnd: number;
  readonly #metrics: FrontEndMetrics;
  #usedBytes = 0;

  constructor(sizeBytesMax: number, words: SharedWords, frontEnd: number, metrics: FrontEndMetrics) {
    this.sizeBytesMax = sizeBytesMax;
    this.#words = words;
    this.#frontEnd = frontEnd;
    this.#metrics = metrics;
  }

  /** A listing has come. */
  takeListing(parts: readonly Uint8Array[]): AnswerShare {
    const sizeKb = sizeKbOf(parts);
    return this.#take(sizeKb * 1024, () => this.#words.noteListingLeft(this.#frontEnd, sizeKb));
  }

  /** @returns undefined when there is no room beside the others; alone it may be of any size. */
  tryTake(sizeBytes: number): AnswerShare | undefined {
    if (this.#usedBytes > 0 && this.#usedBytes + sizeBytes > this.sizeBytesMax) return undefined;
    return this.#take(sizeBytes, () => {});
  }

  #take(sizeBytes: number, onGivenBack: () => void): AnswerShare {
    this.#use(sizeBytes);
    return new AnswerShare(() => {
      this.#use(-sizeBytes);
      onGivenBack();
    });
  }

  #use(moreBytes: number): void {
    this.#usedBytes += moreBytes;
    this.#metrics.set(Counter.answerBytes, this.#usedBytes);
  }
}

/** What one answer takes, for as many readers as it has. */
export class AnswerShare {
  #giveBack: (() => void) | undefined;
  #readers = 1;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** There is another reader. */
  hold(): void {
    this.#readers++;
  }

  /** A reader has it, or has gone. */
  release(): void {
    this.#readers--;
    if (this.#readers > 0) return;
    this.#giveBack?.();
    this.#giveBack = undefined;
  }
}
