/**
 * The tree of nodes: directories that hold their children, and an index that finds any node by its path.
 * Knows nothing of etcd indexes, events or watchers; keeps the state hash when asked to.
 */
import type { ByteString } from '../base/byte-string.ts';
import { isPlain } from '../protocol/json.ts';
import { ChildDirectories } from './child-directories.ts';
import { DirectoryNumbers } from './directory-numbers.ts';
import { Failure } from './failure.ts';
import { type Child, type Node, newDirectory } from './node.ts';
import { PathIndex } from './path-index.ts';
import type { KeyBytes, RecordedKey } from './recorded-chunk.ts';
import { isAsleep, Sleepers } from './sleepers.ts';
import { DUE, type SleepingChunk } from './sleeping-chunk.ts';
import { hashOfNode, hashOfPath, hashOfPathBytes } from './state-hash.ts';
import { TtlQueue } from './ttl-queue.ts';

/** Every key begins with a slash: no path of a client leads here. */
export const VAULT_PATH = '\0' as ByteString;

/** For each byte that is no more so many are copied. A chunk is given up when half of it is dead, at the soonest, so one would do. */
const COPIED_PART = 2;

/** Hears, right when it happens, that the node at a path has gone or that another has taken its place. */
export type ChangeListener = (pathHash: number) => void;

export class Tree {
  readonly root: Node = newDirectory('' as ByteString, true, 0, undefined);
  /** A second root, for what is kept as keys are and is none of them (`security.ts`). */
  readonly vault: Node = newDirectory(VAULT_PATH, true, 0, undefined);
  readonly sleepers = new Sleepers();
  readonly index = new PathIndex(this.sleepers);
  readonly ttlQueue = new TtlQueue(this.sleepers);
  readonly directories = new ChildDirectories();
  readonly #numbers = new DirectoryNumbers();
  readonly keepsHash: boolean;
  /** Sum of the hashes of all nodes, 32 bits. */
  hash = 0;
  /** Undefined where nobody keeps what he has read. */
  onChange: ChangeListener | undefined;

  constructor(keepsHash: boolean) {
    this.keepsHash = keepsHash;
    for (const root of [this.root, this.vault]) {
      root.pathHash = hashOfPath(root.path);
      this.#numbers.give(root);
      this.index.add(root);
    }
  }

  /** How many nodes there are, those of the vault too, the two roots not counted. */
  get size(): number {
    return this.index.size - 2;
  }

  /** Wakes the key that is asked for. @param pathHash of the path, for who has it already. */
  find(path: ByteString, pathHash = hashOfPath(path)): Node | undefined {
    const child = this.index.get(path, pathHash);
    return isAsleep(child) ? this.#wake(child, path) : child;
  }

  /** What stands at the path of `key`; wakes nobody. @param pathHash of that path. */
  childAt({ bytes, pathAt, pathSizeBytes }: KeyBytes, pathHash: number): Child | undefined {
    return this.index.getByBytes(bytes, pathAt, pathSizeBytes, pathHash);
  }

  /** The same, awake. */
  nodeAt(key: KeyBytes, pathHash: number): Node | undefined {
    const child = this.childAt(key, pathHash);
    return isAsleep(child) ? this.#wake(child, this.sleepers.pathOf(child)) : child;
  }

  /** For who only reads: a key that sleeps goes on, and has a node for the moment. */
  read(path: ByteString): Node | Failure {
    const child = this.index.get(path);
    return child === undefined ? this.#whyMissing(path) : this.show(child);
  }

  /** The node of a child; of a key that sleeps one for the moment. */
  show(child: Child): Node {
    return isAsleep(child) ? this.sleepers.chunkOf(child).nodeOf(child) : child;
  }

  createdIndexOf(child: Child): number {
    return isAsleep(child) ? this.sleepers.chunkOf(child).createdIndex(child) : child.createdIndex;
  }

  /** The node, or 100 or 104 with the first element of the path at which it went wrong. */
  locate(path: ByteString): Node | Failure {
    return this.find(path) ?? this.#whyMissing(path);
  }

  /**
   * The directory that holds, or will hold, `path`; its missing ancestors are made with `etcdIndex`.
   * @returns 104 when an element of the path is a key; nothing has been made then.
   */
  parentFor(path: ByteString, etcdIndex: number): Node | Failure {
    const parent = this.index.getAncestor(path, parentLengthOf(path));
    if (parent === undefined) return this.#makeDirectory(parentPathOf(path), etcdIndex);
    return !isAsleep(parent) && parent.isDirectory ? parent : notDirectory(parentPathOf(path));
  }

  /** The directory of a key; undefined when there is none. @param old what stands at its path, if anything does. */
  directoryOf({ bytes, pathAt, pathSizeBytes }: RecordedKey, old: Child | undefined): Node | undefined {
    if (old !== undefined) return isAsleep(old) ? this.directoryOfSleeper(old) : old.parent;
    let size = pathSizeBytes - 1;
    while (size > 0 && bytes[pathAt + size] !== SLASH) size--;
    const parent = this.index.getByBytes(bytes, pathAt, size, hashOfPathBytes(bytes, pathAt, pathAt + size));
    return isAsleep(parent) || parent?.children === undefined ? undefined : parent;
  }

  directoryOfSleeper(sleeper: number): Node {
    return this.#numbers.of(this.sleepers.chunkOf(sleeper).directory(sleeper));
  }

  /** All that a directory holds; wakes all of it. */
  childrenOf(directory: Node): Node[] {
    const children = directory.children as Child[];
    for (let place = 0; place < children.length; place++) {
      const child = children[place];
      if (isAsleep(child)) this.#wakeAs(this.sleepers.chunkOf(child).nodeOf(child), directory, child);
    }
    return children as Node[];
  }

  /** Puts a new node under its parent. @param pathHash of its path, for who has it already. */
  attach(parent: Node, node: Node, pathHash = hashOfPath(node.path)): void {
    node.pathHash = pathHash;
    this.#addChild(parent, node);
    this.#enter(node);
    this.index.add(node);
  }

  /** The same for a node whose hashes are known, that of its path and, where the tree keeps one, its own. */
  load(parent: Node, node: Node): void {
    this.#addChild(parent, node);
    if (node.expirationMs !== undefined) this.ttlQueue.add(node, node.expirationMs, node.modifiedIndex);
    this.hash = (this.hash + node.hash) | 0;
    this.index.add(node);
  }

  /** The same for a key that sleeps. */
  loadSleeper(parent: Node, sleeper: number): void {
    const siblings = parent.children as Child[];
    const chunk = this.sleepers.enter(sleeper, parent.number, siblings.length);
    siblings.push(sleeper);
    this.#startTimer(sleeper, chunk);
    this.hash = (this.hash + chunk.hash(sleeper)) | 0;
    this.index.addSleeper(sleeper, chunk.pathHash(sleeper));
  }

  /** Puts a node in the place of another of the same path. */
  replace(old: Node, node: Node): void {
    const parent = old.parent as Node;
    old.parent = undefined;
    (parent.children as Child[])[old.childPosition] = node;
    if (old.isDirectory) this.#removeDirectory(parent, old);
    if (node.isDirectory) this.#addDirectory(parent, node);
    node.parent = parent;
    node.childPosition = old.childPosition;
    node.pathHash = old.pathHash;
    this.index.replace(old, node);
    this.#leave(old);
    this.#enter(node);
  }

  /**
   * Puts a key that sleeps under its parent, in the place of the key of the same path where there is one. It may have
   * another number before this returns.
   */
  putSleeper(parent: Node, old: Child | undefined, sleeper: number): void {
    if (old === undefined) this.loadSleeper(parent, sleeper);
    else this.#replaceBySleeper(parent, old, sleeper);
  }

  #replaceBySleeper(parent: Node, old: Child, sleeper: number): void {
    const { sleepers } = this;
    const place = isAsleep(old) ? sleepers.chunkOf(old).place(old) : old.childPosition;
    (parent.children as Child[])[place] = sleeper;
    const chunk = sleepers.enter(sleeper, parent.number, place);
    this.#startTimer(sleeper, chunk);
    this.hash = (this.hash + chunk.hash(sleeper)) | 0;
    this.index.exchange(old, sleeper, chunk.pathHash(sleeper));
    if (!isAsleep(old)) {
      old.parent = undefined;
      this.#leave(old);
      return;
    }
    this.onChange?.(chunk.pathHash(sleeper));
    this.hash = (this.hash - sleepers.chunkOf(old).hash(old)) | 0;
    this.ttlQueue.remove(old);
    this.#endSleep(old);
  }

  #startTimer(sleeper: number, chunk: SleepingChunk): void {
    if (chunk.timer(sleeper) !== DUE) return;
    this.ttlQueue.add(sleeper, chunk.expirationMs(sleeper), chunk.modifiedIndex(sleeper));
  }

  /**
   * Takes a node out, and all that is below it. The nodes stay linked among themselves, so `reattach` can put them back.
   * @param onRemoved called with each node below, not with the node itself.
   */
  detach(node: Node, onRemoved: ((removed: Node) => void) | undefined): void {
    const parent = node.parent as Node;
    this.#takeFromSiblings(parent, node, node.childPosition);
    node.childPosition = -1;
    node.parent = undefined;
    this.#forget(node);
    if (node.isDirectory) {
      this.#forgetBelow(node, onRemoved);
      this.#removeDirectory(parent, node);
    }
  }

  /** The same for a key that sleeps. @returns its node, in no tree. */
  detachSleeper(sleeper: number): Node {
    const { sleepers } = this;
    const chunk = sleepers.chunkOf(sleeper);
    const node = chunk.nodeWithTextsOf(sleeper);
    this.#takeFromSiblings(this.directoryOfSleeper(sleeper), sleeper, chunk.place(sleeper));
    this.index.removeSleeper(sleeper, node.pathHash);
    this.ttlQueue.remove(sleeper);
    this.onChange?.(node.pathHash);
    this.hash = (this.hash - node.hash) | 0;
    this.#endSleep(sleeper);
    return node;
  }

  /** The last of them takes its place. */
  #takeFromSiblings(parent: Node, child: Child, place: number): void {
    const siblings = parent.children as Child[];
    const last = siblings.pop() as Child;
    if (last === child) return;
    siblings[place] = last;
    if (isAsleep(last)) this.sleepers.chunkOf(last).setPlace(last, place);
    else last.childPosition = place;
  }

  /** Undoes `detach`. */
  reattach(parent: Node, node: Node): void {
    this.attach(parent, node);
    if (node.children !== undefined) this.#enterBelow(node);
  }

  /** Changes the expiration of a directory, the one field of a node that changes in place. */
  setExpiration(directory: Node, expirationMs: number | undefined): void {
    this.#leave(directory);
    directory.expirationMs = expirationMs;
    this.#enter(directory);
  }

  /** A key sleeps no more. Where few sleep their records are written anew, so that the bytes can go: not all at once, which would take milliseconds. */
  #endSleep(sleeper: number): void {
    const { sleepers } = this;
    let dueBytes = COPIED_PART * sleepers.leave(sleeper);
    while (dueBytes > 0) {
      const next = sleepers.nextToCopy();
      if (next === undefined) return;
      dueBytes -= this.#copy(next);
    }
  }

  /** @returns what its entry takes, in bytes. */
  #copy(sleeper: number): number {
    const { sleepers } = this;
    const chunk = sleepers.chunkOf(sleeper);
    const place = chunk.place(sleeper);
    const directory = this.directoryOfSleeper(sleeper);
    const copy = sleepers.copy(sleeper);
    (directory.children as Child[])[place] = copy;
    sleepers.enter(copy, directory.number, place);
    this.index.exchange(sleeper, copy, chunk.pathHash(sleeper));
    this.ttlQueue.exchange(sleeper, copy);
    return sleepers.leave(sleeper);
  }

  /** @param path of the sleeper. */
  #wake(sleeper: number, path: ByteString): Node {
    const node = this.sleepers.chunkOf(sleeper).nodeWithTextsOf(sleeper, path);
    return this.#wakeAs(node, this.directoryOfSleeper(sleeper), sleeper);
  }

  #wakeAs(node: Node, parent: Node, sleeper: number): Node {
    const { sleepers } = this;
    const place = sleepers.chunkOf(sleeper).place(sleeper);
    node.parent = parent;
    node.childPosition = place;
    (parent.children as Child[])[place] = node;
    this.index.exchange(sleeper, node, node.pathHash);
    this.ttlQueue.exchange(sleeper, node);
    this.#endSleep(sleeper);
    return node;
  }

  #makeDirectory(path: ByteString, etcdIndex: number): Node | Failure {
    const parent = this.parentFor(path, etcdIndex);
    if (parent instanceof Failure) return parent;
    const directory = newDirectory(path, isPlain(path), etcdIndex, undefined);
    this.attach(parent, directory);
    return directory;
  }

  /** From the root downwards and in a loop: a path may have as many elements as fit a request line. */
  #whyMissing(path: ByteString): Failure {
    for (let end = path.indexOf('/', 1); end !== -1; end = path.indexOf('/', end + 1)) {
      const ancestorPath = path.slice(0, end) as ByteString;
      const ancestor = this.index.get(ancestorPath);
      if (ancestor === undefined) return new Failure(100, ancestorPath);
      if (isAsleep(ancestor) || !ancestor.isDirectory) return notDirectory(ancestorPath);
    }
    return new Failure(100, path);
  }

  #addChild(parent: Node, node: Node): void {
    const siblings = parent.children as Child[];
    node.parent = parent;
    node.childPosition = siblings.length;
    siblings.push(node);
    if (node.isDirectory) this.#addDirectory(parent, node);
  }

  #addDirectory(parent: Node, directory: Node): void {
    this.directories.add(parent, directory);
    this.#numbers.give(directory);
  }

  #removeDirectory(parent: Node, directory: Node): void {
    this.directories.remove(parent, directory);
    this.#numbers.take(directory);
  }

  #enter(node: Node): void {
    if (node.expirationMs !== undefined) this.ttlQueue.add(node, node.expirationMs, node.modifiedIndex);
    if (this.keepsHash) {
      node.hash = hashOfNode(node);
      this.hash = (this.hash + node.hash) | 0;
    }
  }

  #leave(node: Node): void {
    this.ttlQueue.remove(node);
    this.onChange?.(node.pathHash);
    this.hash = (this.hash - node.hash) | 0;
  }

  #forget(node: Node): void {
    this.index.remove(node);
    this.#leave(node);
  }

  #forgetBelow(directory: Node, onRemoved: ((removed: Node) => void) | undefined): void {
    this.directories.forget(directory);
    for (const child of this.childrenOf(directory)) {
      this.#forget(child);
      // The history may hold the child for long, and must not hold by it all that was beside it.
      child.parent = undefined;
      onRemoved?.(child);
      if (child.children === undefined) continue;
      this.#forgetBelow(child, onRemoved);
      this.#numbers.take(child);
    }
  }

  #enterBelow(directory: Node): void {
    // Nobody sleeps in what was detached.
    for (const child of directory.children as Node[]) {
      child.parent = directory;
      this.index.add(child);
      this.#enter(child);
      if (!child.isDirectory) continue;
      this.#addDirectory(directory, child);
      this.#enterBelow(child);
    }
  }
}

/** The path of the directory that holds `path`. */
export function parentPathOf(path: ByteString): ByteString {
  return path.slice(0, parentLengthOf(path)) as ByteString;
}

/** Names are short: looking for the slash ourselves costs less than a call into native code. */
function parentLengthOf(path: ByteString): number {
  let position = path.length - 1;
  while (position > 0 && path.charCodeAt(position) !== SLASH) position--;
  return position;
}

const SLASH = 0x2f;

function notDirectory(path: ByteString): Failure {
  return new Failure(104, path);
}
