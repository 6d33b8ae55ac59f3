/** Starts the workers. Their entries are siblings of this file and take its extension, so source and build run alike. */
import { type MessagePort, Worker } from 'node:worker_threads';
import { siblingModule, threadFlags } from '../base/sibling-module.ts';
import type { JournalSetup, StoreSetup } from './setup.ts';

export function spawnStoreWorker(setup: StoreSetup, heapSizeMb: number): Worker {
  const ends: Ported[] = setup.frontEnds.flatMap(({ requests, replies }) => [requests, replies]);
  if (setup.durable !== undefined) ends.push(setup.durable.journal, setup.durable.snapshotHelper);
  return new Worker(siblingModule(import.meta.url, 'store-worker'), {
    name: 'uetcd-store',
    workerData: setup,
    ...threadFlags,
    transferList: portsOf(ends),
    resourceLimits: { maxOldGenerationSizeMb: heapSizeMb },
  });
}

export function spawnJournalWorker(setup: JournalSetup): Worker {
  return new Worker(siblingModule(import.meta.url, 'journal-worker'), {
    name: 'uetcd-journal',
    workerData: setup,
    ...threadFlags,
    transferList: portsOf([setup.journal, setup.snapshotHelper]),
  });
}

interface Ported {
  readonly port: MessagePort;
}

function portsOf(ends: readonly Ported[]): MessagePort[] {
  return ends.map(({ port }) => port);
}
