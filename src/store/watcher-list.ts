/**
 * The watchers of one path, in the order in which they came: who has waited longest hears first, as in etcd. Locks are fair by
 * that: their holders' keys are waited for by many, and the first to be told is mostly the first to ask.
 *
 * One that leaves leaves a gap, which is closed when half of the list are gaps: nothing is moved for each.
 */
import type { Watcher } from './watcher-hub.ts';

export class WatcherList {
  #watchers: (Watcher | undefined)[] = [];
  #gaps = 0;

  get isEmpty(): boolean {
    return this.#gaps === this.#watchers.length;
  }

  add(watcher: Watcher): void {
    watcher.position = this.#watchers.length;
    this.#watchers.push(watcher);
  }

  /** Takes out one that is here. */
  remove(watcher: Watcher): void {
    this.#watchers[watcher.position] = undefined;
    this.#gaps++;
    if (2 * this.#gaps > this.#watchers.length) this.#close();
  }

  /** Appends to `recipients` those whom the event of `index` concerns, and takes out those of them that are no streams. */
  collect(index: number, isForAll: boolean, recipients: Watcher[]): void {
    const watchers = this.#watchers;
    const { length } = watchers;
    for (let position = 0; position < length; position++) {
      const watcher = watchers[position];
      if (watcher === undefined || (!isForAll && !watcher.isRecursive) || index < watcher.sinceIndex) continue;
      recipients.push(watcher);
      if (watcher.isStream) continue;
      watchers[position] = undefined;
      this.#gaps++;
    }
    if (2 * this.#gaps > length) this.#close();
  }

  #close(): void {
    const watchers: Watcher[] = [];
    for (const watcher of this.#watchers) {
      if (watcher === undefined) continue;
      watcher.position = watchers.length;
      watchers.push(watcher);
    }
    this.#watchers = watchers;
    this.#gaps = 0;
  }
}
