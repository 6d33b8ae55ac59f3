/**
 * The last events of the whole store, by which a watch looks back. Since each etcd index is one event, the event of an
 * index is found by arithmetic. Source: etcd v2 API, "Waiting for a change"; v2store/event_history.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import type { StoreEvent } from './event.ts';
import { Failure } from './failure.ts';

/** Index of the first event of a store's life: with it the API document begins. */
export const FIRST_EVENT_INDEX = 2;

export class EventHistory {
  readonly #events: (StoreEvent | undefined)[];
  /** Index of the oldest and the latest event held; both 0 while there is none. */
  firstIndex = 0;
  lastIndex = 0;

  constructor(eventsMax: number) {
    this.#events = new Array(eventsMax).fill(undefined);
  }

  /** How many events it holds. */
  get size(): number {
    return this.lastIndex === 0 ? 0 : this.lastIndex - this.firstIndex + 1;
  }

  /** What the event takes, about, that the next one will push out; 0 while there is room for more. */
  get nextForgottenBytes(): number {
    if (this.size < this.#events.length) return 0;
    const event = this.#events[this.firstIndex % this.#events.length];
    return (event?.node?.valueLength ?? 0) + (event?.prevNode?.valueLength ?? 0);
  }

  get capacity(): number {
    return this.#events.length;
  }

  add(event: StoreEvent): void {
    const events = this.#events;
    events[event.index % events.length] = event;
    this.lastIndex = event.index;
    if (this.firstIndex === 0) this.firstIndex = event.index;
    else if (this.lastIndex - this.firstIndex >= events.length) this.firstIndex = this.lastIndex - events.length + 1;
  }

  /**
   * Makes up for events that were not added when they happened.
   * @param firstIndex of the first of them, behind those that were there before. @param lastIndex of the last event of all.
   * @param make gives the event of an index that lacks one and is still to be held.
   */
  complete(firstIndex: number, lastIndex: number, make: (index: number) => StoreEvent): void {
    const events = this.#events;
    const oldest = lastIndex - events.length + 1;
    for (let index = Math.max(firstIndex, oldest); index <= lastIndex; index++) {
      const place = index % events.length;
      if (events[place]?.index !== index) events[place] = make(index);
    }
    const wasFirst = this.firstIndex === 0 ? firstIndex : Math.min(this.firstIndex, firstIndex);
    this.firstIndex = Math.max(wasFirst, oldest);
    this.lastIndex = lastIndex;
  }

  /** Forgets the latest event, which is being undone. */
  dropLast(): void {
    this.#events[this.lastIndex % this.#events.length] = undefined;
    this.lastIndex--;
    // Nothing was ever dropped before the first event; elsewhere the past stays cleared up to where it was.
    if (this.lastIndex < this.firstIndex && this.firstIndex === FIRST_EVENT_INDEX) this.firstIndex = this.lastIndex = 0;
  }

  /** The event of an index within [firstIndex, lastIndex]. */
  at(index: number): StoreEvent {
    return this.#events[index % this.#events.length] as StoreEvent;
  }

  /**
   * Looks in the past for what a watch on `path` has missed.
   * @param since etcd index, inclusive. Beyond `lastIndex` means the future: not an error.
   * @returns the oldest matching event; undefined when the watch must wait; 401 with cause `[first/since]` when the
   *   history no longer reaches back that far.
   */
  scan(path: ByteString, isRecursive: boolean, since: number): StoreEvent | Failure | undefined {
    // Where nothing has ever been dropped, nothing before the first event can have been missed.
    if (since < this.firstIndex && this.firstIndex > FIRST_EVENT_INDEX) {
      return new Failure(401, `the requested history has been cleared [${this.firstIndex}/${since}]`);
    }
    if (since > this.lastIndex) return undefined;
    for (let index = Math.max(since, this.firstIndex); index <= this.lastIndex; index++) {
      const event = this.at(index);
      if (!event.isRefresh && isSeenFrom(path, isRecursive, event)) return event;
    }
    return undefined;
  }
}

/**
 * Whether a watch that looks back sees an event. Two things differ from a live watch, as in etcd: hidden keys are
 * seen, and a watch below a removed directory sees its removal whether or not its own key existed then.
 * Unlike etcd, the removal of `/foo` is nothing to a watch on `/foobar`.
 */
function isSeenFrom(path: ByteString, isRecursive: boolean, event: StoreEvent): boolean {
  const eventPath = event.subject.path;
  if (eventPath === path) return true;
  if (isRecursive && isBelow(eventPath, path)) return true;
  return event.isDirectoryRemoval && isBelow(path, eventPath);
}

function isBelow(path: ByteString, ancestor: ByteString): boolean {
  return path.length > ancestor.length && path.charCodeAt(ancestor.length) === SLASH && path.startsWith(ancestor);
}

const SLASH = 0x2f;
