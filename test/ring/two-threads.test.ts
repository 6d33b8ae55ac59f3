import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';
import { createRingMemory, RingConsumer } from '../../src/ring/ring.ts';
import { FrameStream } from './frame-stream.ts';
import type { PingPongSetup } from './ping-pong-worker.ts';
import { createStreamSetup, type StreamReport } from './two-threads.ts';

const createBellMemory = () => new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT);

const workers: Worker[] = [];
/** Also those that hang. */
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

/** What a thread reports when it has finished. */
function reportOf(entry: string, workerData: object): Promise<StreamReport> {
  const worker = new Worker(new URL(`./${entry}.ts`, import.meta.url), {
    workerData,
    execArgv: ['--import', '@oxc-node/core/register'],
  });
  workers.push(worker);
  return new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error(`${entry} has ended without a report`)));
  });
}

describe('two threads', () => {
  test.each([
    ['ten million frames, in batches of up to 64', 10_000_000, 2 ** 16, 64, 200],
    ['a million frames one by one, with many pauses', 1_000_000, 2 ** 16, 1, 50],
    ['300,000 frames through a ring that is always full', 300_000, 2 ** 10, 16, 1000],
  ])('pass on %s, complete and in order', async (_, frames, capacityBytes, batchFramesMax, batchesPerPause) => {
    const setup = createStreamSetup({ frames, seed: 20240229, batchFramesMax, batchesPerPause }, capacityBytes);
    const consumed = reportOf('ring-consumer-worker', setup);
    const produced = reportOf('ring-producer-worker', setup);
    const [taken, sent] = await Promise.all([consumed, produced]);
    expect([taken.frames, taken.bytes]).toEqual([frames, sent.bytes]);
    // Both ends of the ring were reached.
    expect(taken.waits).toBeGreaterThan(0);
    expect(sent.waits).toBeGreaterThan(0);
  });

  test('wake each other 200,000 times, each parking at once, without losing a wake-up', async () => {
    const [there, back] = [createRingMemory(64), createRingMemory(64)];
    const [one, other] = [createBellMemory(), createBellMemory()];
    const rounds = 100_000;
    const beginner: PingPongSetup = {
      incoming: back,
      outgoing: there,
      ownBell: one,
      otherBell: other,
      rounds,
      seed: 1,
      begins: true,
    };
    const answerer: PingPongSetup = {
      incoming: there,
      outgoing: back,
      ownBell: other,
      otherBell: one,
      rounds,
      seed: 2,
      begins: false,
    };
    const reports = await Promise.all([reportOf('ping-pong-worker', beginner), reportOf('ping-pong-worker', answerer)]);
    for (const { waits } of reports) expect(waits).toBeGreaterThan(0);
  });
});

test('a thread with an event loop is woken by another, without losing a wake-up', async () => {
  const frames = 50_000;
  const setup = createStreamSetup({ frames, seed: 4, batchFramesMax: 4, batchesPerPause: 2 }, 2 ** 16);
  const consumer = new RingConsumer(setup.ring);
  const doorbell = new Doorbell(new Int32Array(setup.bell));
  const produced = reportOf('ring-producer-worker', setup);
  const stream = new FrameStream(setup.seed, setup.frameSizeBytesMax);
  while (stream.number < frames) {
    for (; consumer.next(); stream.step()) stream.check(consumer);
    consumer.release();
    if (stream.number < frames) await doorbell.parkAsync(() => !consumer.isEmpty());
  }
  expect(doorbell.parks).toBeGreaterThan(0);
  expect((await produced).frames).toBe(frames);
});
