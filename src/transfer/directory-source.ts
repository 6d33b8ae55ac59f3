/**
 * The key space that lies in a data directory, hidden nodes and all, while no server has it. A worker reads it, with a
 * heap of the size that the server's store may have: whatever was served can be dumped.
 */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { siblingModule, threadFlags } from '../base/sibling-module.ts';
import { listDirectory } from '../journal/directory.ts';
import { lockDirectory } from '../journal/directory-lock.ts';
import { readOnlyLayer } from './read-only-layer.ts';
import type { Source, TransferNode } from './transfer-node.ts';

/** From the worker; each message but the first is the answer to one of ours. */
export type DirectoryMessage =
  | { readonly kind: 'ready'; readonly etcdIndex: number }
  /** Undefined: there are no more. */
  | { readonly kind: 'batch'; readonly nodes: readonly TransferNode[] | undefined };

/**
 * Takes the directory until the source is closed.
 * @throws DirectoryInUseError when a server has it, DamagedJournalError when a start of the server would be refused.
 */
export async function openDirectorySource(name: string, heapSizeMb: number): Promise<Source> {
  const directory = resolve(name);
  checkDirectory(directory);
  const lock = await lockDirectory(directory);
  const worker = new Worker(siblingModule(import.meta.url, 'directory-worker'), {
    name: 'uetcd-directory',
    workerData: directory,
    ...threadFlags,
    resourceLimits: { maxOldGenerationSizeMb: heapSizeMb },
  });
  const close = async () => {
    await worker.terminate();
    await lock.release();
  };
  try {
    const ready = await nextMessage(worker);
    assert(ready.kind === 'ready', 'the worker is ready first');
    return { name, etcdIndex: ready.etcdIndex, includesHidden: true, batches: batchesFrom(worker), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An empty dump of the wrong directory would be found out too late. */
function checkDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(`${directory} is not a directory`);
  }
  const { segments, snapshots } = listDirectory(directory, readOnlyLayer);
  if (segments.length === 0 && snapshots.length === 0) {
    throw new Error(`${directory} is not a data directory of uetcd: there is no journal in it`);
  }
}

async function* batchesFrom(worker: Worker): AsyncGenerator<readonly TransferNode[]> {
  for (;;) {
    worker.postMessage('next');
    const message = await nextMessage(worker);
    assert(message.kind === 'batch', 'the worker answers with a batch');
    if (message.nodes === undefined) return;
    yield message.nodes;
  }
}

async function nextMessage(worker: Worker): Promise<DirectoryMessage> {
  const [message] = await once(worker, 'message');
  return message as DirectoryMessage;
}
