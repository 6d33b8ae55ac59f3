/**
 * The answer to a GET of a directory, made in slices so that a large listing does not hold up everybody else.
 *
 * What the listing shows is fixed at the start: the references to the children are copied (a memcpy for each
 * directory), and since nodes of keys are immutable, as are the bytes of those that sleep, later writes do not change what is
 * shown. Directories do change, and
 * are copied; they are found without a look at the keys. Leaving out what is hidden, sorting and rendering then go on
 * slice by slice, between other commands.
 *
 *   new Listing(…)   copies the references: the only part that must not be interrupted
 *   step()           sorts or renders about `NODES_PER_STEP` nodes; true when the answer is complete
 *   takeParts()      the bytes, in parts of a bounded size: no buffer is ever copied to make room
 */
import type { ChildDirectories } from './child-directories.ts';
import { EscapedValue } from './escaped-value.ts';
import { type Child, directorySnapshot, isHiddenChild, isHiddenName, type Node } from './node.ts';
import { NODE_HEAD_SIZE_BYTES, NodeBit, pathSizeOf } from './node-record.ts';
import { Parts } from './parts.ts';
import { renderHead, renderKey, renderTimer } from './render.ts';
import { chunkOf, isAsleep, type SleepingChunks } from './sleepers.ts';
import { recordSizeAt, type SleepingChunk } from './sleeping-chunk.ts';
import type { Tree } from './tree.ts';

/** A directory as it was. */
interface Level {
  readonly directory: Node;
  /** Hidden ones, too; none when they are not to be shown. Sorted in place, a run at a time, when the listing is sorted. */
  children: Child[];
  /** By the directories among the visible children. */
  readonly below: Map<Node, Level> | undefined;
}

interface Cursor {
  readonly level: Level;
  position: number;
  /** Whether one of the children has been shown. */
  hasShown: boolean;
}

const PLAIN_BITS = NodeBit.pathPlain | NodeBit.valuePlain;
/** Of a record, what decides how it is shown. */
const SHOWN_BITS = PLAIN_BITS | NodeBit.expires;

/** Of a directory. */
type Contents = 'recursive' | 'shown' | 'left out';

/** About a tenth of a millisecond. */
const NODES_PER_STEP = 128;
/** What sorting one run costs, in rendered nodes. */
const SORT_COST = 100;
const REFERENCE_SIZE_BYTES = 8;
/** What a directory takes in the heap until it is shown, and a key that is woken to be sorted; about. */
const LEVEL_SIZE_BYTES = 512;
const WOKEN_SIZE_BYTES = 320;
/** The heap is looked at when so much more is needed of it. */
const LOOKED_AT_BYTES = 512 * 1024;

const escapedValue = new EscapedValue();

export class Listing {
  readonly #nowMs: number;
  readonly #directories: ChildDirectories;
  readonly #chunks: SleepingChunks;
  readonly #unsorted: Level[] = [];
  readonly #cursors: Cursor[] = [];
  #sorting: Generator<void> | undefined;
  readonly #out = new Parts();
  #isComplete = false;
  #referencesBytes = 0;
  readonly #hasRoom: (sizeBytes: number) => boolean;
  #unlookedBytes = 0;
  /** Whether there was no room for it in the heap: then it is of no use, and to be dropped. */
  lacksRoom = false;

  /** @param tree that the directory stands in. @param hasRoom whether so much finds room in the heap. */
  constructor(
    directory: Node,
    tree: Tree,
    isRecursive: boolean,
    isSorted: boolean,
    nowMs: number,
    hasRoom: (sizeBytes: number) => boolean = () => true,
  ) {
    this.#nowMs = nowMs;
    this.#hasRoom = hasRoom;
    this.#directories = tree.directories;
    this.#chunks = tree.sleepers.hold();
    const level = this.#levelOf(directory, isRecursive ? 'recursive' : 'shown', isSorted);
    this.#out.text(`{"action":"get","node":{${renderHead(directory, nowMs)}`);
    this.#open(level);
  }

  /** What it takes: the references, and the bytes so far. */
  get heldBytes(): number {
    return this.#referencesBytes + this.#out.heldBytes;
  }

  /** Does a bounded piece of the work. @returns true when the body is complete. */
  step(): boolean {
    for (let budget = NODES_PER_STEP; budget > 0; budget--) {
      if (this.#isComplete) return true;
      if (this.#sortSome()) {
        budget -= SORT_COST;
        continue;
      }
      this.#renderOne();
    }
    return this.#isComplete;
  }

  /** The bytes of the whole answer, in order; they are the caller's from now on. */
  takeParts(): Uint8Array<ArrayBuffer>[] {
    return this.#out.take();
  }

  #levelOf(directory: Node, contents: Contents, isSorted: boolean): Level {
    const count = contents === 'left out' ? 0 : (directory.children as Child[]).length;
    const ownBytes = LEVEL_SIZE_BYTES + count * REFERENCE_SIZE_BYTES;
    // To be sorted they are copied twice more.
    this.#need(isSorted ? ownBytes + 2 * count * REFERENCE_SIZE_BYTES : ownBytes);
    this.#referencesBytes += ownBytes;
    if (contents === 'left out' || this.lacksRoom)
      return { directory: directorySnapshot(directory), children: [], below: undefined };
    const children = (directory.children as Child[]).slice();
    let below: Map<Node, Level> | undefined;
    for (const child of this.#directories.of(directory)) {
      if (this.lacksRoom) break;
      if (isHiddenChild(directory, child)) continue;
      below ??= new Map();
      below.set(child, this.#levelOf(child, contents === 'recursive' ? 'recursive' : 'left out', isSorted));
    }
    const level = { directory: directorySnapshot(directory), children, below };
    if (isSorted && children.length > 1) this.#unsorted.push(level);
    return level;
  }

  /** So much more of the heap will be taken. */
  #need(sizeBytes: number): void {
    this.#unlookedBytes += sizeBytes;
    if (this.#unlookedBytes < LOOKED_AT_BYTES) return;
    if (!this.#hasRoom(this.#unlookedBytes)) this.lacksRoom = true;
    this.#unlookedBytes = 0;
  }

  /** Sorts a little; false when there is nothing left to sort. */
  #sortSome(): boolean {
    if (this.#sorting === undefined) {
      const level = this.#unsorted.pop();
      if (level === undefined) return false;
      this.#sorting = sortByPath(level, this.#chunks, (woken) => this.#need(woken * WOKEN_SIZE_BYTES));
    }
    if (this.#sorting.next().done === true) this.#sorting = undefined;
    return true;
  }

  #open(level: Level): void {
    this.#cursors.push({ level, position: 0, hasShown: false });
  }

  #close({ level, hasShown }: Cursor): void {
    this.#cursors.pop();
    const { directory } = level;
    const out = this.#out;
    if (hasShown) out.text(']');
    if (directory.path !== '') this.#indexes(directory.modifiedIndex, directory.createdIndex);
    this.#isComplete = this.#cursors.length === 0;
    out.text(this.#isComplete ? '}}\n' : '}');
  }

  #renderOne(): void {
    const cursor = this.#cursors[this.#cursors.length - 1] as Cursor;
    const { level } = cursor;
    if (cursor.position === level.children.length) {
      this.#close(cursor);
      return;
    }
    const child = level.children[cursor.position++] as Child;
    if (!isAsleep(child)) this.#renderNode(cursor, child);
    else {
      const chunk = chunkOf(this.#chunks, child);
      const at = chunk.recordAt(child);
      const isPlain = ((chunk.bytes[at] as number) & SHOWN_BITS) === PLAIN_BITS;
      if (isPlain) this.#renderRecord(cursor, chunk, at);
      else this.#renderNode(cursor, chunk.nodeOf(child));
    }
  }

  #renderNode(cursor: Cursor, child: Node): void {
    const { level } = cursor;
    if (isHiddenChild(level.directory, child)) return;
    const out = this.#out;
    this.#next(cursor);
    const below = child.isDirectory ? (level.below?.get(child) as Level) : undefined;
    if (below === undefined) {
      this.#head(child);
      this.#indexes(child.modifiedIndex, child.createdIndex);
      out.text('}');
    } else {
      this.#head(below.directory);
      this.#open(below);
    }
  }

  /** A key that sleeps, and whose bytes are as they are shown. */
  #renderRecord(cursor: Cursor, chunk: SleepingChunk, at: number): void {
    const { bytes } = chunk;
    const pathAt = at + NODE_HEAD_SIZE_BYTES;
    if (isHiddenName(bytes[pathAt + cursor.level.directory.pathLength + 1] as number)) return;
    const out = this.#out;
    const valueAt = pathAt + pathSizeOf(bytes, at);
    this.#next(cursor);
    out.text('"key":"');
    out.bytes(bytes, pathAt, valueAt);
    out.text('","value":"');
    out.bytes(bytes, valueAt, at + recordSizeAt(bytes, at));
    out.text('"');
    this.#indexes(chunk.modifiedIndexAt(at), chunk.createdIndexAt(at));
    out.text('}');
  }

  #next(cursor: Cursor): void {
    this.#out.text(cursor.hasShown ? ',{' : ',"nodes":[{');
    cursor.hasShown = true;
  }

  /** The same as `renderHead`. */
  #head(node: Node): void {
    const out = this.#out;
    if (node.isDirectory) {
      out.text(renderHead(node, this.#nowMs));
      return;
    }
    out.text('"key":"');
    out.text(renderKey(node));
    out.text('","value":"');
    if (node.isValuePlain) node.tellValue(out);
    else out.written(escapedValue.sizeBytesOf(node), (target, at) => escapedValue.write(node, target, at));
    out.text('"');
    if (node.expirationMs !== undefined) out.text(renderTimer(node.expirationMs, this.#nowMs));
  }

  #indexes(modifiedIndex: number, createdIndex: number): void {
    const out = this.#out;
    out.text(',"modifiedIndex":');
    out.digits(modifiedIndex);
    out.text(',"createdIndex":');
    out.digits(createdIndex);
  }
}

/** Length of the runs that are sorted at one go. */
const RUN_LENGTH = 256;

/** Merge sort that pauses after each run and each run's worth of merging. Order: the bytes of the keys, as etcd's. */
function* sortByPath(level: Level, chunks: SleepingChunks, onWoken: (count: number) => void): Generator<void> {
  const { length } = level.children;
  let woken = 0;
  const awake = (child: Child) => {
    if (!isAsleep(child)) return child;
    woken++;
    return chunkOf(chunks, child).nodeOf(child);
  };
  // After the first round they are all awake, here and nowhere else.
  let from = level.children as Node[];
  for (let start = 0; start < length; start += RUN_LENGTH) {
    const run = from
      .slice(start, start + RUN_LENGTH)
      .map(awake)
      .sort(byPath);
    for (let position = 0; position < run.length; position++) from[start + position] = run[position] as Node;
    if (woken > 0) onWoken(woken);
    woken = 0;
    yield;
  }
  for (let width = RUN_LENGTH; width < length; width *= 2) {
    const to: Node[] = new Array(length);
    for (let start = 0; start < length; start += 2 * width) {
      yield* merge(from, to, start, Math.min(start + width, length), Math.min(start + 2 * width, length));
    }
    from = to;
  }
  level.children = from;
}

function* merge(from: Node[], to: Node[], start: number, middle: number, end: number): Generator<void> {
  let left = start;
  let right = middle;
  for (let position = start; position < end; position++) {
    const takesLeft = left < middle && (right >= end || byPath(from[left] as Node, from[right] as Node) <= 0);
    to[position] = (takesLeft ? from[left++] : from[right++]) as Node;
    if (position % RUN_LENGTH === 0) yield;
  }
}

function byPath(a: Node, b: Node): number {
  return a.path < b.path ? -1 : 1;
}
