/**
 * Who waits for what. Watchers stand under the path they watch; an event at K asks at K and at each directory above K,
 * through the nodes' own path strings, so that nothing is sliced or joined and a store without watchers pays one
 * comparison. Source: v2store/watcher_hub.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import type { StoreEvent } from './event.ts';
import type { Node } from './node.ts';
import { WatcherList } from './watcher-list.ts';

/** One open watch. `id` is the caller's name for it and is all that the hub gives back. */
export interface Watcher {
  readonly id: number;
  readonly path: ByteString;
  readonly isRecursive: boolean;
  /** A stream stays after its first event. */
  readonly isStream: boolean;
  /** Events before this etcd index are not meant. */
  readonly sinceIndex: number;
  /** Whose it is; undefined for nobody's. */
  readonly client: Client | undefined;
  /** In the list of its path. */
  position: number;
}

/** How many there may be; what is left out has no bound. */
export interface WatcherBounds {
  readonly watchersMax?: number;
  /** Of one client. */
  readonly clientWatchersMax?: number;
}

/** Who has open watches. */
interface Client {
  readonly key: string;
  count: number;
}

export class WatcherHub {
  readonly #byPath = new Map<ByteString, WatcherList>();
  readonly #byId = new Map<number, Watcher>();
  readonly #clients = new Map<string, Client>();
  readonly #watchersMax: number;
  readonly #clientWatchersMax: number;

  constructor({ watchersMax, clientWatchersMax }: WatcherBounds = {}) {
    this.#watchersMax = watchersMax ?? Number.POSITIVE_INFINITY;
    this.#clientWatchersMax = clientWatchersMax ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Whether there is no place for another watcher. */
  get isFull(): boolean {
    return this.#byId.size >= this.#watchersMax;
  }

  /** Whether there is a place for another watcher of this client. @param client empty: nobody's. */
  hasPlaceFor(client: string): boolean {
    return !this.isFull && (this.#clients.get(client)?.count ?? 0) < this.#clientWatchersMax;
  }

  add(id: number, path: ByteString, isRecursive: boolean, isStream: boolean, sinceIndex: number, key = ''): void {
    let list = this.#byPath.get(path);
    if (list === undefined) {
      list = new WatcherList();
      this.#byPath.set(path, list);
    }
    const client = this.#counted(key);
    const watcher = { id, path, isRecursive, isStream, sinceIndex, client, position: 0 };
    list.add(watcher);
    this.#byId.set(id, watcher);
  }

  /** One more of a client. */
  #counted(key: string): Client | undefined {
    if (key === '') return undefined;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = { key, count: 0 };
      this.#clients.set(key, client);
    }
    client.count++;
    return client;
  }

  /** Ends a watch; false when it has ended already. */
  cancel(id: number): boolean {
    const watcher = this.#byId.get(id);
    if (watcher === undefined) return false;
    this.#forget(watcher);
    const list = this.#byPath.get(watcher.path) as WatcherList;
    list.remove(watcher);
    if (list.isEmpty) this.#byPath.delete(watcher.path);
    return true;
  }

  /**
   * Appends to `recipients` each watcher that an event concerns, once, and lets those that are no streams go. From the root
   * downwards, and at each path in the order in which they came, as etcd does.
   * @param parent the directory of the node that the event is about.
   */
  collect(event: StoreEvent, parent: Node | undefined, recipients: Watcher[]): void {
    if (this.#byId.size === 0) return;
    const { path } = event.subject;
    this.#collectAbove(path, parent, event.index, recipients);
    this.#collectAt(path, event.index, true, recipients);
  }

  #collectAbove(path: ByteString, directory: Node | undefined, index: number, recipients: Watcher[]): void {
    if (directory === undefined) return;
    this.#collectAbove(path, directory.parent, index, recipients);
    if (this.#byPath.has(directory.path) && !isHiddenBelow(directory.path, path)) {
      this.#collectAt(directory.path, index, false, recipients);
    }
  }

  /** The same for the watchers at a node that goes away with its directory: recursive or not, hidden or not. */
  collectRemoved(path: ByteString, index: number, recipients: Watcher[]): void {
    this.#collectAt(path, index, true, recipients);
  }

  #collectAt(path: ByteString, index: number, isForAll: boolean, recipients: Watcher[]): void {
    const list = this.#byPath.get(path);
    if (list === undefined) return;
    const first = recipients.length;
    list.collect(index, isForAll, recipients);
    if (list.isEmpty) this.#byPath.delete(path);
    for (let position = first; position < recipients.length; position++) {
      const watcher = recipients[position] as Watcher;
      if (!watcher.isStream) this.#forget(watcher);
    }
  }

  #forget({ id, client }: Watcher): void {
    this.#byId.delete(id);
    if (client !== undefined && --client.count === 0) this.#clients.delete(client.key);
  }
}

/** Whether an element of `path` after `ancestor` begins with `_`. */
function isHiddenBelow(ancestor: ByteString, path: ByteString): boolean {
  return path.indexOf('/_', ancestor.length) !== -1;
}
