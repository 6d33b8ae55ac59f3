/**
 * The state machine of the key space. Deterministic: the same calls in the same order leave the same tree, index,
 * events and history. Time comes in with each call and never runs backwards; there is no clock, no randomness and no
 * I/O in this room. Source: etcd v2 API and v2store/store.go of etcd 3.4; the refusals and their order are etcd's.
 */
import type { ByteString } from '../base/byte-string.ts';
import { Flag, Op } from '../protocol/command.ts';
import { type Conditions, compare, doHold } from './conditions.ts';
import { Action, StoreEvent } from './event.ts';
import { EventHistory, FIRST_EVENT_INDEX } from './event-history.ts';
import { Failure } from './failure.ts';
import { inOrderKey, inOrderPath } from './in-order.ts';
import { type Child, directorySnapshot, Node, newDirectory } from './node.ts';
import type { RecordedKey } from './recorded-chunk.ts';
import { isKey, lifeOf, NONE, Recorder, type WriteBytes } from './recorder.ts';
import type { ReplayedPast } from './replayed-past.ts';
import { isAsleep } from './sleepers.ts';
import { chainEvent, chainOf, hashOfPath, hashOfPathBytes, mixNumber } from './state-hash.ts';
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

/** Hears of each event right after it happened, with the watchers it concerns; the array is reused. */
export type EventListener = (event: StoreEvent, recipients: Watcher[]) => void;

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
  readonly #recorder: Recorder;

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
    this.#recorder = new Recorder(this.tree, keepsHash);
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
   * Performs a write that gives a key a value or a life, or removes it, and counts it: what `write` would leave, and no key has a
   * node for that (sleepers.ts). @param pathHash of the path in `bytes`.
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
      case Op.compareAndDelete:
        return this.#changeBytes(op, write, pathHash);
      case Op.delete:
        return this.#removeBytes(Action.delete, op, write, this.tree.childAt(write, pathHash));
      default:
        return undefined;
    }
  }

  /** A set in a store that nobody uses yet: `past` is told, and makes an event of it if the history needs one in the end. */
  replaySet(set: WriteBytes, pathHash: number, past: ReplayedPast): boolean {
    if ((set.flags & Flag.refresh) !== 0) return false;
    const recorder = this.#recorder;
    const sleeper = recorder.record(Op.set, set, set, pathHash, this.index + 1, undefined);
    if (sleeper === NONE) return false;
    const { sleepers } = this.tree;
    this.#noteTime(set);
    this.statistics.count(Op.set, undefined);
    const index = ++this.index;
    const oldHash = past.note(index, this.timeMs, sleeper, recorder.old, sleepers);
    const hash = sleepers.chunkOf(sleeper).hash(sleeper);
    recorder.place(sleeper);
    this.eventChain = chainOf(this.eventChain, Action.set, false, index, this.timeMs, hash, oldHash);
    return true;
  }

  /** Performs a write and counts it. A success has taken one index. */
  write(write: Write): StoreEvent | Failure {
    this.#noteTime(write);
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
      const soonest = this.tree.ttlQueue.peek();
      if (soonest === undefined || this.nextExpirationMs > cutoffMs) break;
      if (isAsleep(soonest)) this.#removeSleeper(Action.expire, soonest);
      else this.#remove(Action.expire, soonest);
      this.statistics.countExpiry();
    }
    return expired;
  }

  /** When the next node expires, epoch ms; Infinity when none has a timer. */
  get nextExpirationMs(): number {
    return this.tree.ttlQueue.nextMs;
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

  #noteTime({ timeMs }: { readonly timeMs: number }): void {
    this.timeMs = this.timeFor(timeMs);
  }

  #putInOrder(write: WriteBytes, pathHash: number): StoreEvent | undefined {
    const directory = this.tree.childAt(write, pathHash);
    if (isAsleep(directory) || directory?.isDirectory !== true) return undefined;
    const key = inOrderKey(write, this.index + 1);
    const hash = hashOfPathBytes(key.bytes, 0, key.pathSizeBytes);
    return this.#put(Action.create, Op.createInOrder, key, write, hash, directory);
  }

  /** What is done only to a key of which something holds. */
  #changeBytes(op: Op, write: WriteBytes, pathHash: number): StoreEvent | Failure | undefined {
    const { tree } = this;
    const old = tree.childAt(write, pathHash);
    if (!isKey(old)) return undefined;
    const node = tree.show(old);
    if (doHold(node, write)) {
      if (op === Op.compareAndDelete) return this.#removeBytes(Action.compareAndDelete, op, write, old);
      return this.#put(Action.compareAndSwap, op, write, write, pathHash, undefined);
    }
    this.#noteTime(write);
    const failure = compare(node, write);
    this.statistics.count(op, failure);
    return failure;
  }

  #removeBytes(action: Action, op: Op, write: WriteBytes, old: Child | undefined): StoreEvent | undefined {
    if (!isAsleep(old)) return undefined;
    this.#noteTime(write);
    this.statistics.count(op, undefined);
    return this.#removeSleeper(action, old);
  }

  #put(
    action: Action,
    op: Op,
    key: RecordedKey,
    write: WriteBytes,
    pathHash: number,
    directory: Node | undefined,
  ): StoreEvent | undefined {
    const { tree } = this;
    const recorder = this.#recorder;
    const sleeper = recorder.record(op, key, write, pathHash, this.index + 1, directory);
    if (sleeper === NONE) return undefined;
    this.#noteTime(write);
    this.statistics.count(op, undefined);
    const { old, parent } = recorder;
    // Before the old one goes, and perhaps the chunk with the last of its keys. What is copied then may fill the chunk
    // of the new one, which goes as well where most of it has died: its key has another number at once.
    const prevNode = old === undefined ? undefined : tree.show(old);
    const node = tree.show(sleeper);
    recorder.place(sleeper);
    return this.#happened(action, (write.flags & Flag.refresh) !== 0, node, prevNode, parent);
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
    this.tree.setExpiration(old, lifeOf(write, false));
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
      lifeOf(write, false),
    );
    this.tree.replace(old, node);
    return this.#happened(action, isRefresh, node, old);
  }

  /** A node that begins a new life at `index`; with the value of `refreshed` when the write is a refresh. */
  #newNode(write: Write, path: ByteString, index: number, refreshed: Node | undefined): Node {
    const { flags } = write;
    const isPathPlain = (flags & Flag.pathPlain) !== 0;
    const expirationMs = lifeOf(write, true);
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

  #removeSleeper(action: Action, sleeper: number): StoreEvent {
    const { tree } = this;
    const parent = tree.directoryOfSleeper(sleeper);
    const node = tree.detachSleeper(sleeper);
    const event = this.#newEvent(action, false, undefined, node);
    this.undoLog?.record(event, node);
    this.hub.collect(event, parent, this.#recipients);
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

/** A directory goes on changing; what an event tells of it must not. */
function asEventSees(node: Node): Node {
  return node.isDirectory ? directorySnapshot(node) : node;
}

const ROOT_IS_READ_ONLY = new Failure(107, '/');
