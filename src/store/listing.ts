/**
 * The answer to a GET of a directory, made in slices so that a large listing does not hold up everybody else.
 *
 * What the listing shows is fixed at the start: the references to the children are copied (a memcpy for each
 * directory), and since nodes of keys are immutable, later writes do not change what is shown. Sorting and rendering
 * then go on slice by slice, between other commands.
 *
 *   new Listing(…)   copies the references: the only part that must not be interrupted
 *   step()           sorts or renders about `NODES_PER_STEP` nodes; true when the answer is complete
 *   takeParts()      the bytes, in parts of a bounded size: no buffer is ever copied to make room
 */
import '../base/latin1.ts';
import { directorySnapshot, isHiddenChild, type Node } from './node.ts';
import { renderHead } from './render.ts';

/** A directory as it was, with the children that are to be shown. */
interface Level {
  readonly directory: Node;
  /** Visible children. Sorted in place, a run at a time, when the listing is sorted. */
  children: Node[];
  /** The levels of the children that are directories and are shown with their contents. */
  readonly below: Map<Node, Level> | undefined;
}

interface Cursor {
  readonly level: Level;
  position: number;
}

const NODES_PER_STEP = 500;
/** What sorting one run costs, in rendered nodes. */
const SORT_COST = 100;
const FIRST_PART_SIZE_BYTES = 16 * 1024;
const PART_SIZE_BYTES = 1024 * 1024;

export class Listing {
  readonly #nowMs: number;
  readonly #unsorted: Level[] = [];
  readonly #cursors: Cursor[] = [];
  #sorting: Generator<void> | undefined;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #part: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(FIRST_PART_SIZE_BYTES);
  #partSizeBytes = 0;
  #isComplete = false;

  constructor(directory: Node, isRecursive: boolean, isSorted: boolean, nowMs: number) {
    this.#nowMs = nowMs;
    const level = this.#levelOf(directory, isRecursive, isSorted);
    this.#append(`{"action":"get","node":{${renderHead(directory, nowMs)}`);
    this.#open(level);
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
    this.#parts.push(this.#part.subarray(0, this.#partSizeBytes));
    return this.#parts;
  }

  #levelOf(directory: Node, isRecursive: boolean, isSorted: boolean): Level {
    const children: Node[] = [];
    let below: Map<Node, Level> | undefined;
    for (const child of directory.children as Node[]) {
      if (isHiddenChild(directory, child)) continue;
      if (child.children === undefined) {
        children.push(child);
        continue;
      }
      // The timer of a directory changes in place, so it is copied; so is what makes its level.
      const shown = directorySnapshot(child);
      children.push(shown);
      if (isRecursive && child.children.length > 0) {
        below ??= new Map();
        below.set(shown, this.#levelOf(child, true, isSorted));
      }
    }
    const level = { directory, children, below };
    if (isSorted && children.length > 1) this.#unsorted.push(level);
    return level;
  }

  /** Sorts a little; false when there is nothing left to sort. */
  #sortSome(): boolean {
    if (this.#sorting === undefined) {
      const level = this.#unsorted.pop();
      if (level === undefined) return false;
      this.#sorting = sortByPath(level);
    }
    if (this.#sorting.next().done === true) this.#sorting = undefined;
    return true;
  }

  #open(level: Level): void {
    if (level.children.length > 0) this.#append(',"nodes":[');
    this.#cursors.push({ level, position: 0 });
  }

  #close(level: Level): void {
    this.#cursors.pop();
    const { directory } = level;
    const isRoot = directory.path === '';
    const indexes = isRoot
      ? ''
      : `,"modifiedIndex":${directory.modifiedIndex},"createdIndex":${directory.createdIndex}`;
    const end = level.children.length > 0 ? ']' : '';
    this.#isComplete = this.#cursors.length === 0;
    this.#append(this.#isComplete ? `${end}${indexes}}}\n` : `${end}${indexes}}`);
  }

  #renderOne(): void {
    const cursor = this.#cursors[this.#cursors.length - 1] as Cursor;
    const { level } = cursor;
    if (cursor.position === level.children.length) {
      this.#close(level);
      return;
    }
    const separator = cursor.position === 0 ? '{' : ',{';
    const child = level.children[cursor.position++] as Node;
    this.#append(separator + renderHead(child, this.#nowMs));
    const below = level.below?.get(child);
    if (below !== undefined) this.#open(below);
    else this.#append(`,"modifiedIndex":${child.modifiedIndex},"createdIndex":${child.createdIndex}}`);
  }

  #append(text: string): void {
    if (this.#partSizeBytes + text.length > this.#part.length) this.#startPart(text.length);
    this.#part.latin1Write(text, this.#partSizeBytes, text.length);
    this.#partSizeBytes += text.length;
  }

  #startPart(neededBytes: number): void {
    this.#parts.push(this.#part.subarray(0, this.#partSizeBytes));
    this.#part = Buffer.allocUnsafeSlow(Math.max(neededBytes, PART_SIZE_BYTES));
    this.#partSizeBytes = 0;
  }
}

/** Length of the runs that are sorted at one go. */
const RUN_LENGTH = 256;

/** Merge sort that pauses after each run and each run's worth of merging. Order: the bytes of the keys, as etcd's. */
function* sortByPath(level: Level): Generator<void> {
  const { length } = level.children;
  let from = level.children;
  for (let start = 0; start < length; start += RUN_LENGTH) {
    const run = from.slice(start, start + RUN_LENGTH).sort(byPath);
    for (let position = 0; position < run.length; position++) from[start + position] = run[position] as Node;
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
