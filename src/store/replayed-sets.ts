/**
 * Sets of plain keys as a start replays them: they leave what `Store.write` would leave, but the keys sleep from the
 * beginning (sleepers.ts). No node is made, no string, and of the events only those that the history still holds at the end.
 * The records behind a snapshot are mostly such sets, and making all of that took longer than the snapshot (native-bench,
 * "restart").
 *
 * Whatever is not as simple is left to `Store.write`: keys that expire, refreshes, directories, what is refused, and values so
 * large that the bytes of dead ones could weigh more than all nodes.
 */
import type { ByteString } from '../base/byte-string.ts';
import { Flag, Op } from '../protocol/command.ts';
import { Action, StoreEvent } from './event.ts';
import { Failure } from './failure.ts';
import { type Child, Node } from './node.ts';
import { NODE_HEAD_SIZE_BYTES, NodeBit } from './node-record.ts';
import { isAsleep, RecordedChunk, type SleepingChunk } from './sleepers.ts';
import { chainOf, hashOfNodeBytes, hashOfPathBytes } from './state-hash.ts';
import type { Store } from './store.ts';

const UNLIKE_PLAIN = Flag.dir | Flag.refresh | Flag.hasExpiration;
const TEXT_SIZE_BYTES_MAX = 16 * 1024;
const SLASH = 0x2f;

export class ReplayedSets {
  readonly #store: Store;
  #recorded: RecordedChunk | undefined;
  /** Of the first event that the history does not have yet; 0 while there is none. */
  #firstIndex = 0;
  /** Of the last of these events, at their index modulo the history's capacity: the time, the key as it was set, and what it replaced. */
  readonly #timesMs: Float64Array;
  readonly #sleepers: Int32Array;
  readonly #chunks: (SleepingChunk | undefined)[];
  readonly #replacedSleepers: Int32Array;
  readonly #replaced: (SleepingChunk | Node | undefined)[];

  constructor(store: Store) {
    const { capacity } = store.history;
    this.#store = store;
    this.#timesMs = new Float64Array(capacity);
    this.#sleepers = new Int32Array(capacity);
    this.#chunks = new Array(capacity).fill(undefined);
    this.#replacedSleepers = new Int32Array(capacity);
    this.#replaced = new Array(capacity).fill(undefined);
  }

  /**
   * Performs a set.
   * @param pathAt where in `bytes` the path lies, with the value behind it.
   * @returns false when it is none that can be done here; nothing has changed then.
   */
  perform(
    bytes: Buffer,
    pathAt: number,
    pathSizeBytes: number,
    valueSizeBytes: number,
    flags: number,
    timeMs: number,
  ): boolean {
    const textSizeBytes = pathSizeBytes + valueSizeBytes;
    if ((flags & UNLIKE_PLAIN) !== 0 || pathSizeBytes === 0 || textSizeBytes > TEXT_SIZE_BYTES_MAX) return false;
    const store = this.#store;
    const { tree } = store;
    const pathHash = hashOfPathBytes(bytes, pathAt, pathAt + pathSizeBytes);
    const old = tree.index.getByBytes(bytes, pathAt, pathSizeBytes, pathHash);
    if (old !== undefined && !isAsleep(old) && old.isDirectory) return false;
    const parent = isAsleep(old) || old === undefined ? this.#parentOf(bytes, pathAt, pathSizeBytes) : old.parent;
    if (parent?.children === undefined) return false;

    store.timeMs = store.timeFor(timeMs);
    const index = ++store.index;
    const valueAt = pathAt + pathSizeBytes;
    const hash = hashOfNodeBytes(bytes, valueAt, valueAt + valueSizeBytes, pathHash, false, index, index, undefined);
    const recorded = this.#recordedWithRoomFor(NODE_HEAD_SIZE_BYTES + textSizeBytes);
    const { chunk } = recorded;
    const bits =
      ((flags & Flag.pathPlain) !== 0 ? NodeBit.pathPlain : 0) |
      ((flags & Flag.valuePlain) !== 0 ? NodeBit.valuePlain : 0);
    const sleeper = recorded.add(bits, index, bytes, pathAt, pathSizeBytes, valueSizeBytes, pathHash, hash);
    // Before the old one goes, and perhaps the chunk with the last of its keys.
    const oldHash = this.#note(index, sleeper, chunk, old);
    if (old === undefined) tree.loadSleeper(parent, sleeper, chunk);
    else tree.replaceBySleeper(parent, old, sleeper, chunk);
    store.eventChain = chainOf(store.eventChain, Action.set, false, index, store.timeMs, hash, oldHash);
    store.statistics.count(Op.set, undefined);
    return true;
  }

  /** All has been replayed: the history gets the events that it lacks. */
  finish(): void {
    const { history, index } = this.#store;
    if (this.#firstIndex > 0) history.complete(this.#firstIndex, index, (lacking) => this.#eventOf(lacking));
    this.#firstIndex = 0;
    this.#recorded?.close();
    this.#recorded = undefined;
  }

  #eventOf(index: number): StoreEvent {
    const place = index % this.#chunks.length;
    const replaced = this.#replaced[place];
    const isAwake = replaced === undefined || replaced instanceof Node;
    const prevNode = isAwake ? replaced : replaced.nodeWithTextsOf(this.#replacedSleepers[place] as number);
    const node = (this.#chunks[place] as SleepingChunk).nodeWithTextsOf(this.#sleepers[place] as number);
    return new StoreEvent(Action.set, index, this.#timesMs[place] as number, false, node, prevNode);
  }

  /** Made where there is none. */
  #parentOf(bytes: Buffer, pathAt: number, pathSizeBytes: number): Node | undefined {
    let size = pathSizeBytes - 1;
    while (size > 0 && bytes[pathAt + size] !== SLASH) size--;
    const { index } = this.#store.tree;
    const parent = index.getByBytes(bytes, pathAt, size, hashOfPathBytes(bytes, pathAt, pathAt + size));
    if (parent !== undefined) return isAsleep(parent) ? undefined : parent;
    const path = bytes.latin1Slice(pathAt, pathAt + pathSizeBytes) as ByteString;
    const made = this.#store.tree.parentFor(path, this.#store.index + 1);
    return made instanceof Failure ? undefined : made;
  }

  #recordedWithRoomFor(sizeBytes: number): RecordedChunk {
    if (this.#recorded?.hasRoomFor(sizeBytes) === true) return this.#recorded;
    this.#recorded?.close();
    this.#recorded = new RecordedChunk(this.#store.tree.sleepers);
    return this.#recorded;
  }

  /** Keeps what the event is made of. @returns the hash of what it replaces. */
  #note(index: number, sleeper: number, chunk: SleepingChunk, old: Child | undefined): number | undefined {
    const { sleepers } = this.#store.tree;
    const place = index % this.#chunks.length;
    if (this.#firstIndex === 0) this.#firstIndex = index;
    this.#timesMs[place] = this.#store.timeMs;
    this.#sleepers[place] = sleeper;
    this.#chunks[place] = chunk;
    if (!isAsleep(old)) {
      this.#replaced[place] = old;
      return old?.hash;
    }
    const oldChunk = sleepers.chunkOf(old);
    this.#replaced[place] = oldChunk;
    this.#replacedSleepers[place] = old;
    return oldChunk.hash(old);
  }
}
