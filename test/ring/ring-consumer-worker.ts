/** Entry of a thread that takes a stream of frames from a ring and checks each; it parks whenever the ring is empty. */
import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell } from '../../src/ring/doorbell.ts';
import { RingConsumer } from '../../src/ring/ring.ts';
import { FrameStream, RandomNumbers } from './frame-stream.ts';
import { pause, type StreamReport, type StreamSetup } from './two-threads.ts';

const { ring, bell, frames, seed, frameSizeBytesMax, batchFramesMax, batchesPerPause } = workerData as StreamSetup;
const consumer = new RingConsumer(ring);
const doorbell = new Doorbell(new Int32Array(bell));
const stream = new FrameStream(seed, frameSizeBytesMax);
const random = new RandomNumbers(seed + 2);
const hasWork = () => !consumer.isEmpty();

let bytes = 0;
let leftInBatch = 1;
while (stream.number < frames) {
  if (!consumer.next()) {
    consumer.release();
    doorbell.park(hasWork, Number.POSITIVE_INFINITY);
    continue;
  }
  if (random.next(256) === 0) {
    // As when the durability gate holds it.
    consumer.unread();
    consumer.next();
  }
  stream.check(consumer);
  bytes += stream.sizeBytes;
  stream.step();
  if (--leftInBatch > 0) continue;
  consumer.release();
  leftInBatch = 1 + random.next(batchFramesMax);
  if (random.next(batchesPerPause) === 0) pause(random);
}
consumer.release();
if (hasWork()) throw new Error('there are more frames than were sent');
parentPort?.postMessage({ frames: stream.number, bytes, waits: doorbell.parks } satisfies StreamReport);
