/** How a worker waits for room in a ring whose reader is a whole ring behind. */
import type { LinkProducer } from '../frame/link.ts';

const WAIT_FOR_ROOM_MS = 0.05;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread for a moment, in which the reader, woken if it sleeps, frees some. */
export function waitForRoom(link: LinkProducer): void {
  link.wakeConsumer();
  Atomics.wait(sleeper, 0, 0, WAIT_FOR_ROOM_MS);
}
