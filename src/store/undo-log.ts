/**
 * Takes back the writes that the disk refused. The store runs ahead of the disk; when the disk fails, nobody has been
 * told of the writes above the durable watermark, and no reader may ever see them. Events remember what they replaced
 * (nodes of keys are immutable), so undoing is a few steps an event, latest first. Watchers and counters are left alone.
 */
import { InvariantError } from '../base/assert.ts';
import type { ByteString } from '../base/byte-string.ts';
import type { StoreEvent } from './event.ts';
import type { EventHistory } from './event-history.ts';
import type { Node } from './node.ts';
import { parentPathOf, type Tree } from './tree.ts';

interface Entry {
  /** Of the command that caused it. */
  readonly sequence: number;
  readonly event: StoreEvent;
  /** The node that was taken out of the tree, with all below it; undefined when the event removed nothing. */
  readonly removed: Node | undefined;
}

/** The parts of a store that an undo turns back. */
export interface Undoable {
  readonly tree: Tree;
  readonly history: EventHistory;
  index: number;
}

export class UndoLog {
  #entries: Entry[] = [];
  #first = 0;
  /** Sequence of the command being applied; set by whoever counts commands. */
  sequence = 0;

  get length(): number {
    return this.#entries.length - this.#first;
  }

  record(event: StoreEvent, removed: Node | undefined): void {
    this.#entries.push({ sequence: this.sequence, event, removed });
  }

  /** Forgets the events of commands up to `durableSequence`, which are safe. */
  trim(durableSequence: number): void {
    const entries = this.#entries;
    while (this.#first < entries.length && (entries[this.#first] as Entry).sequence <= durableSequence) this.#first++;
    if (this.#first === entries.length) entries.length = 0;
    else if (this.#first < 1024 || this.#first < entries.length / 2) return;
    else this.#entries = entries.slice(this.#first);
    this.#first = 0;
  }

  /** Undoes every event recorded and not trimmed. @returns how many. */
  rollBack(store: Undoable): number {
    const count = this.length;
    while (this.length > 0) undo(store, this.#entries.pop() as Entry);
    return count;
  }
}

function undo(store: Undoable, { event, removed }: Entry): void {
  const { tree } = store;
  const { path } = event.subject;
  if (removed !== undefined) tree.reattach(placed(tree, parentPathOf(path)), removed);
  else if (event.prevNode === undefined) removeWithEmptyAncestors(tree, placed(tree, path), event.index);
  else if (event.prevNode.isDirectory) tree.setExpiration(placed(tree, path), event.prevNode.expirationMs);
  else tree.replace(placed(tree, path), event.prevNode);
  store.history.dropLast();
  store.index = event.index - 1;
}

/** A creation made the missing directories above it with its own index; they go with it. */
function removeWithEmptyAncestors(tree: Tree, created: Node, index: number): void {
  let node: Node | undefined = created;
  while (node?.parent !== undefined && node.createdIndex === index && (node.children?.length ?? 0) === 0) {
    const parent: Node = node.parent;
    tree.detach(node, undefined);
    node = parent;
  }
}

function placed(tree: Tree, path: ByteString): Node {
  const node = tree.find(path);
  if (node === undefined) throw new InvariantError(`undo finds no node at ${path}`);
  return node;
}
