/** Entry of the journal worker: when told what recovery found, opens the journal behind it, and syncs until told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { SpareHeap } from '../base/spare-heap.ts';
import { LinkConsumer } from '../frame/link.ts';
import { JournalState, SharedWords } from '../frame/shared-words.ts';
import { nodeFileLayer } from '../journal/file-layer.ts';
import { JournalWriter } from '../journal/journal-writer.ts';
import { WorkerMetrics } from '../metrics/worker-metrics.ts';
import { Doorbell } from '../ring/doorbell.ts';
import { SpinPolicy } from '../ring/spin-policy.ts';
import { crashHook } from './crash-hook.ts';
import { runDuty } from './duty-loop.ts';
import { JournalDuty } from './journal-duty.ts';
import { measuredFileLayer } from './measured-file-layer.ts';
import { QuietDuty } from './quiet-duty.ts';
import type { JournalBegin, JournalSetup, WorkerMessage } from './setup.ts';
import { serveSnapshots } from './snapshot-helper.ts';

assert(parentPort !== null, 'the journal worker is a worker');
const say = (message: WorkerMessage) => parentPort?.postMessage(message);

const setup = workerData as JournalSetup;
const words = new SharedWords(setup.words);
const frontEndBells = setup.frontEndBells.map((bell) => new Doorbell(new Int32Array(bell)));
const storeBell = new Doorbell(new Int32Array(setup.storeBell));
const metrics = setup.metrics && new WorkerMetrics(setup.metrics);
serveSnapshots(setup.snapshotHelper, nodeFileLayer);
parentPort.once('message', run);

function run({ lastSequence }: JournalBegin): void {
  setup.snapshotHelper.port.close();
  const files = metrics === undefined ? nodeFileLayer : measuredFileLayer(nodeFileLayer, metrics);
  const writer = JournalWriter.open(setup.directory, files, {
    nextSequence: lastSequence + 1,
    segmentSizeBytesMax: setup.segmentSizeBytesMax,
    crashPoint: crashHook(),
  });
  words.durableSequence = lastSequence;
  words.journalState = JournalState.running;
  say({ kind: 'ready', lastSequence, etcdIndex: 0, nodes: 0 });
  runDuty(
    new JournalDuty(new LinkConsumer(setup.journal), writer, words, frontEndBells, storeBell, say),
    new Doorbell(new Int32Array(setup.bell)),
    () => words.isJournalStopping,
    new SpinPolicy(setup.spinMs, setup.waitedIntervalMsMax),
    metrics,
    new QuietDuty(new SpareHeap((bytes) => metrics?.gaveBack(bytes)), () => 1),
  );
  if (words.journalState === JournalState.running) writer.close();
}
