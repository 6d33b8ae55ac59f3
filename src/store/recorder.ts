/**
 * Makes records of keys that are written (sleepers.ts): looks whether the write is one that a record can tell, what stands at
 * its path, and where the key belongs; then the record is put there.
 */
import type { ByteString } from '../base/byte-string.ts';
import { Flag, Op } from '../protocol/command.ts';
import type { ConditionBytes, Conditions } from './conditions.ts';
import { Failure } from './failure.ts';
import type { Child, Node } from './node.ts';
import { NodeBit } from './node-record.ts';
import type { RecordedKey } from './recorded-chunk.ts';
import { isAsleep, SLEEPING_TEXT_SIZE_BYTES_MAX } from './sleepers.ts';
import { hashOfNodeBytes } from './state-hash.ts';
import type { Tree } from './tree.ts';

/** A write as a frame has it. */
export interface WriteBytes extends RecordedKey, ConditionBytes, Conditions {
  readonly bytes: Buffer;
  readonly timeMs: number;
  /** Epoch ms; counts with `Flag.hasExpiration`. */
  readonly expirationMs: number;
}

/** No sleeper. */
export const NONE = -1;

/** Expirations before the year 2000 mean none, on creation only (a wrapped 64-bit count; v2store/store.go). */
const MIN_EXPIRATION_MS = Date.UTC(2000, 0, 1);

export class Recorder {
  readonly #tree: Tree;
  readonly #keepsHash: boolean;
  /** Of what was recorded last and is not placed yet: what it replaces, and its directory. */
  old: Child | undefined;
  parent: Node | undefined;

  constructor(tree: Tree, keepsHash: boolean) {
    this.#tree = tree;
    this.#keepsHash = keepsHash;
  }

  /**
   * @param key what it is to be: that of the write, or one in the order of its directory.
   * @param index that the write takes. @param directory of the key, for who has it already.
   * @returns the key as a sleeper that stands nowhere yet, or NONE for what must be done otherwise, or refused.
   */
  record(
    op: Op,
    key: RecordedKey,
    write: WriteBytes,
    pathHash: number,
    index: number,
    directory: Node | undefined,
  ): number {
    const { flags } = write;
    const { pathSizeBytes } = key;
    const tree = this.#tree;
    if ((flags & Flag.dir) !== 0 || pathSizeBytes === 0 || !tree.sleepers.mayGrow) return NONE;
    const old = tree.childAt(key, pathHash);
    if (old === undefined ? keepsCreatedIndex(op) : creates(op) || !isKey(old)) return NONE;
    const isRefresh = (flags & Flag.refresh) !== 0;
    if (isRefresh && !isAsleep(old)) return NONE;
    // In a record the value lies behind the path as well.
    const source = isRefresh ? tree.sleepers.keyOf(old as number) : key;
    if (pathSizeBytes + source.valueSizeBytes > SLEEPING_TEXT_SIZE_BYTES_MAX) return NONE;
    const parent = directory ?? tree.directoryOf(key, old) ?? this.#madeDirectoryOf(key, index);
    if (parent === undefined) return NONE;
    this.old = old;
    this.parent = parent;
    const createdIndex = keepsCreatedIndex(op) ? tree.createdIndexOf(old as Child) : index;
    const expirationMs = lifeOf(write, !keepsCreatedIndex(op));
    const valueAt = source.pathAt + pathSizeBytes;
    const end = valueAt + source.valueSizeBytes;
    const hash = this.#keepsHash
      ? hashOfNodeBytes(source.bytes, valueAt, end, pathHash, false, createdIndex, index, expirationMs)
      : 0;
    const bits = isRefresh ? tree.sleepers.textBitsOf(old as number) : textBitsOf(flags);
    return tree.sleepers.chunkFor(source).add(source, bits, createdIndex, index, expirationMs, pathHash, hash);
  }

  /** Puts what was recorded where it belongs. */
  place(sleeper: number): void {
    this.#tree.putSleeper(this.parent as Node, this.old, sleeper);
    // They may be gone before the next is recorded, a directory with all that is below it.
    this.old = undefined;
    this.parent = undefined;
  }

  #madeDirectoryOf({ bytes, pathAt, pathSizeBytes }: RecordedKey, index: number): Node | undefined {
    const path = bytes.latin1Slice(pathAt, pathAt + pathSizeBytes) as ByteString;
    const made = this.#tree.parentFor(path, index);
    return made instanceof Failure ? undefined : made;
  }
}

export function isKey(child: Child | undefined): child is Child {
  return child !== undefined && (isAsleep(child) || !child.isDirectory);
}

/** @param isNew whether the key begins a life, and does not only go on. @returns epoch ms; undefined for a permanent key. */
export function lifeOf({ flags, expirationMs }: { flags: number; expirationMs: number }, isNew: boolean) {
  if ((flags & Flag.hasExpiration) === 0) return undefined;
  return isNew && expirationMs < MIN_EXPIRATION_MS ? undefined : expirationMs;
}

/** Whether an operation wants nothing to be there. */
function creates(op: Op): boolean {
  return op === Op.create || op === Op.createInOrder;
}

/** Whether an operation goes on with a key that is there. */
function keepsCreatedIndex(op: Op): boolean {
  return op === Op.update || op === Op.compareAndSwap;
}

function textBitsOf(flags: number): number {
  return (
    ((flags & Flag.pathPlain) !== 0 ? NodeBit.pathPlain : 0) |
    ((flags & Flag.valuePlain) !== 0 ? NodeBit.valuePlain : 0)
  );
}
