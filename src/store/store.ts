/**
 * The state machine of the key space. Deterministic: the same calls in the same order leave the same tree, index,
 * events and history. Time comes in with each call and never runs backwards; there is no clock, no randomness and no
 * I/O in this room. Source: etcd v2 API and v2store/store.go of etcd 3.4; the refusals and their order are etcd's.
 */
import type { ByteString } from '../base/byte-string.ts';
import { Flag, Op } from '../protocol/command.ts';
import { type ConditionBytes, type Conditions, compare, doHold } from './conditions.ts';
import { Action, StoreEvent } from './event.ts';
import { EventHistory, FIRST_EVENT_INDEX } from './event-history.ts';
import { Failure } from './failure.ts';
import { inOrderKey, inOrderPath } from './in-order.ts';
import { type Child, directorySnapshot, Node, newDirectory } from './node.ts';
import { NodeBit } from './node-record.ts';
import type { ReplayedPast } from './replayed-past.ts';
import { isAsleep, type RecordedKey, SLEEPING_TEXT_SIZE_BYTES_MAX } from './sleepers.ts';
import { chainEvent, chainOf, hashOfNodeBytes, hashOfPath, hashOfPathBytes, mixNumber } from './state-hash.ts';
import { Statistics } from './statistics.ts';
import { Tree } from './tree.ts';
import type { UndoLog } from './undo-log.ts';
import { type Watcher, type WatcherBounds, WatcherHub } from './watcher-hub.ts';

/** A write as the store understands it; one record is reused by the caller for all writes. */
export interface Write extends Conditions {
  op: Op;
  flags: number;
  path: ByteString;
  /** What stands at the path, and the hash of the path, where the caller has looked; no hash where he has not. */
  known?: Node | undefined;
  pathHash?: number | undefined;
  value: ByteString;
  prevValue: ByteString;
  prevIndex: number | bigint;
  /** Epoch ms; counts with `Flag.hasExpiration`. */
  expirationMs: number;
  timeMs: number;
}

/** No sleeper. */
const NONE = -1;

/** A write as a frame has it. */
export interface WriteBytes extends RecordedKey, ConditionBytes, Conditions {
  readonly bytes: Buffer;
  readonly timeMs: number;
}

/** Hears of each event right after it happened, with the watchers it concerns; the array is reused. */
export type EventListener = (event: StoreEvent, recipients: Watcher[]) => void;

/** Expirations before the year 2000 mean none, on creation only (a wrapped 64-bit count; v2store/store.go). */
const MIN_EXPIRATION_MS = Date.UTC(2000, 0, 1);

/** A watch that was not let in. */
export const NO_PLACE = Symbol('no place for another watcher');

export class Store {
  readonly tree: Tree;
  readonly history: EventHistory;
  readonly hub: WatcherHub;
  readonly statistics = new Statistics();
  /** The etcd index: that of the latest event. */
  index = FIRST_EVENT_INDEX - 1;
  /** The time of the latest command that may change the state. Reads do not move it: replay does not know of them. */
  timeMs = 0;
  /** Chain over all events so far; part of the state hash. */
  eventChain = 0;
  /** Present where a failing disk may force the latest writes to be undone. */
  undoLog: UndoLog | undefined;
  readonly #keepsHash: boolean;
  readonly #onEvent: EventListener;
  readonly #recipients: Watcher[] = [];
  #old: Child | undefined;
  #parent: Node | undefined;

  /**
   * @param historyEventsMax how many events a watch can look back.
   * @param keepsHash whether `stateHash` is kept up to date at each write.
   * @param watchersMax how many may wait at a time.
   */
  constructor(
    historyEventsMax: number,
    keepsHash: boolean,
    onEvent: EventListener = () => {},
    bounds: WatcherBounds = {},
  ) {
    this.tree = new Tree(keepsHash);
    this.hub = new WatcherHub(bounds);
    this.history = new EventHistory(historyEventsMax);
    this.#keepsHash = keepsHash;
    this.#onEvent = onEvent;
  }

  /** 32 bits over tree, index, history and write counters. 0 when no hash is kept. */
  get stateHash(): number {
    if (!this.#keepsHash) return 0;
    let hash = mixNumber(this.tree.hash, this.index);
    hash = mixNumber(hash, this.tree.size);
    hash = mixNumber(hash, this.eventChain);
    for (let position = 2; position < this.statistics.counts.length; position++) {
      hash = mixNumber(hash, this.statistics.counts[position] as number);
    }
    return hash;
  }

  /**
   * What time it is for a command that was accepted at `timeMs`. Not earlier than for those before it, though clocks are
   * set back, and commands of several front ends do not come in the order in which they were accepted.
   */
  timeFor(timeMs: number): number {
    return Math.max(timeMs, this.timeMs);
  }

  /** Reads a node and counts the read. */
  get(path: ByteString): Node | Failure {
    const outcome = this.tree.read(path);
    this.statistics.count(Op.get, outcome);
    return outcome;
  }

  /**
   * Performs a write that gives a key a value and no life, and counts it: what `write` would leave, without a string, and the
   * key sleeps from now on (sleepers.ts). @param pathHash of the path in `bytes`.
   * @returns undefined for what only `write` knows to do or to refuse; nothing has changed then.
   */
  writeBytes(op: Op, write: WriteBytes, pathHash: number): StoreEvent | Failure | undefined {
    switch (op) {
      case Op.set:
        return this.#put(Action.set, op, write, write, pathHash, undefined);
      case Op.create:
        return this.#put(Action.create, op, write, write, pathHash, undefined);
      case Op.createInOrder:
        return this.#putInOrder(write, pathHash);
      case Op.update:
        return this.#put(Action.update, op, write, write, pathHash, undefined);
      case Op.compareAndSwap:
        return this.#swapBytes(write, pathHash);
      default:
        return undefined;
    }
  }

  /** A set in a store that nobody uses yet: `past` is told, and makes an event of it if the history needs one in the end. */
  replaySet(set: WriteBytes, pathHash: number, past: ReplayedPast): boolean {
    const sleeper = this.#record(Op.set, set, set, pathHash, undefined);
    if (sleeper === NONE) return false;
    const { tree } = this;
    const index = ++this.index;
    const oldHash = past.note(index, this.timeMs, sleeper, this.#old, tree.sleepers);
    const hash = tree.sleepers.chunkOf(sleeper).hash(sleeper);
    this.#place(sleeper);
    this.eventChain = chainOf(this.eventChain, Action.set, false, index, this.timeMs, hash, oldHash);
    return true;
  }

  /** Performs a write and counts it. A success has taken one index. */
  write(write: Write): StoreEvent | Failure {
    this.timeMs = this.timeFor(write.timeMs);
    const outcome = this.#perform(write);
    this.statistics.count(write.op, outcome);
    return outcome;
  }

  /**
   * Expires nodes whose time is `cutoffMs` or earlier, soonest first, at most `eventsMax` of them.
   * @returns how many expired; each took one index.
   */
  tick(cutoffMs: number, eventsMax: number): number {
    this.timeMs = this.timeFor(cutoffMs);
    let expired = 0;
    for (; expired < eventsMax; expired++) {
      const node = this.tree.ttlQueue.peek();
      if (node === undefined || (node.expirationMs as number) > cutoffMs) break;
      this.#remove(Action.expire, node);
      this.statistics.countExpiry();
    }
    return expired;
  }

  /** When the next node expires, epoch ms; Infinity when none has a timer. */
  get nextExpirationMs(): number {
    return this.tree.ttlQueue.peek()?.expirationMs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Opens a watch, or answers it from the history.
   * @param waitIndex 0: from now on. @param client whose watches are counted together; empty: with nobody's.
   * @returns undefined when the watch waits (it is in the hub then, under `id`); the event that a watch has missed; 401;
   *   `NO_PLACE` when it would have to wait and there are as many as there may be, of its client or of all. A stream that has missed something waits
   *   as well: the caller sends `missedEvents` first.
   */
  watch(
    id: number,
    path: ByteString,
    isRecursive: boolean,
    isStream: boolean,
    waitIndex: number,
    client = '',
  ): StoreEvent | Failure | typeof NO_PLACE | undefined {
    const sinceIndex = waitIndex === 0 ? this.index + 1 : waitIndex;
    const found = this.history.scan(path, isRecursive, sinceIndex);
    if (found instanceof Failure) return found;
    if (found !== undefined && !isStream) return found;
    if (!this.hub.hasPlaceFor(client)) return NO_PLACE;
    this.hub.add(id, path, isRecursive, isStream, sinceIndex, client);
    return found;
  }

  /** The events from `first` on that a stream on `path` has missed, in order. */
  *missedEvents(path: ByteString, isRecursive: boolean, first: StoreEvent): Generator<StoreEvent> {
    let event: StoreEvent | Failure | undefined = first;
    while (event instanceof StoreEvent) {
      yield event;
      event = this.history.scan(path, isRecursive, event.index + 1);
    }
  }

  #perform(write: Write): StoreEvent | Failure {
    switch (write.op) {
      case Op.set:
        return this.#set(write);
      case Op.create:
        return this.#create(write, write.path, Action.create);
      case Op.createInOrder:
        return this.#create(write, inOrderPath(write.path, this.index + 1), Action.create);
      case Op.update:
        return this.#update(write);
      case Op.compareAndSwap:
        return this.#compareAndSwap(write);
      case Op.delete:
        return this.#delete(write);
      case Op.compareAndDelete:
        return this.#compareAndDelete(write);
      default:
        throw new RangeError(`operation ${write.op} is no write`);
    }
  }

  #putInOrder(write: WriteBytes, pathHash: number): StoreEvent | undefined {
    const { bytes, pathAt, pathSizeBytes } = write;
    const directory = this.tree.index.getByBytes(bytes, pathAt, pathSizeBytes, pathHash);
    if (isAsleep(directory) || directory?.isDirectory !== true) return undefined;
    const key = inOrderKey(write, this.index + 1);
    const hash = hashOfPathBytes(key.bytes, 0, key.pathSizeBytes);
    return this.#put(Action.create, Op.createInOrder, key, write, hash, directory);
  }

  #swapBytes(write: WriteBytes, pathHash: number): StoreEvent | Failure | undefined {
    const { bytes, pathAt, pathSizeBytes } = write;
    const { tree } = this;
    const old = tree.index.getByBytes(bytes, pathAt, pathSizeBytes, pathHash);
    if (!isKey(old) || !isPlainWrite(write)) return undefined;
    const node = tree.show(old);
    if (doHold(node, write)) {
      return this.#put(Action.compareAndSwap, Op.compareAndSwap, write, write, pathHash, undefined);
    }
    this.timeMs = this.timeFor(write.timeMs);
    const failure = compare(node, write);
    this.statistics.count(Op.compareAndSwap, failure);
    return failure;
  }

  #put(
    action: Action,
    op: Op,
    key: RecordedKey,
    write: WriteBytes,
    pathHash: number,
    directory: Node | undefined,
  ): StoreEvent | undefined {
    const sleeper = this.#record(op, key, write, pathHash, directory);
    if (sleeper === NONE) return undefined;
    const { tree } = this;
    const old = this.#old;
    const parent = this.#parent as Node;
    // Before the old one goes, and perhaps the chunk with the last of its keys. What is copied then may fill the chunk
    // of the new one, which goes as well where most of it has died: its key has another number at once.
    const prevNode = old === undefined ? undefined : tree.show(old);
    const node = tree.show(sleeper);
    this.#place(sleeper);
    return this.#happened(action, false, node, prevNode, parent);
  }

  /**
   * @param directory of the key, for who has it already.
   * @returns the key as a sleeper that stands nowhere yet, or NONE. Its directory is `#parent` then, what it replaces is `#old`.
   */
  #record(op: Op, key: RecordedKey, write: WriteBytes, pathHash: number, directory: Node | undefined): number {
    const { bytes, pathAt, pathSizeBytes, valueSizeBytes } = key;
    const { flags } = write;
    if (!isPlainWrite(write) || pathSizeBytes === 0) return NONE;
    const { tree } = this;
    if (pathSizeBytes + valueSizeBytes > SLEEPING_TEXT_SIZE_BYTES_MAX || !tree.sleepers.mayGrow) return NONE;
    const old = tree.index.getByBytes(bytes, pathAt, pathSizeBytes, pathHash);
    if (old === undefined ? keepsCreatedIndex(op) : creates(op) || !isKey(old)) return NONE;
    const parent = directory ?? tree.directoryOf(key, old) ?? this.#madeDirectoryOf(key);
    if (parent === undefined) return NONE;
    this.#old = old;
    this.#parent = parent;
    this.timeMs = this.timeFor(write.timeMs);
    this.statistics.count(op, undefined);
    const index = this.index + 1;
    const createdIndex = keepsCreatedIndex(op) ? tree.createdIndexOf(old as Child) : index;
    const valueAt = pathAt + pathSizeBytes;
    const hash = this.#keepsHash
      ? hashOfNodeBytes(bytes, valueAt, valueAt + valueSizeBytes, pathHash, false, createdIndex, index, undefined)
      : 0;
    const bits =
      ((flags & Flag.pathPlain) !== 0 ? NodeBit.pathPlain : 0) |
      ((flags & Flag.valuePlain) !== 0 ? NodeBit.valuePlain : 0);
    return tree.sleepers.record(key, bits, createdIndex, index, pathHash, hash);
  }

  /** Puts what `#record` has given where it has said. */
  #place(sleeper: number): void {
    this.tree.putSleeper(this.#parent as Node, this.#old, sleeper);
    // They may be gone before the next is recorded, a directory with all that is below it.
    this.#old = undefined;
    this.#parent = undefined;
  }

  #madeDirectoryOf({ bytes, pathAt, pathSizeBytes }: RecordedKey): Node | undefined {
    const path = bytes.latin1Slice(pathAt, pathAt + pathSizeBytes) as ByteString;
    const made = this.tree.parentFor(path, this.index + 1);
    return made instanceof Failure ? undefined : made;
  }

  #set(write: Write): StoreEvent | Failure {
    if (write.path === '') return ROOT_IS_READ_ONLY;
    const pathHash = write.pathHash ?? hashOfPath(write.path);
    const old = write.pathHash === undefined ? this.tree.find(write.path, pathHash) : write.known;
    if (old === undefined) {
      if ((write.flags & Flag.refresh) === 0) return this.#createAbsent(write, write.path, pathHash, Action.set);
      return this.tree.locate(write.path) as Failure;
    }
    if (old.isDirectory) return new Failure(102, write.path);
    const isRefresh = (write.flags & Flag.refresh) !== 0;
    const node = this.#newNode(write, old.path, this.index + 1, isRefresh ? old : undefined);
    this.tree.replace(old, node);
    return this.#happened(Action.set, isRefresh, asEventSees(node), old);
  }

  #create(write: Write, path: ByteString, action: Action): StoreEvent | Failure {
    if (path === '') return ROOT_IS_READ_ONLY;
    // Where something is, its directory is: none is made in vain.
    const pathHash = hashOfPath(path);
    if (this.tree.find(path, pathHash) !== undefined) return new Failure(105, path);
    return this.#createAbsent(write, path, pathHash, action);
  }

  #createAbsent(write: Write, path: ByteString, pathHash: number, action: Action): StoreEvent | Failure {
    const parent = this.#parentOfNew(write, path);
    if (parent instanceof Failure) return parent;
    const node = this.#newNode(write, path, this.index + 1, undefined);
    this.tree.attach(parent, node, pathHash);
    return this.#happened(action, false, asEventSees(node), undefined);
  }

  /** Of an in-order key it is what the request has named, which mostly has been looked up already. */
  #parentOfNew({ op, known }: Write, path: ByteString): Node | Failure {
    if (op === Op.createInOrder && known?.isDirectory === true) return known;
    return this.tree.parentFor(path, this.index + 1);
  }

  #update(write: Write): StoreEvent | Failure {
    if (write.path === '') return ROOT_IS_READ_ONLY;
    const old = write.known ?? this.tree.locate(write.path);
    if (old instanceof Failure) return old;
    if (!old.isDirectory) return this.#overwrite(write, old, Action.update);
    if (write.value !== '') return new Failure(102, write.path);
    // The stored directory keeps its modifiedIndex; only the answer and the event show the new one, as in etcd.
    const before = directorySnapshot(old);
    before.hash = old.hash;
    this.tree.setExpiration(old, expirationOf(write));
    return this.#happened(Action.update, (write.flags & Flag.refresh) !== 0, directorySnapshot(old), before);
  }

  #compareAndSwap(write: Write): StoreEvent | Failure {
    if (write.path === '') return ROOT_IS_READ_ONLY;
    const old = write.known ?? this.tree.locate(write.path);
    if (old instanceof Failure) return old;
    if (old.isDirectory) return new Failure(102, write.path);
    return compare(old, write) ?? this.#overwrite(write, old, Action.compareAndSwap);
  }

  #delete(write: Write): StoreEvent | Failure {
    if (write.path === '') return ROOT_IS_READ_ONLY;
    const node = write.known ?? this.tree.locate(write.path);
    if (node instanceof Failure) return node;
    if (node.children !== undefined) {
      if ((write.flags & (Flag.dir | Flag.recursive)) === 0) return new Failure(102, write.path);
      if ((write.flags & Flag.recursive) === 0 && node.children.length > 0) return new Failure(108, write.path);
    }
    return this.#remove(Action.delete, node);
  }

  #compareAndDelete(write: Write): StoreEvent | Failure {
    const node = write.known ?? this.tree.locate(write.path);
    if (node instanceof Failure) return node;
    if (node.isDirectory) return new Failure(102, write.path);
    return compare(node, write) ?? this.#remove(Action.compareAndDelete, node);
  }

  /** Writes value and timer of a key that keeps its createdIndex. */
  #overwrite(write: Write, old: Node, action: Action): StoreEvent {
    const isRefresh = (write.flags & Flag.refresh) !== 0;
    const node = new Node(
      old.path,
      old.isPathPlain,
      isRefresh ? old.value : write.value,
      isRefresh ? old.isValuePlain : (write.flags & Flag.valuePlain) !== 0,
      undefined,
      old.createdIndex,
      this.index + 1,
      expirationOf(write),
    );
    this.tree.replace(old, node);
    return this.#happened(action, isRefresh, node, old);
  }

  /** A node that begins a new life at `index`; with the value of `refreshed` when the write is a refresh. */
  #newNode(write: Write, path: ByteString, index: number, refreshed: Node | undefined): Node {
    const { flags } = write;
    const isPathPlain = (flags & Flag.pathPlain) !== 0;
    const given = expirationOf(write);
    const expirationMs = given !== undefined && given < MIN_EXPIRATION_MS ? undefined : given;
    if ((flags & Flag.dir) !== 0) return newDirectory(path, isPathPlain, index, expirationMs);
    const value = refreshed === undefined ? write.value : refreshed.value;
    const isValuePlain = refreshed === undefined ? (flags & Flag.valuePlain) !== 0 : refreshed.isValuePlain;
    return new Node(path, isPathPlain, value, isValuePlain, undefined, index, index, expirationMs);
  }

  #remove(action: Action, node: Node): StoreEvent {
    // The history must not keep all that was below a removed directory; the undo log must.
    const prevNode = node.isDirectory ? directorySnapshot(node) : node;
    prevNode.hash = node.hash;
    const event = this.#newEvent(action, false, undefined, prevNode);
    this.undoLog?.record(event, node);
    const recipients = this.#recipients;
    this.hub.collect(event, node.parent, recipients);
    const hearsBelow = this.hub.size > 0 && node.isDirectory;
    const { hub } = this;
    this.tree.detach(
      node,
      hearsBelow ? (removed) => hub.collectRemoved(removed.path, event.index, recipients) : undefined,
    );
    this.#announce(event);
    return event;
  }

  /** @param parent of the node, for who has it already. */
  #happened(
    action: Action,
    isRefresh: boolean,
    node: Node,
    prevNode: Node | undefined,
    parent?: Node | undefined,
  ): StoreEvent {
    const event = this.#newEvent(action, isRefresh, node, prevNode);
    this.undoLog?.record(event, undefined);
    if (!isRefresh && this.hub.size > 0) {
      this.hub.collect(event, parent ?? this.tree.find(node.path)?.parent, this.#recipients);
    }
    this.#announce(event);
    return event;
  }

  #newEvent(action: Action, isRefresh: boolean, node: Node | undefined, prevNode: Node | undefined): StoreEvent {
    this.index++;
    const event = new StoreEvent(action, this.index, this.timeMs, isRefresh, node, prevNode);
    this.history.add(event);
    if (this.#keepsHash) this.eventChain = chainEvent(this.eventChain, event);
    return event;
  }

  #announce(event: StoreEvent): void {
    this.#onEvent(event, this.#recipients);
    // To set a length is a call into native code, and mostly nobody watches.
    if (this.#recipients.length > 0) this.#recipients.length = 0;
  }
}

const UNLIKE_PLAIN = Flag.dir | Flag.refresh | Flag.hasExpiration;

/** Whether it gives a value and nothing else. */
function isPlainWrite({ flags }: WriteBytes): boolean {
  return (flags & UNLIKE_PLAIN) === 0;
}

/** Whether an operation wants nothing to be there. */
function creates(op: Op): boolean {
  return op === Op.create || op === Op.createInOrder;
}

/** Whether an operation goes on with a key that is there. */
function keepsCreatedIndex(op: Op): boolean {
  return op === Op.update || op === Op.compareAndSwap;
}

function isKey(child: Child | undefined): child is Child {
  return child !== undefined && (isAsleep(child) || !child.isDirectory);
}

/** A directory goes on changing; what an event tells of it must not. */
function asEventSees(node: Node): Node {
  return node.isDirectory ? directorySnapshot(node) : node;
}

const ROOT_IS_READ_ONLY = new Failure(107, '/');

function expirationOf(write: Write): number | undefined {
  return (write.flags & Flag.hasExpiration) !== 0 ? write.expirationMs : undefined;
}
