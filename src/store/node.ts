/**
 * A node of the key space: a key or a directory.
 *
 * The node of a *key* is immutable once it stands in the tree: a write puts a new node in its place. So an event, a
 * listing in progress and the undo of an unsynced write may hold on to a node and see it as it was, at no cost.
 * (`parent`, `childPosition` and `ttlPosition` say where a node stands and belong to the tree and the TTL queue.)
 * The node of a *directory* stays the same object for its whole life, since its children point to it; only its
 * expiration changes, and events about directories carry a copy.
 *
 * Most keys have no node, but lie as records in chunks (sleepers.ts). A node that is made of a record is *asleep* at first: it
 * has no strings but the bytes of the record, until somebody asks for its path or its value.
 *
 * All nodes have one shape, and indexes stay small integers as long as V8 allows: see native-bench, "bytes per key".
 */
import type { ByteString } from '../base/byte-string.ts';
import { copyBytes, isSameBytes, isSameText } from '../base/bytes.ts';
import type { Escaper } from '../protocol/escaper.ts';
import { NODE_HEAD_SIZE_BYTES, pathSizeOf, pathTextOf, valueAtOf, valueSizeOf, valueTextOf } from './node-record.ts';
import type { Parts } from './parts.ts';

/** What a directory holds, and the index finds: a node, or a key that sleeps (sleepers.ts). */
export type Child = Node | number;

export class Node {
  /** A string; of a node asleep the bytes in which its record lies, and where. */
  #path: ByteString | Buffer;
  #value: ByteString | number;
  /** The path of a node asleep, once somebody has asked for it: its value sleeps on. */
  #pathText: ByteString | undefined;
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
  /** Of a directory in a tree: by which keys that sleep know it. */
  number: number;

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
    this.#pathText = undefined;
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
    this.number = 0;
  }

  /** Absolute, without trailing slash; the root is `''`. */
  get path(): ByteString {
    const path = this.#path;
    if (typeof path === 'string') return path;
    this.#pathText ??= pathTextOf(path, this.#value as number);
    return this.#pathText;
  }

  get value(): ByteString {
    const value = this.#value;
    return typeof value === 'string' ? value : this.#wake(value);
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

  /** Whether the value is the `length` bytes from `from`. Wakes nobody. */
  hasValueBytes(bytes: Buffer, from: number, length: number): boolean {
    if (this.valueLength !== length) return false;
    const value = this.#value;
    if (typeof value === 'string') return isSameText(bytes, from, value, length);
    const own = this.#path as Buffer;
    return isSameBytes(own, valueAtOf(own, value), bytes, from, length);
  }

  /** Writes the path, and the value behind it. Wakes nobody. @returns where they end. */
  writeText(target: Buffer, at: number): number {
    return this.writeValue(target, this.writePath(target, at));
  }

  writePath(target: Buffer, at: number): number {
    const path = this.#path;
    if (typeof path === 'string') return writeString(path, target, at);
    const record = this.#value as number;
    return copyBytes(path, record + NODE_HEAD_SIZE_BYTES, pathSizeOf(path, record), target, at);
  }

  writeValue(target: Buffer, at: number): number {
    const value = this.#value;
    if (typeof value === 'string') return writeString(value, target, at);
    const bytes = this.#path as Buffer;
    return copyBytes(bytes, valueAtOf(bytes, value), valueSizeOf(bytes, value), target, at);
  }

  /** What the value is in a JSON string. Wakes nobody. @returns how many bytes that are. */
  escapeValue(escaper: Escaper): number {
    const value = this.#value;
    if (typeof value === 'string') return escaper.escapeText(value);
    const bytes = this.#path as Buffer;
    const from = valueAtOf(bytes, value);
    return escaper.escape(bytes, from, from + valueSizeOf(bytes, value));
  }

  /** Appends the value. Wakes nobody. */
  tellValue(out: Parts): void {
    const value = this.#value;
    if (typeof value === 'string') {
      out.text(value);
      return;
    }
    const bytes = this.#path as Buffer;
    const from = valueAtOf(bytes, value);
    out.bytes(bytes, from, from + valueSizeOf(bytes, value));
  }

  /** It holds its chunk no more. @param record where it begins. */
  #wake(record: number): ByteString {
    const value = valueTextOf(this.#path as Buffer, record);
    this.#path = this.path;
    this.#value = value;
    this.#pathText = undefined;
    return value;
  }
}

/** Longer texts are left to native code. */
const LOOP_LENGTH_MAX = 40;

function writeString(text: ByteString, target: Buffer, at: number): number {
  const { length } = text;
  if (length > LOOP_LENGTH_MAX) target.latin1Write(text, at, length);
  else for (let position = 0; position < length; position++) target[at + position] = text.charCodeAt(position);
  return at + length;
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
