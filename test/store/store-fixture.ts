/** Short ways to write to a store and to see all that is in it. */
import type { ByteString } from '../../src/base/byte-string.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import { isPlain } from '../../src/protocol/json.ts';
import type { StoreEvent } from '../../src/store/event.ts';
import { Failure } from '../../src/store/failure.ts';
import { Listing } from '../../src/store/listing.ts';
import type { Node } from '../../src/store/node.ts';
import { StoreReader, writeStore } from '../../src/store/snapshot-codec.ts';
import { Store, type Write } from '../../src/store/store.ts';

/** A moment that is well after the year 2000, as expirations must be. */
export const NOON_MS = Date.UTC(2030, 0, 1, 12);

export interface WriteFields {
  readonly value?: string;
  readonly prevValue?: string;
  readonly prevIndex?: number | bigint;
  readonly expirationMs?: number | undefined;
  readonly timeMs?: number;
  readonly dir?: boolean;
  readonly recursive?: boolean;
  readonly refresh?: boolean;
}

export function aWrite(op: Op, path: string, fields: WriteFields = {}): Write {
  const { value = '', prevValue = '', prevIndex = 0, expirationMs, timeMs = NOON_MS } = fields;
  const flags =
    (fields.dir === true ? Flag.dir : 0) |
    (fields.recursive === true ? Flag.recursive : 0) |
    (fields.refresh === true ? Flag.refresh : 0) |
    (fields.prevIndex === undefined ? 0 : Flag.hasPrevIndex) |
    (expirationMs === undefined ? 0 : Flag.hasExpiration) |
    (isPlain(path as ByteString) ? Flag.pathPlain : 0) |
    (isPlain(value as ByteString) ? Flag.valuePlain : 0);
  return {
    op,
    flags,
    path: path as ByteString,
    value: value as ByteString,
    prevValue: prevValue as ByteString,
    prevIndex,
    expirationMs: expirationMs ?? 0,
    timeMs,
  };
}

/** Performs a write that must succeed. */
export function happen(store: Store, op: Op, path: string, fields: WriteFields = {}): StoreEvent {
  const outcome = store.write(aWrite(op, path, fields));
  if (outcome instanceof Failure) throw new Error(`${path}: refused with ${outcome.code} ${outcome.cause}`);
  return outcome;
}

export function set(store: Store, path: string, value = 'v', fields: WriteFields = {}): StoreEvent {
  return happen(store, Op.set, path, { ...fields, value });
}

export function makeDirectory(store: Store, path: string, expirationMs?: number): StoreEvent {
  return happen(store, Op.create, path, { dir: true, expirationMs });
}

export function remove(store: Store, path: string): StoreEvent {
  return happen(store, Op.delete, path, { recursive: true });
}

export function storeWith(values: Readonly<Record<string, string>>): Store {
  const store = new Store(1000, true);
  for (const [path, value] of Object.entries(values)) set(store, path, value);
  return store;
}

/** What a client can see of one node. */
export interface SeenNode {
  readonly path: string;
  readonly value: string;
  readonly isDirectory: boolean;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
  readonly expirationMs: number | undefined;
}

/** All nodes but the root, hidden ones too, by the order of their paths; found by walking from the root. */
export function contentOf(store: Store): SeenNode[] {
  const seen: SeenNode[] = [];
  const waiting: Node[] = [store.tree.root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const child of store.tree.childrenOf(node)) {
      const { path, value, isDirectory, createdIndex, modifiedIndex, expirationMs } = child;
      seen.push({ path, value, isDirectory, createdIndex, modifiedIndex, expirationMs });
      if (isDirectory) waiting.push(child);
    }
  }
  return seen.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The whole answer to a GET of a directory. */
export function listingOf(
  store: Store,
  path: string,
  isRecursive: boolean,
  isSorted: boolean,
  nowMs = NOON_MS,
): string {
  const directory = store.tree.find(path as ByteString) as Node;
  return finished(new Listing(directory, store.tree, isRecursive, isSorted, nowMs));
}

export function finished(listing: Listing): string {
  while (!listing.step());
  return Buffer.concat(listing.takeParts()).toString('latin1');
}

/** The same state in another store, by way of a snapshot. */
export function reborn(store: Store): Store {
  const copy = new Store(store.history.capacity, true);
  const reader = new StoreReader(copy);
  writeStore(store, (buffer, offset, lengthBytes) => {
    reader.chunk(Buffer.from(buffer.subarray(offset, offset + lengthBytes)));
  });
  return copy;
}
