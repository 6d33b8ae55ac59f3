/**
 * The events of sets that a start replays. Of these the history holds only the last thousand in the end, and nobody hears of
 * any: so what they are made of is noted, and they are made when all has been replayed (native-bench, "restart").
 */
import { Action, StoreEvent } from './event.ts';
import type { EventHistory } from './event-history.ts';
import { type Child, Node } from './node.ts';
import { isAsleep, type Sleepers } from './sleepers.ts';
import type { SleepingChunk } from './sleeping-chunk.ts';

export class ReplayedPast {
  /** Of the first event that the history does not have yet; 0 while there is none. */
  #firstIndex = 0;
  /** Of the last of these events, at their index modulo the history's capacity: the time, the key as it was set, and what it replaced. */
  readonly #timesMs: Float64Array;
  readonly #sleepers: Int32Array;
  readonly #chunks: (SleepingChunk | undefined)[];
  readonly #replacedSleepers: Int32Array;
  readonly #replaced: (SleepingChunk | Node | undefined)[];

  /** @param capacity of the history. */
  constructor(capacity: number) {
    this.#timesMs = new Float64Array(capacity);
    this.#sleepers = new Int32Array(capacity);
    this.#chunks = new Array(capacity).fill(undefined);
    this.#replacedSleepers = new Int32Array(capacity);
    this.#replaced = new Array(capacity).fill(undefined);
  }

  /** A key was set, and `old` is about to go for it. @returns the hash of `old`. */
  note(index: number, timeMs: number, sleeper: number, old: Child | undefined, sleepers: Sleepers): number | undefined {
    const place = index % this.#chunks.length;
    if (this.#firstIndex === 0) this.#firstIndex = index;
    this.#timesMs[place] = timeMs;
    this.#sleepers[place] = sleeper;
    this.#chunks[place] = sleepers.chunkOf(sleeper);
    if (!isAsleep(old)) {
      this.#replaced[place] = old;
      return old?.hash;
    }
    const oldChunk = sleepers.chunkOf(old);
    this.#replaced[place] = oldChunk;
    this.#replacedSleepers[place] = old;
    return oldChunk.hash(old);
  }

  /** All has been replayed, up to the event of `lastIndex`: the history gets the events that it lacks. */
  finish(history: EventHistory, lastIndex: number): void {
    if (this.#firstIndex > 0) history.complete(this.#firstIndex, lastIndex, (lacking) => this.#eventOf(lacking));
    this.#firstIndex = 0;
  }

  #eventOf(index: number): StoreEvent {
    const place = index % this.#chunks.length;
    const replaced = this.#replaced[place];
    const isAwake = replaced === undefined || replaced instanceof Node;
    const prevNode = isAwake ? replaced : replaced.nodeWithTextsOf(this.#replacedSleepers[place] as number);
    const node = (this.#chunks[place] as SleepingChunk).nodeWithTextsOf(this.#sleepers[place] as number);
    return new StoreEvent(Action.set, index, this.#timesMs[place] as number, false, node, prevNode);
  }
}
