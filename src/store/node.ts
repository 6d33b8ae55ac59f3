/**
 * A node of the key space: a key or a directory.
 *
 * The node of a *key* is immutable once it stands in the tree: a write puts a new node in its place. So an event, a
 * listing in progress and the undo of an unsynced write may hold on to a node and see it as it was, at no cost.
 * (`parent`, `childPosition` and `ttlPosition` say where a node stands and belong to the tree and the TTL queue.)
 * The node of a *directory* stays the same object for its whole life, since its children point to it; only its
 * expiration changes, and events about directories carry a copy.
 *
 * A key that comes from a snapshot has no node until somebody asks for it (sleepers.ts). A node of a snapshot is *asleep* at
 * first: it has no strings but the bytes of its record, until somebody asks for its path or its value.
 *
 * All nodes have one shape, and indexes stay small integers as long as V8 allows: see native-bench, "bytes per key".
 */
import type { ByteString } from '../base/byte-string.ts';
import { NODE_HEAD_SIZE_BYTES, pathSizeOf, pathTextOf, valueSizeOf, valueTextOf } from './node-record.ts';

/** What a directory holds, and the index finds: a node, or a key that sleeps (sleepers.ts). */
export type Child = Node | number;

export class Node {
  /** A string; of a node asleep the bytes in which its record lies, and where. */
  #path: ByteString | Buffer;
  #value: ByteString | number;
  /** Neither path nor value needs a JSON escape: the answer is their bytes as they are. */
  readonly isPathPlain: boolean;
  readonly isValuePlain: boolean;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
  /** Epoch milliseconds; undefined for a permanent node. */
  expirationMs: number | undefined;
  parent: Node | undefined;
  /** Where `parent.children` holds this node; -1 outside the tree. */
  childPosition: number;
  /** Undefined for a key. In the order of arrival, with gaps filled by the last: etcd promises no order. */
  readonly children: Child[] | undefined;
  /** Where the TTL queue holds this node; -1 when it does not. */
  ttlPosition: number;
  /** Of the path, by which the index finds the node; known once the node stands in the tree. */
  pathHash: number;
  /** What this node adds to the state hash; 0 where the store keeps none. */
  hash: number;

  /** @param path with a number as `value`: the node is asleep, its record begins there in these bytes. */
  constructor(
    path: ByteString | Buffer,
    isPathPlain: boolean,
    value: ByteString | number,
    isValuePlain: boolean,
    children: Child[] | undefined,
    createdIndex: number,
    modifiedIndex: number,
    expirationMs: number | undefined,
  ) {
    this.#path = path;
    this.#value = value;
    this.isPathPlain = isPathPlain;
    this.isValuePlain = isValuePlain;
    this.createdIndex = createdIndex;
    this.modifiedIndex = modifiedIndex;
    this.expirationMs = expirationMs;
    this.parent = undefined;
    this.childPosition = -1;
    this.children = children;
    this.ttlPosition = -1;
    this.pathHash = 0;
    this.hash = 0;
  }

  /** Absolute, without trailing slash; the root is `''`. */
  get path(): ByteString {
    const path = this.#path;
    return typeof path === 'string' ? path : this.#wake(path).path;
  }

  get value(): ByteString {
    const value = this.#value;
    return typeof value === 'string' ? value : this.#wake(this.#path as Buffer).value;
  }

  get isDirectory(): boolean {
    return this.children !== undefined;
  }

  get pathLength(): number {
    const path = this.#path;
    return typeof path === 'string' ? path.length : pathSizeOf(path, this.#value as number);
  }

  get valueLength(): number {
    const value = this.#value;
    return typeof value === 'string' ? value.length : valueSizeOf(this.#path as Buffer, value);
  }

  /** Writes the path, and the value behind it. Wakes nobody. @returns where they end. */
  writeText(target: Buffer, at: number): number {
    const path = this.#path;
    if (typeof path === 'string') return writeString(this.#value as ByteString, target, writeString(path, target, at));
    const record = this.#value as number;
    const from = record + NODE_HEAD_SIZE_BYTES;
    const size = pathSizeOf(path, record) + valueSizeOf(path, record);
    if (size > NATIVE_FROM_BYTES) path.copy(target, at, from, from + size);
    else for (let position = 0; position < size; position++) target[at + position] = path[from + position] as number;
    return at + size;
  }

  #wake(bytes: Buffer): Node {
    const at = this.#value as number;
    this.#path = pathTextOf(bytes, at);
    this.#value = valueTextOf(bytes, at);
    return this;
  }
}

/** A call into native code costs as much as copying this many bytes ourselves. */
const NATIVE_FROM_BYTES = 128;

function writeString(text: ByteString, target: Buffer, at: number): number {
  return text === '' ? at : at + target.latin1Write(text, at, text.length);
}

const EMPTY: ByteString = '' as ByteString;

/** A directory without contents. */
export function newDirectory(
  path: ByteString,
  isPathPlain: boolean,
  index: number,
  expirationMs: number | undefined,
): Node {
  return new Node(path, isPathPlain, EMPTY, true, [], index, index, expirationMs);
}

/** A directory as an event remembers it: without its place in the tree and without its children. */
export function directorySnapshot(directory: Node): Node {
  const { path, isPathPlain, createdIndex, modifiedIndex, expirationMs } = directory;
  return new Node(path, isPathPlain, EMPTY, true, [], createdIndex, modifiedIndex, expirationMs);
}

/** Whether a child of `directory` is hidden: its name, the part after the directory's path, begins with `_`. */
export function isHiddenChild(directory: Node, child: Node): boolean {
  return isHiddenName(child.path.charCodeAt(directory.path.length + 1));
}

/** @param first byte of a name. */
export function isHiddenName(first: number): boolean {
  return first === UNDERSCORE;
}

const UNDERSCORE = 0x5f;
