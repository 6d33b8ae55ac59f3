/** The memory that threads of a server have in common to speak to each other: rings with their second paths, and bells. */
import { MessageChannel } from 'node:worker_threads';
import { LIMITS } from './config.ts';
import type { LinkEnd } from './frame/link.ts';
import { DOORBELL_WORDS } from './ring/doorbell.ts';
import { createRingMemory } from './ring/ring.ts';

/** The two ends of a one-way connection between threads. */
export interface Link {
  readonly producer: LinkEnd;
  readonly consumer: LinkEnd;
}

/** What a front end and the store worker have in common. */
export interface FrontEndLinks {
  /** Of the front end. */
  readonly bell: SharedArrayBuffer;
  readonly requests: Link;
  readonly replies: Link;
}

export function createFrontEndLinks(): FrontEndLinks {
  return {
    bell: createBell(),
    requests: createLink(LIMITS.requestRingBytes),
    replies: createLink(LIMITS.replyRingBytes),
  };
}

export function createLink(ringBytes: number): Link {
  const ring = createRingMemory(ringBytes);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.unref();
  return { producer: { ring, port: port1 }, consumer: { ring, port: port2 } };
}

export function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
}
