/**
 * A store as bytes and back: the content of a snapshot, to the file format just chunks. Little-endian.
 *
 *   chunk   kind, u8 | records, each whole within its chunk
 *
 *   kind 1, head     etcd index, f64 | time, f64 | event chain, i32 | number of counters, u32 | counters, f64 each |
 *                    number of nodes, f64; older snapshots lack it
 *   kind 2, nodes    parent's ordinal, u32 | node         directories are numbered in the order in which they come;
 *                                                         0 is the root, and every node comes after its parent
 *   kind 4, vault    the same below the root of the vault; left out when there is nothing
 *   kind 3, events   action, u8 | bits, u8 | index, f64 | time, f64 | node, if any | prevNode, if any
 *
 * A node is as in node-record.ts.
 * Children come in the order in which their directory holds them, events in the order of their indexes.
 */
import { assert } from '../base/assert.ts';
import { type Action, StoreEvent } from './event.ts';
import type { Child, Node } from './node.ts';
import { NODE_HEAD_SIZE_BYTES, NODE_RECORD_AT, NodeBit, pathTextOf, valueTextOf } from './node-record.ts';
import { isAsleep } from './sleepers.ts';
import {
  DUE,
  NOWHERE,
  nodeAt,
  recordSizeAt,
  SleepingChunk,
  SURVEY_AT,
  SURVEY_WORDS,
  smallInteger,
} from './sleeping-chunk.ts';
import { hashOfNodeBytes, hashOfPathBytes } from './state-hash.ts';
import type { Store } from './store.ts';
import type { Tree } from './tree.ts';

const ChunkKind = { head: 1, nodes: 2, events: 3, vault: 4 } as const;
const EventBit = { refresh: 1, node: 2, prevNode: 4 } as const;

const CHUNK_SIZE_BYTES = 1024 * 1024;
const F64_SIZE_BYTES = 8;
/** Without the counters. */
const HEAD_SIZE_BYTES = 32;
const EVENT_HEAD_SIZE_BYTES = 18;
/** The ordinal before a node. */
const PLACE_SIZE_BYTES = 4;
/** Gets one chunk; the bytes are reused after the call. */
export type ChunkSink = (buffer: Buffer, offset: number, lengthBytes: number) => void;

/** Writes the state of `store` to `sink`, chunk by chunk. */
export function writeStore(store: Store, sink: ChunkSink): void {
  const writer = new ChunkWriter(sink);
  writeHead(store, writer);
  writer.start(ChunkKind.nodes);
  writeNodes(store.tree, store.tree.root, writer);
  if ((store.tree.vault.children as Child[]).length > 0) {
    writer.start(ChunkKind.vault);
    writeNodes(store.tree, store.tree.vault, writer);
  }
  writer.start(ChunkKind.events);
  for (let index = store.history.firstIndex; index > 0 && index <= store.history.lastIndex; index++) {
    writeEvent(store.history.at(index), writer);
  }
  writer.finish();
}

function writeHead(store: Store, writer: ChunkWriter): void {
  writer.start(ChunkKind.head);
  const { counts } = store.statistics;
  writer.reserve(HEAD_SIZE_BYTES + F64_SIZE_BYTES * counts.length);
  writer.f64(store.index);
  writer.f64(store.timeMs);
  writer.i32(store.eventChain);
  writer.i32(counts.length);
  for (const count of counts) writer.f64(count);
  writer.f64(store.tree.size);
}

function writeNodes({ sleepers }: Tree, root: Node, writer: ChunkWriter): void {
  const directories: Node[] = [root];
  // A directory is numbered when it is written, and its children are written in the order of the numbers.
  for (let ordinal = 0; ordinal < directories.length; ordinal++) {
    for (const child of (directories[ordinal] as Node).children as Child[]) {
      if (isAsleep(child)) {
        const chunk = sleepers.chunkOf(child);
        const at = chunk.recordAt(child);
        const sizeBytes = recordSizeAt(chunk.bytes, at);
        writer.reserve(PLACE_SIZE_BYTES + sizeBytes);
        writer.i32(ordinal);
        writer.record(chunk.bytes, at, sizeBytes);
        continue;
      }
      writer.reserve(PLACE_SIZE_BYTES + nodeSizeBytes(child));
      writer.i32(ordinal);
      writer.node(child);
      if (child.isDirectory) directories.push(child);
    }
  }
}

function writeEvent(event: StoreEvent, writer: ChunkWriter): void {
  const { node, prevNode } = event;
  const nodesSizeBytes =
    (node === undefined ? 0 : nodeSizeBytes(node)) + (prevNode === undefined ? 0 : nodeSizeBytes(prevNode));
  writer.reserve(EVENT_HEAD_SIZE_BYTES + nodesSizeBytes);
  writer.u8(event.action);
  writer.u8(
    (event.isRefresh ? EventBit.refresh : 0) |
      (node === undefined ? 0 : EventBit.node) |
      (prevNode === undefined ? 0 : EventBit.prevNode),
  );
  writer.f64(event.index);
  writer.f64(event.timeMs);
  if (node !== undefined) writer.node(node);
  if (prevNode !== undefined) writer.node(prevNode);
}

function nodeSizeBytes(node: Node): number {
  return NODE_HEAD_SIZE_BYTES + node.pathLength + node.valueLength;
}

class ChunkWriter {
  readonly #sink: ChunkSink;
  #bytes = Buffer.allocUnsafeSlow(CHUNK_SIZE_BYTES);
  #view = viewOf(this.#bytes);
  #at = 0;
  #kind = 0;

  constructor(sink: ChunkSink) {
    this.#sink = sink;
  }

  start(kind: number): void {
    if (this.#at > 1) this.finish();
    this.#kind = kind;
    this.#bytes[0] = kind;
    this.#at = 1;
  }

  /** Makes room for a record, which must not straddle two chunks. */
  reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#bytes.length) return;
    if (this.#at > 1) this.start(this.#kind);
    if (this.#at + sizeBytes <= this.#bytes.length) return;
    this.#bytes = Buffer.allocUnsafeSlow(1 + sizeBytes);
    this.#view = viewOf(this.#bytes);
    this.#bytes[0] = this.#kind;
  }

  u8(value: number): void {
    this.#bytes[this.#at++] = value;
  }
  i32(value: number): void {
    this.#view.setInt32(this.#at, value, true);
    this.#at += 4;
  }
  f64(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  node(node: Node): void {
    const expires = node.expirationMs !== undefined;
    this.u8(
      (node.isDirectory ? NodeBit.directory : 0) |
        (node.isPathPlain ? NodeBit.pathPlain : 0) |
        (node.isValuePlain ? NodeBit.valuePlain : 0) |
        (expires ? NodeBit.expires : 0),
    );
    this.i32(node.pathLength);
    this.i32(node.valueLength);
    this.f64(node.createdIndex);
    this.f64(node.modifiedIndex);
    this.f64(node.expirationMs ?? 0);
    this.#at = node.writeText(this.#bytes, this.#at);
  }

  record(source: Buffer, from: number, sizeBytes: number): void {
    source.copy(this.#bytes, this.#at, from, from + sizeBytes);
    this.#at += sizeBytes;
  }

  finish(): void {
    if (this.#at > 0) this.#sink(this.#bytes, 0, this.#at);
    this.#at = 0;
  }
}

/**
 * What the nodes of a chunk are, for `StoreReader`: words as sleeping-chunk.ts has them, but for the number of their directory
 * there stands its ordinal in the snapshot. Nothing of chunks of other kinds.
 */
export function surveyOf(bytes: Buffer): Int32Array<ArrayBuffer> {
  const kind = bytes[0];
  if (kind !== ChunkKind.nodes && kind !== ChunkKind.vault) return new Int32Array(0);
  const maySleep = kind === ChunkKind.nodes;
  const view = viewOf(bytes);
  const words = SURVEY_WORDS * Math.ceil(bytes.length / (PLACE_SIZE_BYTES + NODE_HEAD_SIZE_BYTES));
  if (words > surveyed.length) surveyed = new Int32Array(words);
  const survey = surveyed;
  let entry = 0;
  for (let at = 1 + PLACE_SIZE_BYTES; at < bytes.length; entry += SURVEY_WORDS) {
    at = surveyRecord(bytes, view, at, maySleep, survey, entry) + PLACE_SIZE_BYTES;
  }
  return survey.slice(0, entry);
}

/** Used for one chunk after the other: memory touched for the first time costs a start more than the survey itself. */
let surveyed = new Int32Array(0);

/** A function of its own, which V8 has compiled soon, and for good. @returns where the record that begins at `at` ends. */
function surveyRecord(
  bytes: Buffer,
  view: DataView,
  at: number,
  maySleep: boolean,
  survey: Int32Array,
  entry: number,
): number {
  const bits = bytes[at] as number;
  const isDirectory = (bits & NodeBit.directory) !== 0;
  const expires = (bits & NodeBit.expires) !== 0;
  const pathAt = at + NODE_HEAD_SIZE_BYTES;
  const valueAt = pathAt + view.getUint32(at + NODE_RECORD_AT.pathSize, true);
  const end = valueAt + view.getUint32(at + NODE_RECORD_AT.valueSize, true);
  const pathHash = hashOfPathBytes(bytes, pathAt, valueAt);
  survey[entry + SURVEY_AT.pathHash] = pathHash;
  survey[entry + SURVEY_AT.hash] = hashOfNodeBytes(
    bytes,
    valueAt,
    end,
    pathHash,
    isDirectory,
    view.getFloat64(at + NODE_RECORD_AT.createdIndex, true),
    view.getFloat64(at + NODE_RECORD_AT.modifiedIndex, true),
    expires ? view.getFloat64(at + NODE_RECORD_AT.expiration, true) : undefined,
  );
  survey[entry + SURVEY_AT.record] = maySleep && !isDirectory ? at : ~at;
  survey[entry + SURVEY_AT.directory] = view.getUint32(at - PLACE_SIZE_BYTES, true);
  survey[entry + SURVEY_AT.timer] = expires ? DUE : NOWHERE;
  return end;
}

/** Fills an empty store from the chunks that `writeStore` made, in their order. */
export class StoreReader {
  readonly #store: Store;
  readonly #directories: Node[];
  readonly #vaultDirectories: Node[];
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = viewOf(this.#bytes);
  #at = 0;

  constructor(store: Store) {
    assert(store.tree.size === 0, 'a snapshot is read into an empty store');
    this.#store = store;
    this.#directories = [store.tree.root];
    this.#vaultDirectories = [store.tree.vault];
  }

  /**
   * Takes in one chunk, for good: keys sleep in its bytes.
   * @param survey as `surveyOf` makes it, here or on another thread.
   * Throws InvariantError when it is none: the checksums of the file should have told before.
   */
  chunk(bytes: Buffer, survey: Int32Array = surveyOf(bytes)): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#at = 0;
    const kind = this.#u8();
    if (kind === ChunkKind.head) this.#head();
    else if (kind === ChunkKind.nodes) this.#placedNodes(this.#directories, survey);
    else if (kind === ChunkKind.vault) this.#placedNodes(this.#vaultDirectories, survey);
    else {
      assert(kind === ChunkKind.events, 'a chunk of a snapshot has a kind that this build knows');
      while (this.#at < bytes.length) this.#event();
    }
  }

  #head(): void {
    const store = this.#store;
    store.index = smallInteger(this.#f64());
    store.timeMs = this.#f64();
    store.eventChain = this.#i32();
    const count = this.#i32();
    for (let position = 0; position < count; position++) {
      store.statistics.counts[position] = smallInteger(this.#f64());
    }
    if (this.#at < this.#bytes.length) store.tree.index.makeRoom(this.#f64());
  }

  #placedNodes(directories: Node[], survey: Int32Array): void {
    const { tree } = this.#store;
    const bytes = this.#bytes;
    const chunk = new SleepingChunk(bytes, survey);
    const first = tree.sleepers.add(chunk);
    // Who sleeps is not looked at for that: their records are in no cache yet.
    chunk.leftBytes = chunk.sizeBytes;
    let sleeper = first;
    for (let entry = 0; entry < survey.length; entry += SURVEY_WORDS, sleeper++) {
      const parent = directories[(survey[entry + SURVEY_AT.directory] as number) >>> 0];
      assert(parent !== undefined, 'a node of a snapshot comes after its directory');
      const at = survey[entry + SURVEY_AT.record] as number;
      if (at >= 0) {
        tree.loadSleeper(parent, sleeper);
        continue;
      }
      chunk.leftBytes -= chunk.entrySizeBytes(sleeper);
      const node = nodeAt(bytes, this.#view, ~at, bytes, ~at);
      node.pathHash = chunk.pathHash(sleeper);
      if (tree.keepsHash) node.hash = chunk.hash(sleeper);
      tree.load(parent, node);
      if (node.isDirectory) directories.push(node);
    }
    tree.sleepers.entered(first);
  }

  #event(): void {
    const action = this.#u8() as Action;
    const bits = this.#u8();
    const index = smallInteger(this.#f64());
    const timeMs = this.#f64();
    const node = (bits & EventBit.node) !== 0 ? this.#node() : undefined;
    const prevNode = (bits & EventBit.prevNode) !== 0 ? this.#node() : undefined;
    this.#store.history.add(new StoreEvent(action, index, timeMs, (bits & EventBit.refresh) !== 0, node, prevNode));
  }

  /** A node of an event. Most of them are younger than the snapshot before long, so it is awake and holds no chunk. */
  #node(): Node {
    const bytes = this.#bytes;
    const at = this.#at;
    const node = nodeAt(bytes, this.#view, at, pathTextOf(bytes, at), valueTextOf(bytes, at));
    this.#at += NODE_HEAD_SIZE_BYTES + node.pathLength + node.valueLength;
    return node;
  }

  #u8(): number {
    return this.#bytes[this.#at++] as number;
  }
  #i32(): number {
    const value = this.#view.getInt32(this.#at, true);
    this.#at += 4;
    return value;
  }
  #f64(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
