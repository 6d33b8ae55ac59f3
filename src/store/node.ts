/**
 * A node of the key space: a key or a directory.
 *
 * The node of a *key* is immutable once it stands in the tree: a write puts a new node in its place. So an event, a
 * listing in progress and the undo of an unsynced write may hold on to a node and see it as it was, at no cost.
 * (`parent`, `childPosition` and `ttlPosition` say where a node stands and belong to the tree and the TTL queue.)
 * The node of a *directory* stays the same object for its whole life, since its children point to it; only its
 * expiration changes, and events about directories carry a copy.
 *
 * All nodes have one shape, and indexes stay small integers as long as V8 allows: see native-bench, "bytes per key".
 */
import type { ByteString } from '../base/byte-string.ts';

export class Node {
  /** Absolute, without trailing slash; the root is `''`. */
  readonly path: ByteString;
  readonly value: ByteString;
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
  readonly children: Node[] | undefined;
  /** Where the TTL queue holds this node; -1 when it does not. */
  ttlPosition: number;
  /** Of the path, by which the index finds the node; known once the node stands in the tree. */
  pathHash: number;
  /** What this node adds to the state hash; 0 where the store keeps none. */
  hash: number;

  constructor(
    path: ByteString,
    isPathPlain: boolean,
    value: ByteString,
    isValuePlain: boolean,
    children: Node[] | undefined,
    createdIndex: number,
    modifiedIndex: number,
    expirationMs: number | undefined,
  ) {
    this.path = path;
    this.value = value;
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

  get isDirectory(): boolean {
    return this.children !== undefined;
  }
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
  return child.path.charCodeAt(directory.path.length + 1) === UNDERSCORE;
}

const UNDERSCORE = 0x5f;
