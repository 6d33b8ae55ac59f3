import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LinkConsumer, LinkProducer } from '../../src/frame/link.ts';
import { aBell, aLink, linkEnds } from './links.ts';

/** A frame whose bytes tell its number and its size. */
function contentOf(number: number, sizeBytes: number): Buffer {
  const content = Buffer.alloc(sizeBytes, number & 0xff);
  if (sizeBytes >= 4) content.writeUInt32LE(number);
  return content;
}

/** @returns false when the ring is full. */
function tryProduce(producer: LinkProducer, content: Buffer): boolean {
  const at = producer.tryClaim(content.length);
  if (at === -1) return false;
  content.copy(producer.bytes, at);
  producer.publish();
  return true;
}

const frameOf = (consumer: LinkConsumer) =>
  Buffer.from(consumer.bytes.subarray(consumer.frameOffset, consumer.frameOffset + consumer.frameSizeBytes));

describe('frames larger than the ring takes', () => {
  test('travel beside it, and the next one goes through it again', () => {
    const { producer, consumer } = aLink(1024);
    for (const size of [256, 257, 100_000, 8]) expect(tryProduce(producer, contentOf(size, size))).toBe(true);
    for (const [size, isOversize] of [
      [256, false],
      [257, true],
      [100_000, true],
      [8, false],
    ] as const) {
      expect(consumer.next()).toBe(true);
      expect(consumer.isOversize).toBe(isOversize);
      expect(frameOf(consumer)).toEqual(contentOf(size, size));
      expect(consumer.view.byteLength).toBe(consumer.bytes.length);
    }
    expect(consumer.next()).toBe(false);
  });

  test('are the consumer’s to keep after their place is freed', () => {
    const { producer, consumer } = aLink(64);
    tryProduce(producer, contentOf(7, 1000));
    consumer.next();
    const { bytes } = consumer;
    consumer.release();
    for (let number = 0; number < 20; number++) {
      tryProduce(producer, contentOf(number, 16));
      consumer.next();
      consumer.release();
    }
    expect(bytes).toEqual(contentOf(7, 1000));
  });

  test('find no place in a full ring, and leave nothing behind', () => {
    const { producer, consumer } = aLink(64);
    while (tryProduce(producer, contentOf(1, 8)));
    expect(producer.tryClaim(1000)).toBe(-1);
    expect(producer.tryClaimDetached(8)).toBe(-1);
    while (consumer.next()) expect(frameOf(consumer)).toEqual(contentOf(1, 8));
    consumer.release();
    expect(tryProduce(producer, contentOf(2, 1000))).toBe(true);
    expect(consumer.next()).toBe(true);
    expect(frameOf(consumer)).toEqual(contentOf(2, 1000));
  });
});

describe('the order of frames', () => {
  test('is kept between ring and messages, whatever their sizes and however far the consumer is behind', () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constant('produce' as const),
        size: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 60, max: 5000 })),
      }),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant('unread' as const) }),
      fc.record({ kind: fc.constant('release' as const) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
        const { producer, consumer } = aLink(256);
        const waiting: Buffer[] = [];
        let number = 0;
        let current: Buffer | undefined;
        for (const action of actions) {
          if (action.kind === 'produce') {
            const content = contentOf(number++, action.size);
            if (tryProduce(producer, content)) waiting.push(content);
          } else if (action.kind === 'take') {
            for (let count = 0; count < action.count; count++) {
              expect(consumer.isEmpty()).toBe(waiting.length === 0);
              const isThere = consumer.next();
              expect(isThere).toBe(waiting.length > 0);
              if (!isThere) break;
              current = waiting.shift() as Buffer;
              expect(frameOf(consumer)).toEqual(current);
            }
          } else if (action.kind === 'unread') {
            if (current === undefined) continue;
            consumer.unread();
            waiting.unshift(current);
            current = undefined;
          } else {
            consumer.release();
            current = undefined;
          }
        }
        while (consumer.next()) expect(frameOf(consumer)).toEqual(waiting.shift());
        expect(waiting).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('unread', () => {
  test('gives an oversize frame again, with what came with it', () => {
    const { producer, consumer } = aLink(64);
    const at = producer.tryClaimDetached(4);
    producer.bytes.fill(3, at);
    producer.publish([Uint8Array.of(1, 2)]);
    tryProduce(producer, contentOf(9, 500));
    for (let times = 0; times < 3; times++) {
      expect(consumer.next()).toBe(true);
      expect(frameOf(consumer)).toEqual(Buffer.alloc(4, 3));
      expect(consumer.attachments).toEqual([Uint8Array.of(1, 2)]);
      consumer.unread();
    }
    consumer.next();
    consumer.next();
    expect(frameOf(consumer)).toEqual(contentOf(9, 500));
    expect(consumer.attachments).toEqual([]);
  });

  test('after a release goes on with the frames behind', () => {
    const { producer, consumer } = aLink(256);
    for (let number = 1; number <= 3; number++) tryProduce(producer, contentOf(number, 8));
    consumer.next();
    consumer.release();
    consumer.next();
    consumer.unread();
    consumer.release();
    consumer.next();
    expect(frameOf(consumer)).toEqual(contentOf(2, 8));
  });
});

describe('attachments', () => {
  test('arrive whole, once, and their memory is given away', () => {
    const { producer, consumer } = aLink(64);
    const parts = [new Uint8Array(100_000).fill(1), new Uint8Array(3).fill(2)];
    const at = producer.tryClaimDetached(16);
    contentOf(5, 16).copy(producer.bytes, at);
    producer.publish(parts);
    expect(parts.map(({ byteLength }) => byteLength)).toEqual([0, 0]);
    tryProduce(producer, contentOf(6, 16));

    consumer.next();
    expect(frameOf(consumer)).toEqual(contentOf(5, 16));
    expect(consumer.isOversize).toBe(true);
    expect(consumer.attachments).toEqual([new Uint8Array(100_000).fill(1), new Uint8Array(3).fill(2)]);
    consumer.next();
    expect(consumer.attachments).toEqual([]);
    expect(consumer.isOversize).toBe(false);
  });

  test('show no more of their memory than was meant', () => {
    const { producer, consumer } = aLink(64);
    const memory = new Uint8Array(1000).fill(4);
    producer.tryClaimDetached(0);
    producer.publish([memory.subarray(0, 10)]);
    consumer.next();
    expect(consumer.attachments).toEqual([new Uint8Array(10).fill(4)]);
  });
});

describe('waking the consumer', () => {
  test('happens with each publish, and quietly only when asked', () => {
    const { producerEnd } = linkEnds(256);
    const bell = aBell();
    let rings = 0;
    bell.ring = () => {
      rings++;
    };
    const producer = new LinkProducer(producerEnd, bell);
    tryProduce(producer, contentOf(1, 8));
    expect(rings).toBe(1);
    producer.tryClaim(8);
    producer.publishQuietly();
    producer.tryClaim(1000);
    producer.publishQuietly();
    expect(rings).toBe(1);
    producer.wakeConsumer();
    expect(rings).toBe(2);
  });
});

test('an oversize frame whose message is missing stops the thread', () => {
  const { producerEnd } = linkEnds(256);
  const stranger = linkEnds(256).consumerEnd.port;
  const producer = new LinkProducer(producerEnd, aBell());
  const consumer = new LinkConsumer({ ring: producerEnd.ring, port: stranger });
  producer.tryClaim(1000);
  producer.publish();
  expect(() => consumer.next()).toThrow('the message of an oversize frame was posted before its frame');
});
