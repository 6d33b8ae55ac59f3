/** Starts the workers. Their entries are siblings of this file and take its extension, so source and build run alike. */
import { type MessagePort, Worker } from 'node:worker_threads';
import type { LinkEnd } from '../frame/link.ts';
import type { JournalSetup, StoreSetup } from './setup.ts';

export function spawnStoreWorker(setup: StoreSetup, heapSizeMb: number): Worker {
  const links = setup.frontEnds.flatMap(({ requests, replies }) => [requests, replies]);
  if (setup.durable !== undefined) links.push(setup.durable.journal);
  return new Worker(siblingModule('store-worker'), {
    name: 'uetcd-store',
    workerData: setup,
    transferList: portsOf(links),
    resourceLimits: { maxOldGenerationSizeMb: heapSizeMb },
  });
}

export function spawnJournalWorker(setup: JournalSetup): Worker {
  return new Worker(siblingModule('journal-worker'), {
    name: 'uetcd-journal',
    workerData: setup,
    transferList: portsOf([setup.journal]),
  });
}

/** The file of a sibling module, `.ts` where this is `.ts`, `.js` in the build. */
export function siblingModule(name: string): URL {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return new URL(`./${name}${extension}`, import.meta.url);
}

function portsOf(links: readonly LinkEnd[]): MessagePort[] {
  return links.map(({ port }) => port);
}
