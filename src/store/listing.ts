/**
 * The answer to a GET of a directory, made in slices so that a large listing does not hold up everybody else.
 *
 * What the listing shows is fixed at the start: the references to the children are copied (a memcpy for each
 * directory), and since nodes of keys are immutable, later writes do not change what is shown. Directories do change, and
 * are copied; they are found without a look at the keys. Leaving out what is hidden, sorting and rendering then go on
 * slice by slice, between other commands.
 *
 *   new Listing(…)   copies the references: the only part that must not be interrupted
 *   step()           sorts or renders about `NODES_PER_STEP` nodes; true when the answer is complete
 *   takeParts()      the bytes, in parts of a bounded size: no buffer is ever copied to make room
 */
import type { ChildDirectories } from './child-directories.ts';
import { directorySnapshot, isHiddenChild, type Node } from './node.ts';
import { Parts } from './parts.ts';
import { renderHead } from './render.ts';

/** A directory as it was. */
interface Level {
  readonly directory: Node;
  /** Hidden ones, too; none when they are not to be shown. Sorted in place, a run at a time, when the listing is sorted. */
  children: Node[];
  /** By the directories among the visible children. */
  readonly below: Map<Node, Level> | undefined;
}

interface Cursor {
  readonly level: Level;
  position: number;
  /** Whether one of the children has been shown. */
  hasShown: boolean;
}

/** Of a directory. */
type Contents = 'recursive' | 'shown' | 'left out';

/** About a tenth of a millisecond. */
const NODES_PER_STEP = 128;
/** What sorting one run costs, in rendered nodes. */
const SORT_COST = 100;
const REFERENCE_SIZE_BYTES = 8;

export class Listing {
  readonly #nowMs: number;
  readonly #directories: ChildDirectories;
  readonly #unsorted: Level[] = [];
  readonly #cursors: Cursor[] = [];
  #sorting: Generator<void> | undefined;
  readonly #out = new Parts();
  #isComplete = false;
  #referencesBytes = 0;

  /** @param directories of the tree that the directory stands in. */
  constructor(directory: Node, directories: ChildDirectories, isRecursive: boolean, isSorted: boolean, nowMs: number) {
    this.#nowMs = nowMs;
    this.#directories = directories;
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
    if (contents === 'left out') return { directory: directorySnapshot(directory), children: [], below: undefined };
    const children = (directory.children as Node[]).slice();
    let below: Map<Node, Level> | undefined;
    for (const child of this.#directories.of(directory)) {
      if (isHiddenChild(directory, child)) continue;
      below ??= new Map();
      below.set(child, this.#levelOf(child, contents === 'recursive' ? 'recursive' : 'left out', isSorted));
    }
    this.#referencesBytes += children.length * REFERENCE_SIZE_BYTES;
    const level = { directory: directorySnapshot(directory), children, below };
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
    this.#cursors.push({ level, position: 0, hasShown: false });
  }

  #close({ level, hasShown }: Cursor): void {
    this.#cursors.pop();
    const { directory } = level;
    const out = this.#out;
    if (hasShown) out.text(']');
    if (directory.path !== '') this.#indexes(directory);
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
    const child = level.children[cursor.position++] as Node;
    if (isHiddenChild(level.directory, child)) return;
    const out = this.#out;
    out.text(cursor.hasShown ? ',{' : ',"nodes":[{');
    cursor.hasShown = true;
    const below = child.isDirectory ? (level.below?.get(child) as Level) : undefined;
    if (below === undefined) {
      this.#head(child);
      this.#indexes(child);
      out.text('}');
    } else {
      this.#head(below.directory);
      this.#open(below);
    }
  }

  /** The same as `renderHead`. */
  #head(node: Node): void {
    const out = this.#out;
    if (node.isDirectory || !node.isPathPlain || !node.isValuePlain || node.expirationMs !== undefined) {
      out.text(renderHead(node, this.#nowMs));
      return;
    }
    out.text('"key":"');
    out.text(node.path);
    out.text('","value":"');
    out.text(node.value);
    out.text('"');
  }

  #indexes(node: Node): void {
    const out = this.#out;
    out.text(',"modifiedIndex":');
    out.digits(node.modifiedIndex);
    out.text(',"createdIndex":');
    out.digits(node.createdIndex);
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
