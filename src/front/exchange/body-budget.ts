/**
 * How much memory forms may take that come in pieces: ten thousand clients that send a large one slowly must not fill it.
 * A form that comes in one piece is used at once, and takes nothing.
 */
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';

/** All forms of one front end together. */
export class BodyBudget {
  readonly sizeBytesMax: number;
  readonly #metrics: FrontEndMetrics;
  #usedBytes = 0;

  constructor(sizeBytesMax: number, metrics: FrontEndMetrics) {
    this.sizeBytesMax = sizeBytesMax;
    this.#metrics = metrics;
  }

  /** @returns false when there is no room for so much more. */
  tryTake(sizeBytes: number): boolean {
    if (this.#usedBytes + sizeBytes > this.sizeBytesMax) return false;
    this.#use(sizeBytes);
    return true;
  }

  giveBack(sizeBytes: number): void {
    this.#use(-sizeBytes);
  }

  #use(moreBytes: number): void {
    this.#usedBytes += moreBytes;
    this.#metrics.set(Counter.bodyBytes, this.#usedBytes);
  }
}

/** What one form has taken of it. */
export class BodyShare {
  readonly #budget: BodyBudget;
  #sizeBytes = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  tryTake(sizeBytes: number): boolean {
    if (!this.#budget.tryTake(sizeBytes)) return false;
    this.#sizeBytes += sizeBytes;
    return true;
  }

  get isTaken(): boolean {
    return this.#sizeBytes > 0;
  }

  /** All of it. May be called again. */
  giveBack(): void {
    if (this.#sizeBytes > 0) this.#budget.giveBack(this.#sizeBytes);
    this.#sizeBytes = 0;
  }
}
