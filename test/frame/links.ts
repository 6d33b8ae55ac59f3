/** Both ends of a link in one thread. */
import { MessageChannel } from 'node:worker_threads';
import { LinkConsumer, type LinkEnd, LinkProducer } from '../../src/frame/link.ts';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';
import { createRingMemory } from '../../src/ring/ring.ts';

export function aBell(): Doorbell {
  return new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)));
}

export interface LinkEnds {
  readonly producerEnd: LinkEnd;
  readonly consumerEnd: LinkEnd;
}

/** The ports do not keep the test process alive. */
export function linkEnds(capacityBytes: number): LinkEnds {
  const ring = createRingMemory(capacityBytes);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.unref();
  return { producerEnd: { ring, port: port1 }, consumerEnd: { ring, port: port2 } };
}

export function aLink(capacityBytes = 1024): { producer: LinkProducer; consumer: LinkConsumer } {
  const { producerEnd, consumerEnd } = linkEnds(capacityBytes);
  return { producer: new LinkProducer(producerEnd, aBell()), consumer: new LinkConsumer(consumerEnd) };
}
