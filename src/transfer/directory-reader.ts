/** The nodes of a data directory, all of them, in the order of a dump; without changing anything in the directory. */

import type { Node } from '../store/node.ts';
import { Store } from '../store/store.ts';
import type { Tree } from '../store/tree.ts';
import { recoverStore } from '../workers/store-recovery.ts';
import { readOnlyLayer } from './read-only-layer.ts';
import type { TransferNode } from './transfer-node.ts';

const NODES_PER_BATCH = 1000;
/** A batch may end early: values can be large. */
const BATCH_LENGTH_MAX = 1024 * 1024;
/** Nobody looks back here. */
const HISTORY_EVENTS = 1;

export interface DirectoryContents {
  readonly etcdIndex: number;
  readonly batches: Iterable<readonly TransferNode[]>;
}

/** @throws DamagedJournalError, as a start of the server would. */
export function readDirectory(directory: string): DirectoryContents {
  const store = new Store(HISTORY_EVENTS, true);
  recoverStore(store, directory, readOnlyLayer, false, () => {});
  return { etcdIndex: store.index, batches: batchesOf(store.tree) };
}

function* batchesOf(tree: Tree): Generator<readonly TransferNode[]> {
  let batch: TransferNode[] = [];
  let length = 0;
  for (const node of nodesBelow(tree)) {
    batch.push(transferNodeOf(node));
    length += node.path.length + node.value.length;
    if (batch.length < NODES_PER_BATCH && length < BATCH_LENGTH_MAX) continue;
    yield batch;
    batch = [];
    length = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Each directory before what is in it; each level by the bytes of the keys, as a sorted listing is. */
function* nodesBelow(tree: Tree): Generator<Node> {
  // A stack of our own: generators in generators would pass each node up through all levels.
  const stack = lastFirst(tree, tree.root);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node;
    if (node.isDirectory) for (const child of lastFirst(tree, node)) stack.push(child);
  }
}

function lastFirst(tree: Tree, directory: Node): Node[] {
  return [...tree.childrenOf(directory)].sort((one, other) => (one.path < other.path ? 1 : -1));
}

function transferNodeOf({ path, value, isDirectory, expirationMs, modifiedIndex, createdIndex }: Node): TransferNode {
  return { key: path, value: isDirectory ? undefined : value, expirationMs, modifiedIndex, createdIndex };
}
