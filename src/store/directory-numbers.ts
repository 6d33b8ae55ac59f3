/**
 * Numbers for the directories of a tree: a key that sleeps knows its own by it (sleepers.ts). To find it by its path would
 * cost nearly a quarter of the store worker's time (native-bench, "set-100k-keys").
 */
import type { Node } from './node.ts';

export class DirectoryNumbers {
  readonly #directories: (Node | undefined)[] = [];
  readonly #free: number[] = [];

  /** A directory enters the tree. */
  give(directory: Node): void {
    directory.number = this.#free.pop() ?? this.#directories.length;
    this.#directories[directory.number] = directory;
  }

  /** It leaves the tree, and no key in it sleeps. */
  take(directory: Node): void {
    this.#directories[directory.number] = undefined;
    this.#free.push(directory.number);
  }

  of(number: number): Node {
    return this.#directories[number] as Node;
  }
}
