/**
 * A fingerprint of the whole state that costs a write only what it touches: the sum of the hashes of all nodes (a sum,
 * because nodes come and go in any order) beside a chain over all events (because their order matters). Two stores
 * that applied the same commands agree in both; ARCHITECTURE, invariant 4 is checked by comparing them at each snapshot.
 * Not cryptographic: it guards against our mistakes, not against an enemy.
 */
import '../base/latin1.ts';
import { crc32 } from 'node:zlib';
import type { ByteString } from '../base/byte-string.ts';
import type { Action, StoreEvent } from './event.ts';
import type { Node } from './node.ts';

/** Longer strings go through the native checksum: native-bench/micro, "hash of a value". */
export const NATIVE_FROM_LENGTH = 96;
const PATH_SEED = 0x811c9dc5 | 0;

/**
 * @param length of the part of `path`, from its beginning, that is meant.
 * @returns 32 bits, signed, on which the hash of a node at this path goes on; equally good in each of them.
 */
export function hashOfPath(path: ByteString, length = path.length): number {
  return hashOfText(path, length, PATH_SEED);
}

/**
 * @param node its `pathHash` is known.
 * @returns 32 bits, signed, that depend on every field of the node that a client can see.
 */
export function hashOfNode(node: Node): number {
  const { value, createdIndex, modifiedIndex, expirationMs } = node;
  const textHash = hashOfText(value, value.length, node.pathHash);
  return hashBeside(textHash, node.isDirectory, createdIndex, modifiedIndex, expirationMs);
}

/** `hashOfPath` of a path that is still bytes. */
export function hashOfPathBytes(bytes: Buffer, from: number, to: number): number {
  return hashOfBytes(bytes, from, to, PATH_SEED);
}

/** `hashOfNode` of a node whose value is still bytes, from `from` to `to`. */
export function hashOfNodeBytes(
  bytes: Buffer,
  from: number,
  to: number,
  pathHash: number,
  isDirectory: boolean,
  createdIndex: number,
  modifiedIndex: number,
  expirationMs: number | undefined,
): number {
  const textHash = hashOfBytes(bytes, from, to, pathHash);
  return hashBeside(textHash, isDirectory, createdIndex, modifiedIndex, expirationMs);
}

/** Goes on from the hash of path and value. */
function hashBeside(
  textHash: number,
  isDirectory: boolean,
  createdIndex: number,
  modifiedIndex: number,
  expirationMs: number | undefined,
): number {
  let hash = mix(textHash, isDirectory ? 2 : 1);
  hash = mixNumber(hash, createdIndex);
  hash = mixNumber(hash, modifiedIndex);
  return mixNumber(hash, expirationMs ?? -1);
}

/** The next link of the chain over events. */
export function chainEvent(chain: number, event: StoreEvent): number {
  const { action, isRefresh, index, timeMs, node, prevNode } = event;
  return chainOf(chain, action, isRefresh, index, timeMs, node?.hash, prevNode?.hash);
}

/** The same of an event that nobody has made. @param nodeHash undefined where it has no node; so for the other. */
export function chainOf(
  chain: number,
  action: Action,
  isRefresh: boolean,
  index: number,
  timeMs: number,
  nodeHash: number | undefined,
  prevNodeHash: number | undefined,
): number {
  let hash = mix(chain, action * 2 + (isRefresh ? 1 : 0));
  hash = mixNumber(hash, index);
  hash = mixNumber(hash, timeMs);
  if (nodeHash !== undefined) hash = mix(hash, nodeHash);
  if (prevNodeHash !== undefined) hash = mix(hash, prevNodeHash ^ 0x5bd1e995);
  return hash;
}

/** Mixes a count, an index or a time into a hash. */
export function mixNumber(hash: number, value: number): number {
  return mix(mix(hash, value | 0), (value / 0x1_0000_0000) | 0);
}

function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  return Math.imul(mixed, 0xc2b2ae35) ^ (mixed >>> 16);
}

/** Of the first `length` characters. */
function hashOfText(text: string, length: number, seed: number): number {
  if (length >= NATIVE_FROM_LENGTH) {
    return mix(mix(seed, length), crc32(length === text.length ? text : text.slice(0, length)) | 0);
  }
  let hash = seed;
  for (let position = 0; position < length; position++) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193);
  }
  return mix(hash, length);
}

/** The same as `hashOfText` of the string with these bytes. */
function hashOfBytes(bytes: Buffer, from: number, to: number, seed: number): number {
  const length = to - from;
  // The native checksum of a string is that of its UTF-8, in which not every byte string is its own.
  if (length >= NATIVE_FROM_LENGTH) return hashOfText(bytes.latin1Slice(from, to), length, seed);
  let hash = seed;
  for (let position = from; position < to; position++) {
    hash = Math.imul(hash ^ (bytes[position] as number), 0x01000193);
  }
  return mix(hash, length);
}
