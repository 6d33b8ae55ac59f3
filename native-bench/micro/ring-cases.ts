/** The ring: its own cost in one thread, and the hop to another thread and back. */
import { Worker } from 'node:worker_threads';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';
import { createRingMemory, RingConsumer, RingProducer } from '../../src/ring/ring.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { alignColumns, formatNumber } from '../report/format.ts';
import type { EchoSetup } from './echo-worker.ts';
import { CALLS, type MicroCase } from './micro-case.ts';

const CAPACITY_BYTES = 1 << 20;
const FRAME_SIZE_BYTES = 128;

/** Each call moves one frame of 128 bytes. */
export function ringCases(): MicroCase[] {
  return [movingCase('one at a time', 1), movingCase('50 at a time', 50)];
}

/** A frame to another thread and back, both spinning, or both parking in between. */
export async function measureHops(rounds: number): Promise<string> {
  const rows = [['', 'p50 µs', 'p99 µs']];
  for (const isParking of [false, true]) {
    const histogram = await measureHop(isParking, rounds);
    const [p50, p99] = [histogram.percentileMs(50) * 1000, histogram.percentileMs(99) * 1000];
    rows.push([isParking ? 'both threads park' : 'both threads spin', formatNumber(p50), formatNumber(p99)]);
  }
  return ['a frame to another thread and back', ...alignColumns(rows)].join('\n');
}

function movingCase(name: string, batch: number): MicroCase {
  const memory = createRingMemory(CAPACITY_BYTES);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  return {
    name,
    run() {
      for (let moved = 0; moved < CALLS; moved += batch) {
        for (let frame = 0; frame < batch; frame++) claimNumbered(producer, frame);
        producer.publish();
        for (let frame = 0; frame < batch; frame++) {
          consumer.next();
          requireNumber(consumer, frame);
        }
        consumer.release();
      }
    },
  };
}

async function measureHop(isParking: boolean, rounds: number): Promise<LatencyHistogram> {
  const setup: EchoSetup = {
    incoming: createRingMemory(CAPACITY_BYTES),
    outgoing: createRingMemory(CAPACITY_BYTES),
    echoBell: createBellMemory(),
    senderBell: createBellMemory(),
    isParking,
    rounds,
  };
  const worker = new Worker(new URL('./echo-worker.ts', import.meta.url), { workerData: setup });
  await new Promise((resolve) => worker.once('message', resolve));
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const histogram = pingEcho(setup);
  await ended;
  return histogram;
}

function pingEcho({ incoming, outgoing, echoBell, senderBell, isParking, rounds }: EchoSetup): LatencyHistogram {
  const producer = new RingProducer(incoming);
  const consumer = new RingConsumer(outgoing);
  const own = new Doorbell(new Int32Array(senderBell));
  const echo = new Doorbell(new Int32Array(echoBell));
  const hasWork = (): boolean => !consumer.isEmpty();
  const histogram = new LatencyHistogram();
  for (let round = 0; round < rounds; round++) {
    const sentAt = performance.now();
    claimNumbered(producer, round);
    producer.publish();
    echo.ring();
    while (!consumer.next()) if (isParking) own.park(hasWork, Number.POSITIVE_INFINITY);
    requireNumber(consumer, round);
    consumer.release();
    histogram.recordMs(performance.now() - sentAt);
  }
  return histogram;
}

function claimNumbered(producer: RingProducer, number: number): void {
  producer.view.setInt32(producer.tryClaim(FRAME_SIZE_BYTES), number, true);
}

function requireNumber(consumer: RingConsumer, number: number): void {
  const found = consumer.view.getInt32(consumer.frameOffset, true);
  if (found !== number) throw new Error(`frame ${found} came in the place of ${number}`);
}

function createBellMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
}
