/**
 * Entry of a thread that sends a frame only after it has got one, and parks until then: of two such threads one is
 * always about to park while the other is about to ring. A single lost wake-up stops both.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell } from '../../src/ring/doorbell.ts';
import { RingConsumer, RingProducer } from '../../src/ring/ring.ts';
import { RandomNumbers } from './frame-stream.ts';
import { pause, type StreamReport } from './two-threads.ts';

export interface PingPongSetup {
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  readonly ownBell: SharedArrayBuffer;
  readonly otherBell: SharedArrayBuffer;
  readonly rounds: number;
  readonly seed: number;
  readonly begins: boolean;
}

const { incoming, outgoing, ownBell, otherBell, rounds, seed, begins } = workerData as PingPongSetup;
const consumer = new RingConsumer(incoming);
const producer = new RingProducer(outgoing);
const own = new Doorbell(new Int32Array(ownBell));
const other = new Doorbell(new Int32Array(otherBell));
const random = new RandomNumbers(seed);
const hasWork = () => !consumer.isEmpty();

if (begins) send(0);
for (let round = 0; round < rounds; round++) {
  while (!consumer.next()) own.park(hasWork, Number.POSITIVE_INFINITY);
  const got = consumer.view.getInt32(consumer.frameOffset, true);
  if (got !== round) throw new Error(`got ${got} in round ${round}`);
  consumer.release();
  if (random.next(4) === 0) pause(random);
  if (!begins || round + 1 < rounds) send(begins ? round + 1 : round);
}
parentPort?.postMessage({ frames: rounds, bytes: 4 * rounds, waits: own.parks } satisfies StreamReport);

function send(round: number): void {
  producer.view.setInt32(producer.tryClaim(4), round, true);
  producer.publish();
  other.ring();
}
