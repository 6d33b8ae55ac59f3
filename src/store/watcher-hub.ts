/**
 * Who waits for what. Watchers stand under the path they watch; an event at K asks at K and at each directory above K,
 * through the nodes' own path strings, so that nothing is sliced or joined and a store without watchers pays one
 * comparison. Source: v2store/watcher_hub.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import type { StoreEvent } from './event.ts';
import type { Node } from './node.ts';

/** One open watch. `id` is the caller's name for it and is all that the hub gives back. */
export interface Watcher {
  readonly id: number;
  readonly path: ByteString;
  readonly isRecursive: boolean;
  /** A stream stays after its first event. */
  readonly isStream: boolean;
  /** Events before this etcd index are not meant. */
  readonly sinceIndex: number;
  /** Where the list of its path holds it. */
  position: number;
}

export class WatcherHub {
  readonly #byPath = new Map<ByteString, Watcher[]>();
  readonly #byId = new Map<number, Watcher>();
  readonly #watchersMax: number;

  constructor(watchersMax = Number.POSITIVE_INFINITY) {
    this.#watchersMax = watchersMax;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Whether there is no place for another watcher. */
  get isFull(): boolean {
    return this.#byId.size >= this.#watchersMax;
  }

  add(id: number, path: ByteString, isRecursive: boolean, isStream: boolean, sinceIndex: number): void {
    let list = this.#byPath.get(path);
    if (list === undefined) {
      list = [];
      this.#byPath.set(path, list);
    }
    const watcher = { id, path, isRecursive, isStream, sinceIndex, position: list.length };
    list.push(watcher);
    this.#byId.set(id, watcher);
  }

  /** Ends a watch; false when it has ended already. */
  cancel(id: number): boolean {
    const watcher = this.#byId.get(id);
    if (watcher === undefined) return false;
    this.#remove(watcher);
    return true;
  }

  /**
   * Appends to `recipients` each watcher that an event concerns, once, and lets those that are no streams go.
   * @param place the node that the event is about while it stands in the tree, or its directory when it was removed.
   */
  collect(event: StoreEvent, parent: Node | undefined, recipients: Watcher[]): void {
    if (this.#byId.size === 0) return;
    const path = event.subject.path;
    this.#collectAt(path, event.index, true, recipients);
    for (let directory = parent; directory !== undefined; directory = directory.parent) {
      if (this.#byPath.has(directory.path) && !isHiddenBelow(directory.path, path)) {
        this.#collectAt(directory.path, event.index, false, recipients);
      }
    }
  }

  /** The same for the watchers at a node that goes away with its directory: recursive or not, hidden or not. */
  collectRemoved(path: ByteString, index: number, recipients: Watcher[]): void {
    this.#collectAt(path, index, true, recipients);
  }

  #collectAt(path: ByteString, index: number, isForAll: boolean, recipients: Watcher[]): void {
    const list = this.#byPath.get(path);
    if (list === undefined) return;
    // Backwards, because a removal fills its gap with the last watcher, which has been seen then.
    for (let position = list.length - 1; position >= 0; position--) {
      const watcher = list[position] as Watcher;
      if ((!isForAll && !watcher.isRecursive) || index < watcher.sinceIndex) continue;
      recipients.push(watcher);
      if (!watcher.isStream) this.#remove(watcher);
    }
  }

  #remove(watcher: Watcher): void {
    this.#byId.delete(watcher.id);
    const list = this.#byPath.get(watcher.path) as Watcher[];
    const last = list.pop() as Watcher;
    if (last !== watcher) {
      list[watcher.position] = last;
      last.position = watcher.position;
    }
    if (list.length === 0) this.#byPath.delete(watcher.path);
  }
}

/** Whether an element of `path` after `ancestor` begins with `_`. */
function isHiddenBelow(ancestor: ByteString, path: ByteString): boolean {
  return path.indexOf('/_', ancestor.length) !== -1;
}
