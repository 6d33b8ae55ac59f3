/**
 * The directories in a directory, beside the list of all its children. What a listing shows of a key is fixed by the
 * reference, but of a directory it needs a copy at its start; looking for the few directories among a hundred thousand keys
 * would hold up everybody for that long (native-bench, "listing"). Only directories with directories in them take room.
 */
import type { Node } from './node.ts';

const NONE: ReadonlySet<Node> = new Set();

export class ChildDirectories {
  readonly #byParent = new Map<Node, Set<Node>>();

  /** How many directories have any in them. */
  get parentsCount(): number {
    return this.#byParent.size;
  }

  /** In the order of arrival. */
  of(parent: Node): ReadonlySet<Node> {
    return this.#byParent.get(parent) ?? NONE;
  }

  add(parent: Node, directory: Node): void {
    let directories = this.#byParent.get(parent);
    if (directories === undefined) {
      directories = new Set();
      this.#byParent.set(parent, directories);
    }
    directories.add(directory);
  }

  remove(parent: Node, directory: Node): void {
    const directories = this.#byParent.get(parent);
    if (directories?.delete(directory) && directories.size === 0) this.#byParent.delete(parent);
  }

  /** A directory goes away with all that is in it. */
  forget(parent: Node): void {
    this.#byParent.delete(parent);
  }
}
