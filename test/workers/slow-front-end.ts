/** Entry of a thread that takes replies as a slow front end does, and says in the end what has come. */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { LinkConsumer, type LinkEnd } from '../../src/frame/link.ts';
import { ReplyReader } from '../../src/frame/reply-frame.ts';

export interface SlowFrontEndSetup {
  readonly replies: LinkEnd;
  /** It stops after this many frames. */
  readonly framesCount: number;
  readonly pauseMs: number;
}

/** One frame as it came. */
export interface Arrival {
  readonly kind: number;
  readonly slot: number;
  readonly bodySizeBytes: number;
  readonly bodySha1: string;
}

const { replies, framesCount, pauseMs } = workerData as SlowFrontEndSetup;
const consumer = new LinkConsumer(replies);
const reader = new ReplyReader();
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const arrivals: Arrival[] = [];

while (arrivals.length < framesCount) {
  // Frees the room late, and only then looks for more.
  Atomics.wait(sleeper, 0, 0, pauseMs);
  while (consumer.next()) arrivals.push(arrivalOf());
  consumer.release();
}
parentPort?.postMessage(arrivals);

function arrivalOf(): Arrival {
  const { bytes, view, frameOffset, frameSizeBytes, attachments } = consumer;
  reader.read(bytes, view, frameOffset, frameSizeBytes);
  const { kind, slot, bodyOffset, bodySizeBytes } = reader;
  const parts = [bytes.subarray(bodyOffset, bodyOffset + bodySizeBytes), ...attachments];
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { kind, slot, bodySizeBytes: sizeBytes, bodySha1: hash.digest('hex') };
}
