/**
 * What front ends may have kept of what they have read (`front/exchange/read-cache.ts`), by positions of
 * `ReadVersions`. A write costs one look into a small table of this thread, and more only when somebody may have kept
 * what it changes (native-bench, "get-64" against "set-64").
 */
import { POSITIONS_COUNT, ReadVersions } from '../frame/read-versions.ts';
import type { Node } from '../store/node.ts';

export class KeptReads {
  readonly #versions: ReadVersions;
  readonly #isKept = new Uint8Array(POSITIONS_COUNT);
  #countedReads = 0;

  constructor(versions: ReadVersions) {
    this.#versions = versions;
  }

  /** The answer that shows `node` as it is may be kept. @returns its version, at the position of the node's path. */
  versionToKeep(node: Node): number {
    const position = ReadVersions.positionOf(node.pathHash);
    this.#isKept[position] = 1;
    return this.#versions.at(position);
  }

  /** For `Tree.onChange`. */
  readonly changed = (pathHash: number): void => {
    const position = ReadVersions.positionOf(pathHash);
    if (this.#isKept[position] === 0) return;
    this.#isKept[position] = 0;
    this.#versions.move(position);
  };

  /** How many reads the front ends have answered since the last call, of which the store has not heard otherwise. */
  takeReads(): number {
    const { readsCount } = this.#versions;
    const fresh = readsCount - this.#countedReads;
    this.#countedReads = readsCount;
    return fresh;
  }
}
