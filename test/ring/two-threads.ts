/** What the worker threads of the ring's tests are told, and how they wait and dawdle. */
import { DOORBELL_WORDS } from '../../src/ring/doorbell.ts';
import { createRingMemory } from '../../src/ring/ring.ts';
import type { RandomNumbers } from './frame-stream.ts';

export interface StreamSetup {
  readonly ring: SharedArrayBuffer;
  /** Of the consumer. */
  readonly bell: SharedArrayBuffer;
  readonly frames: number;
  readonly seed: number;
  readonly frameSizeBytesMax: number;
  /** Frames between two publishes, and between two releases: from 1 up to this, at random. */
  readonly batchFramesMax: number;
  /** One batch out of so many is followed by a pause. */
  readonly batchesPerPause: number;
}

/** What a worker tells when it has finished. */
export interface StreamReport {
  readonly frames: number;
  readonly bytes: number;
  /** Times there was no room, or times parked. */
  readonly waits: number;
}

type StreamOptions = Pick<StreamSetup, 'frames' | 'seed' | 'batchFramesMax' | 'batchesPerPause'>;

export function createStreamSetup(options: StreamOptions, capacityBytes: number): StreamSetup {
  const ring = createRingMemory(capacityBytes);
  const bell = new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
  return { ...options, ring, bell, frameSizeBytesMax: capacityBytes / 4 };
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

export function sleep(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

/** Mostly a fraction of a microsecond, often some microseconds, seldom so long that the other thread parks or waits. */
export function pause(random: RandomNumbers): void {
  if (random.next(100) === 0) {
    sleep(random.next(10) / 10);
    return;
  }
  const turns = random.next(10) === 0 ? random.next(20_000) : random.next(200);
  for (let turn = 0; turn < turns; turn++) Atomics.load(sleeper, 0);
}
