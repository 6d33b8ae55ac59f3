/**
 * Looks at the nodes that the next commands are about, all of them one after the other, so that their memory is in the
 * caches when it is wanted.
 *
 * Among many keys nearly all that a write costs is waiting for memory: the place in the index, then the node, its path,
 * its value, its directory, each known only when the one before is there. The waits of one command come one after the
 * other, and those of the next only then. Here is nothing between them but a few additions, so the processor goes ahead
 * and waits for several nodes at once (native-bench, "100 k keys at depth 3"; native-bench/micro, the store worker alone).
 *
 * It changes nothing, and a wrong guess costs nothing but its time.
 */
import { isAsleep } from './sleepers.ts';
import { hashOfPathBytes, NATIVE_FROM_LENGTH } from './state-hash.ts';
import type { Tree } from './tree.ts';

/** More would push each other out of the nearest cache. */
export const PREFETCHED_PATHS_MAX = 32;

const LINE_SIZE_BYTES = 64;
/** Of a record: what follows, the processor fetches by itself once somebody reads on. */
const SEEN_SIZE_BYTES = 384;

export class Prefetch {
  /** The sum of what was looked at, which is of no use; without it the compiler leaves the looking out. */
  trace = 0;
  readonly #tree: Tree;
  readonly #hashes = new Int32Array(PREFETCHED_PATHS_MAX);
  #count = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** One of the next commands is about the path at `bytes[at]`. No more than `PREFETCHED_PATHS_MAX` before `fetch`. */
  note(bytes: Buffer, at: number, length: number): void {
    // The hash of a longer one would cost more than is won.
    if (length < NATIVE_FROM_LENGTH) this.#hashes[this.#count++] = hashOfPathBytes(bytes, at, at + length);
  }

  /** Looks at the nodes of all paths noted. @returns how many there are. */
  fetch(): number {
    const { index, sleepers } = this.#tree;
    const hashes = this.#hashes;
    const count = this.#count;
    let trace = 0;
    let found = 0;
    for (let position = 0; position < count; position++) {
      const child = index.guess(hashes[position] as number);
      trace += isAsleep(child) ? sleepers.chunkOf(child).recordAt(child) : (child?.childPosition ?? 0);
    }
    // Found once more, which is cheap now, rather than kept: a list would hold on to nodes that are removed.
    for (let position = 0; position < count; position++) {
      const node = index.guess(hashes[position] as number);
      if (node === undefined) continue;
      found++;
      if (isAsleep(node)) {
        const chunk = sleepers.chunkOf(node);
        const at = chunk.recordAt(node);
        const { bytes } = chunk;
        const end = Math.min(at + SEEN_SIZE_BYTES, bytes.length);
        for (let line = at; line < end; line += LINE_SIZE_BYTES) trace += bytes[line] as number;
        const inPlace = this.#tree.directoryOfSleeper(node).children?.[chunk.place(node)];
        trace += isAsleep(inPlace) ? 0 : 1;
        continue;
      }
      trace += node.pathLength + node.valueLength + node.pathHash;
      const inPlace = node.parent?.children?.[node.childPosition];
      trace += isAsleep(inPlace) ? 0 : (inPlace?.pathHash ?? 0);
    }
    this.trace = trace | 0;
    this.#count = 0;
    return found;
  }
}
