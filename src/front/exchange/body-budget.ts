/**
 * How much memory forms may take that come in pieces: ten thousand clients that send a large one slowly must not fill it.
 * A form that comes in one piece is used at once, and takes nothing; a large one that is not (`large-forms.ts`) takes its size.
 */
import { Counter, type FrontEndMetrics } from '../../metrics/front-end-metrics.ts';
import { BLOCK_SIZE_BYTES, BodyMemory } from './body-memory.ts';

/** All forms of one front end together. */
export class BodyBudget {
  readonly sizeBytesMax: number;
  readonly memory: BodyMemory;
  readonly #metrics: FrontEndMetrics;
  #usedBytes = 0;

  constructor(sizeBytesMax: number, metrics: FrontEndMetrics) {
    // A form takes whole blocks, and the largest one must find room.
    this.sizeBytesMax = Math.ceil(sizeBytesMax / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    this.memory = new BodyMemory(this.sizeBytesMax);
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

/** The pieces of one form, and what they take of the budget. */
export class BodyShare {
  readonly #budget: BodyBudget;
  #blocks: number[] = [];
  #sizeBytes = 0;
  #takenBytes = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /** Copies a piece. @returns false when there is no room for it: then `giveBack` must follow. */
  tryAdd(piece: Uint8Array): boolean {
    const { memory } = this.#budget;
    for (let at = 0; at < piece.length; ) {
      const offsetBytes = this.#sizeBytes % BLOCK_SIZE_BYTES;
      if (offsetBytes === 0 && !this.#takeBlock()) return false;
      const part = piece.subarray(at, at + BLOCK_SIZE_BYTES - offsetBytes);
      memory.write(this.#blocks.at(-1) as number, offsetBytes, part);
      this.#sizeBytes += part.length;
      at += part.length;
    }
    return true;
  }

  #takeBlock(): boolean {
    if (!this.#budget.tryTake(BLOCK_SIZE_BYTES)) return false;
    this.#takenBytes += BLOCK_SIZE_BYTES;
    const block = this.#budget.memory.take();
    if (block === -1) return false;
    this.#blocks.push(block);
    return true;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Copies the bytes from `startBytes` to `endBytes` to the same place in `target`. */
  copyTo(target: Uint8Array, startBytes: number, endBytes: number): void {
    const { memory } = this.#budget;
    for (let at = startBytes; at < endBytes; ) {
      const position = Math.floor(at / BLOCK_SIZE_BYTES);
      const nextBytes = Math.min((position + 1) * BLOCK_SIZE_BYTES, endBytes);
      const offsetBytes = at - position * BLOCK_SIZE_BYTES;
      const block = memory.read(this.#blocks[position] as number, offsetBytes + nextBytes - at);
      target.set(offsetBytes === 0 ? block : block.subarray(offsetBytes), at);
      at = nextBytes;
    }
  }

  /** The whole form, which goes on to count: what is made of it takes as much. */
  join(): Uint8Array {
    const whole = Buffer.allocUnsafe(this.#sizeBytes);
    this.copyTo(whole, 0, this.#sizeBytes);
    this.letGoOfBlocks();
    return whole;
  }

  /** It has been copied, and goes on to count. */
  letGoOfBlocks(): void {
    if (this.#blocks.length > 0) this.#budget.memory.giveBack(this.#blocks);
    this.#blocks = [];
    this.#sizeBytes = 0;
  }

  get isTaken(): boolean {
    return this.#takenBytes > 0;
  }

  /** All of it. May be called again. */
  giveBack(): void {
    this.letGoOfBlocks();
    if (this.#takenBytes > 0) this.#budget.giveBack(this.#takenBytes);
    this.#takenBytes = 0;
  }
}
