/**
 * Finds a node by its whole path in one look-up, however deep it lies (native-bench, "100 k keys at depth 3").
 *
 * A hash table of our own, and not a Map, because what a look-up among many keys costs is memory that is in no cache: a
 * V8 Map walks a chain of entries and looks into the string of each, this one reads a few numbers that lie together,
 * and then only the node that it wants (native-bench/micro, "set, among 100,000 keys"). The hash is that of the path in
 * the state hash, which a node keeps, so it is made once.
 *
 *   shard    hashes   ┌───┬────┬────┬───┬────┬─     int32 each; 0 is a free place
 *                     │ 0 │ h₁ │ h₂ │ 0 │ h₃ │ …    a node stands where its hash says, or as near behind as was free:
 *                     └───┴────┴────┴───┴────┴─     a search ends at the first free place
 *            nodes    │ – │ n₁ │ n₂ │ – │ n₃ │ …
 *
 * Sharded by the upper bits of the hash, because a table grows by copying all its entries: a pause that is divided by the
 * number of shards.
 *
 * The hash has no secret, so an enemy can choose names that crowd in one place. No search looks further than
 * `PROBES_MAX`: what finds no place within that goes into a Map, whose hash has a secret.
 */
import '../base/latin1.ts';
import type { ByteString } from '../base/byte-string.ts';
import { isSameText } from '../base/bytes.ts';
import type { Child, Node } from './node.ts';
import { Sleepers } from './sleepers.ts';
import { hashOfPath } from './state-hash.ts';

const SHARD_BITS = 8;
const CAPACITY_MIN = 16;
/** With half of the places free a search takes two or three steps. */
const FREE_PART = 2;
/** Fuller than 1 / this, or a shard takes half the memory. */
const SHRINK_PART = 8;
/** Reached by chance about never. */
const PROBES_MAX = 64;

export class PathIndex {
  readonly #shards: Shard[];
  size = 0;

  /** @param sleepers whose numbers may be added. */
  constructor(sleepers = new Sleepers()) {
    this.#shards = Array.from({ length: 1 << SHARD_BITS }, () => new Shard(sleepers));
  }

  /** @param pathHash of the path, for who has it already. */
  get(path: ByteString, pathHash = hashOfPath(path)): Child | undefined {
    return this.#shardOf(pathHash).find(path, path.length, pathHash);
  }

  /** The same for a path that is bytes yet: of one that is known nobody has to make a string. */
  getByBytes(bytes: Buffer, from: number, length: number, pathHash: number): Child | undefined {
    return this.#shardOf(pathHash).findByBytes(bytes, from, length, markOf(pathHash));
  }

  /** The node whose path is the first `length` characters of `path`: nobody has to cut them off. */
  getAncestor(path: ByteString, length: number): Child | undefined {
    const hash = hashOfPath(path, length);
    return this.#shardOf(hash).find(path, length, hash);
  }

  /** The node of a path with this hash, probably: none of its own memory is looked at. */
  guess(pathHash: number): Child | undefined {
    return this.#shardOf(pathHash).guess(markOf(pathHash));
  }

  /** Adds `node`, whose `pathHash` is known and whose path is not here. */
  add(node: Node): void {
    this.#addChild(node, node.pathHash);
  }

  /** The same for a key that sleeps. */
  addSleeper(sleeper: number, pathHash: number): void {
    this.#addChild(sleeper, pathHash);
  }

  /** Makes room for so many more: no table has to grow then, step by step. */
  makeRoom(count: number): void {
    for (const shard of this.#shards) shard.makeRoom(Math.ceil(count / this.#shards.length));
  }

  /** Puts `node` in the place of another of the same path, which is here. */
  replace(old: Node, node: Node): void {
    this.exchange(old, node, old.pathHash);
  }

  /** The same where one of the two sleeps, or both. */
  exchange(old: Child, child: Child, pathHash: number): void {
    this.#shardOf(pathHash).replace(old, child, markOf(pathHash));
  }

  /** Takes out a node that is here. */
  remove(node: Node): void {
    this.#shardOf(node.pathHash).remove(node, markOf(node.pathHash));
    this.size--;
  }

  /** The same for a key that sleeps. */
  removeSleeper(sleeper: number, pathHash: number): void {
    this.#shardOf(pathHash).remove(sleeper, markOf(pathHash));
    this.size--;
  }

  #addChild(child: Child, pathHash: number): void {
    this.#shardOf(pathHash).add(child, markOf(pathHash));
    this.size++;
  }

  #shardOf(hash: number): Shard {
    return this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
  }
}

class Shard {
  readonly #sleepers: Sleepers;
  #hashes = new Int32Array(CAPACITY_MIN);
  #nodes: (Child | undefined)[] = new Array(CAPACITY_MIN).fill(undefined);
  #mask = CAPACITY_MIN - 1;
  #count = 0;
  #crowded: Map<ByteString, Child> | undefined;

  constructor(sleepers: Sleepers) {
    this.#sleepers = sleepers;
  }

  /** The node whose path is the first `length` characters of `path`. */
  find(path: ByteString, length: number, pathHash: number): Child | undefined {
    const hashes = this.#hashes;
    const mask = this.#mask;
    const mark = markOf(pathHash);
    let place = mark & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const found = hashes[place] as number;
      if (found === 0) break;
      if (found === mark) {
        const child = this.#nodes[place] as Child;
        if (this.#hasPath(child, path, length)) return child;
      }
      place = (place + 1) & mask;
    }
    return this.#crowded?.get(path.slice(0, length) as ByteString);
  }

  findByBytes(bytes: Buffer, from: number, length: number, mark: number): Child | undefined {
    const hashes = this.#hashes;
    const mask = this.#mask;
    let place = mark & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const found = hashes[place] as number;
      if (found === 0) break;
      if (found === mark) {
        const child = this.#nodes[place] as Child;
        if (this.#hasPathBytes(child, bytes, from, length)) return child;
      }
      place = (place + 1) & mask;
    }
    return this.#crowded?.get(bytes.latin1Slice(from, from + length) as ByteString);
  }

  /** The first node with this mark. */
  guess(mark: number): Child | undefined {
    const hashes = this.#hashes;
    const mask = this.#mask;
    let place = mark & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const found = hashes[place] as number;
      if (found === 0) return undefined;
      if (found === mark) return this.#nodes[place];
      place = (place + 1) & mask;
    }
    return undefined;
  }

  add(child: Child, mark: number): void {
    if (++this.#count * FREE_PART > this.#hashes.length) this.#resize(this.#hashes.length * 2);
    this.#place(mark, child);
  }

  /** For so many more. */
  makeRoom(count: number): void {
    let capacity = this.#hashes.length;
    while ((this.#count + count) * FREE_PART > capacity) capacity *= 2;
    if (capacity > this.#hashes.length) this.#resize(capacity);
  }

  replace(old: Child, child: Child, mark: number): void {
    const place = this.#placeOf(old, mark);
    if (place === -1) (this.#crowded as Map<ByteString, Child>).set(this.#pathOf(child), child);
    else this.#nodes[place] = child;
  }

  remove(child: Child, mark: number): void {
    const place = this.#placeOf(child, mark);
    if (place === -1) (this.#crowded as Map<ByteString, Child>).delete(this.#pathOf(child));
    else this.#vacate(place);
    const capacity = this.#hashes.length;
    if (--this.#count * SHRINK_PART < capacity && capacity > CAPACITY_MIN) this.#resize(capacity / 2);
  }

  #hasPath(child: Child, path: ByteString, length: number): boolean {
    if (typeof child === 'number') return this.#sleepers.chunkOf(child).hasPath(child, path, length);
    return child.path.length === length && path.startsWith(child.path);
  }

  #hasPathBytes(child: Child, bytes: Buffer, from: number, length: number): boolean {
    if (typeof child === 'number') return this.#sleepers.chunkOf(child).hasPathBytes(child, bytes, from, length);
    const { path } = child;
    return path.length === length && isSameText(bytes, from, path, length);
  }

  #pathOf(child: Child): ByteString {
    return typeof child === 'number' ? this.#sleepers.pathOf(child) : child.path;
  }

  /** Where a child stands; -1 when it found no place. */
  #placeOf(child: Child, mark: number): number {
    const nodes = this.#nodes;
    const mask = this.#mask;
    let place = mark & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      const found = nodes[place];
      if (found === child) return place;
      if (found === undefined) break;
      place = (place + 1) & mask;
    }
    return -1;
  }

  #place(mark: number, child: Child): void {
    const hashes = this.#hashes;
    const mask = this.#mask;
    let place = mark & mask;
    for (let probes = 0; probes < PROBES_MAX; probes++) {
      if (hashes[place] === 0) {
        hashes[place] = mark;
        this.#nodes[place] = child;
        return;
      }
      place = (place + 1) & mask;
    }
    this.#crowded ??= new Map();
    this.#crowded.set(this.#pathOf(child), child);
  }

  /**
   * Frees a place. Those behind it that had wanted it, or one before it, move up: a search must not end before them. None
   * of them stands further behind than a search looks: without that bound an enemy's row of names, all side by side, would be
   * walked to its end for each name that goes.
   */
  #vacate(place: number): void {
    const hashes = this.#hashes;
    const nodes = this.#nodes;
    const mask = this.#mask;
    let gap = place;
    for (let next = (gap + 1) & mask; hashes[next] !== 0; next = (next + 1) & mask) {
      const distance = (next - gap) & mask;
      if (distance >= PROBES_MAX) break;
      const home = (hashes[next] as number) & mask;
      if (((next - home) & mask) < distance) continue;
      hashes[gap] = hashes[next] as number;
      nodes[gap] = nodes[next];
      gap = next;
    }
    hashes[gap] = 0;
    nodes[gap] = undefined;
  }

  #resize(capacity: number): void {
    const hashes = this.#hashes;
    const nodes = this.#nodes;
    const crowded = this.#crowded;
    this.#hashes = new Int32Array(capacity);
    this.#nodes = new Array(capacity).fill(undefined);
    this.#mask = capacity - 1;
    this.#crowded = undefined;
    for (let place = 0; place < hashes.length; place++) {
      const mark = hashes[place] as number;
      if (mark !== 0) this.#place(mark, nodes[place] as Child);
    }
    if (crowded !== undefined) for (const child of crowded.values()) this.#place(this.#markOfChild(child), child);
  }

  #markOfChild(child: Child): number {
    return markOf(typeof child === 'number' ? this.#sleepers.chunkOf(child).pathHash(child) : child.pathHash);
  }
}

/** The hash as a place is marked with it. */
function markOf(pathHash: number): number {
  return pathHash === 0 ? 1 : pathHash;
}
