/** Entry of a thread that sends back each frame it gets. */
import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell } from '../../src/ring/doorbell.ts';
import { RingConsumer, RingProducer } from '../../src/ring/ring.ts';

export interface EchoSetup {
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  readonly echoBell: SharedArrayBuffer;
  readonly senderBell: SharedArrayBuffer;
  readonly isParking: boolean;
  readonly rounds: number;
}

const { incoming, outgoing, echoBell, senderBell, isParking, rounds } = workerData as EchoSetup;
const consumer = new RingConsumer(incoming);
const producer = new RingProducer(outgoing);
const own = new Doorbell(new Int32Array(echoBell));
const sender = new Doorbell(new Int32Array(senderBell));
const hasWork = (): boolean => !consumer.isEmpty();

parentPort?.postMessage('ready');
for (let round = 0; round < rounds; round++) {
  while (!consumer.next()) if (isParking) own.park(hasWork, Number.POSITIVE_INFINITY);
  const got = consumer.view.getInt32(consumer.frameOffset, true);
  consumer.release();
  producer.view.setInt32(producer.tryClaim(consumer.frameSizeBytes), got, true);
  producer.publish();
  sender.ring();
}
