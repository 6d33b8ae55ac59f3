/** Has the store fetch from memory what the commands to come are about. */
import { COMMAND_HEAD_SIZE_BYTES, pathSizeBytesAt } from '../frame/command-frame.ts';
import type { LinkConsumer } from '../frame/link.ts';
import { PREFETCHED_PATHS_MAX, Prefetch } from '../store/prefetch.ts';
import type { Tree } from '../store/tree.ts';

/** A smaller tree is in the caches anyway. */
const NODES_MIN = 4096;
/** As many commands are served between two looks ahead. */
export const COMMANDS_PER_LOOK = PREFETCHED_PATHS_MAX;

export class LookAhead {
  readonly #tree: Tree;
  readonly #prefetch: Prefetch;
  readonly #offsets = new Int32Array(COMMANDS_PER_LOOK);

  constructor(tree: Tree) {
    this.#tree = tree;
    this.#prefetch = new Prefetch(tree);
  }

  /** Looks at the commands behind the one at which `requests` is. */
  look(requests: LinkConsumer): void {
    if (this.#tree.size < NODES_MIN) return;
    const offsets = this.#offsets;
    const count = requests.lookAhead(offsets);
    if (count === 0) return;
    const { ringBytes, ringView } = requests;
    for (let position = 0; position < count; position++) {
      const at = offsets[position] as number;
      this.#prefetch.note(ringBytes, at + COMMAND_HEAD_SIZE_BYTES, pathSizeBytesAt(ringView, at));
    }
    this.#prefetch.fetch();
  }
}
