/** Entry of the store worker: recovers, says that it is ready, and runs its duty cycle until told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { SpareHeap } from '../base/spare-heap.ts';
import { LinkConsumer } from '../frame/link.ts';
import { ReadVersions } from '../frame/read-versions.ts';
import { JournalState, SharedWords } from '../frame/shared-words.ts';
import { nodeFileLayer } from '../journal/file-layer.ts';
import { WorkerMetrics } from '../metrics/worker-metrics.ts';
import { Doorbell } from '../ring/doorbell.ts';
import { SpinPolicy } from '../ring/spin-policy.ts';
import { Store } from '../store/store.ts';
import { runDuty } from './duty-loop.ts';
import { JournalFeed } from './journal-feed.ts';
import { KeptReads } from './kept-reads.ts';
import { MemoryGuard, OutOfMemoryError, ownHeap } from './memory-guard.ts';
import { QuietDuty } from './quiet-duty.ts';
import { ReplyWriter } from './reply-writer.ts';
import type { StoreSetup, WorkerMessage } from './setup.ts';
import { SnapshotHelper } from './snapshot-helper.ts';
import { StoreDuty } from './store-duty.ts';
import { recoverStore } from './store-recovery.ts';

assert(parentPort !== null, 'the store worker is a worker');
const say = (message: WorkerMessage) => parentPort?.postMessage(message);

const setup = workerData as StoreSetup;
const words = new SharedWords(setup.words);
const frontEnds = setup.frontEnds.map(({ requests, replies, bell }) => ({
  requests: new LinkConsumer(requests),
  replies: new ReplyWriter(replies, new Doorbell(new Int32Array(bell))),
}));

const { durable } = setup;
const bell = new Doorbell(new Int32Array(setup.bell));
const { historyEventsMax, watchersMax, clientWatchersMax } = setup;
const bounds = { watchersMax, clientWatchersMax };
const warn = (text: string) => say({ kind: 'log', level: 'warn', text });
const memory = new MemoryGuard(setup.heapBytes, ownHeap(asleepBytes), {
  onFull: (isFull) =>
    warn(
      isFull
        ? "the store's memory is nearly full (--store-heap-mb): what would add to it is refused"
        : "the store's memory has room again: all is taken",
    ),
  onTight: (isTight) => {
    duty.store.tree.sleepers.isTight = isTight;
  },
});
const duty = new StoreDuty((onEvent) => new Store(historyEventsMax, durable !== undefined, onEvent, bounds), {
  frontEnds,
  words,
  nowMs: Date.now,
  keptReads: new KeptReads(new ReadVersions(setup.readVersions)),
  listingBytesMax: setup.listingBytesMax,
  memory,
});
if (durable === undefined) say({ kind: 'ready', lastSequence: 0, etcdIndex: duty.store.index, nodes: 0 });
else {
  const { directory, mustForceRecovery, commandsPerCheckpoint, journal, journalBell, snapshotHelper } = durable;
  const { lastSequence, snapshotSequence } = recoverStore(
    duty.store,
    directory,
    nodeFileLayer,
    mustForceRecovery,
    warn,
    new SnapshotHelper(snapshotHelper, () => words.isStoreStopping),
  );
  snapshotHelper.port.close();
  const { sleepers } = duty.store.tree;
  if (sleepers.heldBytes + sleepers.nodesBytes > setup.heapBytes) throw new OutOfMemoryError();
  const feedBell = new Doorbell(new Int32Array(journalBell));
  duty.journalTo(new JournalFeed(journal, feedBell, words, commandsPerCheckpoint, snapshotSequence), lastSequence);
  // Before anybody hears that it is ready: no client may be judged by a copy that does not know that rights are on.
  duty.tellSecurity();
  say({ kind: 'ready', lastSequence, etcdIndex: duty.store.index, nodes: duty.store.tree.size });
  waitForJournal();
}
const metrics = setup.metrics && new WorkerMetrics(setup.metrics);
const { tree, hub } = duty.store;
const quiet = new QuietDuty(new SpareHeap((bytes) => metrics?.gaveBack(bytes)), () => tree.size + hub.size);
runDuty(
  duty,
  bell,
  () => words.isStoreStopping,
  new SpinPolicy(setup.spinMs, setup.waitedIntervalMsMax),
  metrics,
  quiet,
);

/** Of the store that is about to be made. */
function asleepBytes(): number {
  return duty.store.tree.sleepers.nodesBytes;
}

/** Expiries are journaled, so nothing may expire before the journal worker says where the journal stands. */
function waitForJournal(): void {
  const isReady = () => words.journalState !== JournalState.none || words.isStoreStopping;
  while (!isReady()) bell.park(isReady, Number.POSITIVE_INFINITY);
}
