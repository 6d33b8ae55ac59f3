/** Entry of a thread that writes a stream of frames into a ring. */
import { parentPort, workerData } from 'node:worker_threads';
import { Doorbell } from '../../src/ring/doorbell.ts';
import { RingProducer } from '../../src/ring/ring.ts';
import { FrameStream, RandomNumbers } from './frame-stream.ts';
import { pause, type StreamReport, type StreamSetup, sleep } from './two-threads.ts';

const { ring, bell, frames, seed, frameSizeBytesMax, batchFramesMax, batchesPerPause } = workerData as StreamSetup;
const producer = new RingProducer(ring);
const doorbell = new Doorbell(new Int32Array(bell));
const stream = new FrameStream(seed, frameSizeBytesMax);
const random = new RandomNumbers(seed + 1);

let bytes = 0;
let waits = 0;
let leftInBatch = 1;
while (stream.number < frames) {
  const offset = producer.tryClaim(stream.sizeBytes);
  if (offset === -1) {
    waits++;
    handOver();
    sleep(0.05);
    continue;
  }
  stream.write(producer, offset);
  bytes += stream.sizeBytes;
  stream.step();
  if (--leftInBatch > 0) continue;
  handOver();
  leftInBatch = 1 + random.next(batchFramesMax);
  if (random.next(batchesPerPause) === 0) pause(random);
}
handOver();
parentPort?.postMessage({ frames: stream.number, bytes, waits } satisfies StreamReport);

function handOver(): void {
  producer.publish();
  doorbell.ring();
}
