/** What happened to the key space: one per etcd index. Source: etcd v2 API, and server/etcdserver/api/v2store/event.go. */
import type { Node } from './node.ts';

/** Action codes in the order of `ACTION_NAMES`; they stand in snapshots, so append only. */
export const Action = {
  set: 0,
  create: 1,
  update: 2,
  compareAndSwap: 3,
  delete: 4,
  compareAndDelete: 5,
  expire: 6,
} as const;
export type Action = (typeof Action)[keyof typeof Action];

export const ACTION_NAMES = ['set', 'create', 'update', 'compareAndSwap', 'delete', 'compareAndDelete', 'expire'];

export class StoreEvent {
  readonly action: Action;
  /** The etcd index that this event took. */
  readonly index: number;
  /** When it happened, epoch ms: the `ttl` fields of the event are counted from here for ever. */
  readonly timeMs: number;
  /** A refresh wakes no watcher, neither live nor looking back. */
  readonly isRefresh: boolean;
  /** The node as written; undefined for delete, compareAndDelete and expire, which tell of `prevNode`. */
  readonly node: Node | undefined;
  readonly prevNode: Node | undefined;

  constructor(
    action: Action,
    index: number,
    timeMs: number,
    isRefresh: boolean,
    node: Node | undefined,
    prevNode: Node | undefined,
  ) {
    this.action = action;
    this.index = index;
    this.timeMs = timeMs;
    this.isRefresh = isRefresh;
    this.node = node;
    this.prevNode = prevNode;
  }

  /** The node that the event is about: every event has one of the two. */
  get subject(): Node {
    return (this.node ?? this.prevNode) as Node;
  }

  /** Whether a directory and all in it went away. */
  get isDirectoryRemoval(): boolean {
    return this.node === undefined && (this.prevNode as Node).isDirectory;
  }
}
