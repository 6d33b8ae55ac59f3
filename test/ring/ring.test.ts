import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { createRingMemory, RingConsumer, RingGauge, RingProducer } from '../../src/ring/ring.ts';

const FRAME_HEAD_SIZE_BYTES = 8;

function ringOf(capacityBytes: number) {
  const memory = createRingMemory(capacityBytes);
  return { memory, producer: new RingProducer(memory), consumer: new RingConsumer(memory) };
}

function put(producer: RingProducer, frame: Uint8Array): boolean {
  const offset = producer.tryClaim(frame.length);
  if (offset === -1) return false;
  producer.bytes.set(frame, offset);
  return true;
}

function currentOf({ bytes, frameOffset, frameSizeBytes }: RingConsumer): number[] {
  return [...bytes.subarray(frameOffset, frameOffset + frameSizeBytes)];
}

/** What lies in the data area from where the next frames begin, of so many at most. */
function lookAhead(consumer: RingConsumer, framesMax: number): Uint8Array[] {
  const offsets = new Int32Array(framesMax);
  const count = consumer.lookAhead(offsets);
  expect(count).toBeLessThanOrEqual(framesMax);
  return [...offsets.subarray(0, count)].map((offset) => consumer.bytes.subarray(offset));
}

function framedSizeBytes(frame: readonly number[]): number {
  return FRAME_HEAD_SIZE_BYTES + Math.ceil(frame.length / 8) * 8;
}

/**
 * The ring as arrays of frames. What it cannot know is how much padding there is; that is less than a frame of the
 * largest size, since between head and tail lies at most one end of the data area.
 */
class ModelRing {
  readonly capacityBytes: number;
  readonly claimed: number[][] = [];
  readonly published: number[][] = [];
  readonly steppedOver: number[][] = [];
  canUnread = false;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  mayRefuse(frame: readonly number[]): boolean {
    const largestBytes = FRAME_HEAD_SIZE_BYTES + this.capacityBytes / 4;
    const live = [...this.steppedOver, ...this.published, ...this.claimed];
    const liveBytes = live.reduce((sum, each) => sum + framedSizeBytes(each), 0);
    return liveBytes + framedSizeBytes(frame) + largestBytes > this.capacityBytes;
  }

  mustRefuse(frame: readonly number[]): boolean {
    const live = [...this.steppedOver, ...this.published, ...this.claimed, frame];
    return live.reduce((sum, each) => sum + framedSizeBytes(each), 0) > this.capacityBytes;
  }
}

type Ring = ReturnType<typeof ringOf>;
type RingCommand = fc.Command<ModelRing, Ring>;

class Claim implements RingCommand {
  readonly frame: Uint8Array;
  constructor(frame: Uint8Array) {
    this.frame = frame;
  }
  check = () => true;
  run(model: ModelRing, { producer }: Ring): void {
    const frame = [...this.frame];
    if (!put(producer, this.frame)) expect(model.mayRefuse(frame)).toBe(true);
    else {
      expect(model.mustRefuse(frame)).toBe(false);
      model.claimed.push(frame);
    }
  }
  toString = () => `claim ${this.frame.length}`;
}

class Publish implements RingCommand {
  check = () => true;
  run(model: ModelRing, { producer }: Ring): void {
    producer.publish();
    model.published.push(...model.claimed.splice(0));
  }
  toString = () => 'publish';
}

class Next implements RingCommand {
  check = () => true;
  run(model: ModelRing, { consumer }: Ring): void {
    expect(consumer.isEmpty()).toBe(model.published.length === 0);
    const frame = model.published.shift();
    expect(consumer.next()).toBe(frame !== undefined);
    if (frame === undefined) return;
    expect(currentOf(consumer)).toEqual(frame);
    model.steppedOver.push(frame);
    model.canUnread = true;
  }
  toString = () => 'next';
}

class LookAhead implements RingCommand {
  check = () => true;
  run(model: ModelRing, { consumer }: Ring): void {
    const seen = lookAhead(consumer, 3);
    const toCome = model.published.filter((frame) => frame.length > 0);
    // How many depends on when the tail was last looked at.
    for (const [position, bytes] of seen.entries()) {
      expect([...bytes.subarray(0, toCome[position]?.length)]).toEqual(toCome[position]);
    }
  }
  toString = () => 'look ahead';
}

class Unread implements RingCommand {
  check = (model: Readonly<ModelRing>) => model.canUnread;
  run(model: ModelRing, { consumer }: Ring): void {
    consumer.unread();
    model.published.unshift(...model.steppedOver.splice(-1));
    model.canUnread = false;
  }
  toString = () => 'unread';
}

class Release implements RingCommand {
  check = () => true;
  run(model: ModelRing, { consumer }: Ring): void {
    // Nobody has written over them so far.
    consumer.release();
    model.steppedOver.length = 0;
    model.canUnread = false;
  }
  toString = () => 'release';
}

/** Other ends on the same memory, as when a thread takes over: nothing claimed is lost if nothing is in hand. */
class Reopen implements RingCommand {
  check = ({ claimed, steppedOver }: Readonly<ModelRing>) => claimed.length === 0 && steppedOver.length === 0;
  run(_: ModelRing, ring: Ring): void {
    ring.producer = new RingProducer(ring.memory);
    ring.consumer = new RingConsumer(ring.memory);
  }
  toString = () => 'reopen';
}

describe('against an array of frames', () => {
  test.each([64, 256, 4096])(
    'a ring of %d bytes gives the frames in order, whatever is done to it',
    (capacityBytes) => {
      const claim = fc.uint8Array({ maxLength: capacityBytes / 4 }).map((frame) => new Claim(frame));
      const commands = [
        claim,
        claim,
        fc.constant(new Publish()),
        fc.constant(new Next()),
        fc.constant(new Next()),
        fc.constant(new LookAhead()),
        fc.constant(new Unread()),
        fc.constant(new Release()),
        fc.constant(new Reopen()),
      ];
      fc.assert(
        fc.property(fc.commands(commands, { maxCommands: 200, size: 'max' }), (sequence) => {
          fc.modelRun(() => ({ model: new ModelRing(capacityBytes), real: ringOf(capacityBytes) }), sequence);
        }),
        { numRuns: 300 },
      );
    },
  );

  test('an emptied ring takes any legal frame, wherever its tail is', () => {
    const { producer, consumer } = ringOf(256);
    const framesToMoveTail = [0, 8, 16, 24, 32, 40, 48, 56, 64];
    for (let round = 0; round < 100; round++) {
      for (const sizeBytes of framesToMoveTail.slice(round % framesToMoveTail.length)) {
        for (const each of [sizeBytes, producer.frameSizeBytesMax]) {
          expect(producer.tryClaim(each)).not.toBe(-1);
          producer.publish();
          expect(consumer.next()).toBe(true);
          consumer.release();
        }
      }
    }
  });

  test('positions wrap around after 2^32 bytes, and nobody notices', () => {
    const { producer, consumer } = ringOf(2 ** 20);
    const sizeBytes = producer.frameSizeBytesMax - 40; // Leaves padding at the end.
    const frames = 2 ** 32 / (sizeBytes + 8) + 100;
    for (let sent = 0, taken = 0; taken < frames; ) {
      for (let offset = producer.tryClaim(sizeBytes); offset !== -1; offset = producer.tryClaim(sizeBytes)) {
        producer.view.setInt32(offset, sent++);
      }
      producer.publish();
      while (consumer.next()) {
        if (consumer.view.getInt32(consumer.frameOffset) !== taken) expect.fail(`frame ${taken} is another`);
        taken++;
      }
      consumer.release();
    }
    expect(consumer.isEmpty()).toBe(true);
  });
});

describe('the producer', () => {
  test('gives offsets that are multiples of 8, into bytes and view alike', () => {
    const { producer } = ringOf(1024);
    for (const sizeBytes of [0, 1, 7, 8, 9, 255]) {
      const offset = producer.tryClaim(sizeBytes);
      expect(offset % 8).toBe(0);
      producer.view.setUint8(offset, sizeBytes);
      expect(producer.bytes[offset]).toBe(sizeBytes);
    }
  });

  test('takes frames of up to a quarter of the capacity, and refuses larger ones loudly', () => {
    const { producer } = ringOf(1024);
    expect(producer.capacityBytes).toBe(1024);
    expect(producer.frameSizeBytesMax).toBe(256);
    expect(producer.tryClaim(256)).toBe(8);
    for (const sizeBytes of [257, -1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => producer.tryClaim(sizeBytes)).toThrow(InvariantError);
    }
  });

  test('shows nothing that is not published, and then all of it at once', () => {
    const { producer, consumer } = ringOf(1024);
    for (const value of [1, 2, 3]) put(producer, Uint8Array.of(value));
    expect(consumer.isEmpty()).toBe(true);
    expect(consumer.next()).toBe(false);
    producer.publish();
    const taken = [];
    while (consumer.next()) taken.push(currentOf(consumer));
    expect(taken).toEqual([[1], [2], [3]]);
  });

  test('finds room only after release, and not after the step', () => {
    const { producer, consumer } = ringOf(64);
    while (producer.tryClaim(16) !== -1);
    producer.publish();
    while (consumer.next());
    expect(producer.tryClaim(16)).toBe(-1);
    consumer.release();
    expect(producer.tryClaim(16)).not.toBe(-1);
  });

  test('leaves nothing behind when it refuses', () => {
    const { producer, consumer } = ringOf(64);
    while (producer.tryClaim(16) !== -1);
    producer.publish();
    let taken = 0;
    while (consumer.next()) taken++;
    consumer.release();
    producer.publish();
    expect(taken).toBe(2);
    expect(consumer.isEmpty()).toBe(true);
  });
});

describe('the consumer', () => {
  test('gives the same frame again after unread, also over the padding at the end', () => {
    const { producer, consumer } = ringOf(64);
    put(producer, Uint8Array.of(1));
    put(producer, new Uint8Array(16));
    producer.publish();
    while (consumer.next());
    consumer.release();
    put(producer, new Uint8Array(16).fill(2)); // 24 bytes are left at the end, and one more frame takes 24 bytes.
    put(producer, new Uint8Array(9).fill(3));
    producer.publish();
    expect(consumer.next()).toBe(true);
    for (let again = 0; again < 3; again++) {
      expect(consumer.next()).toBe(true);
      expect(currentOf(consumer)).toEqual(new Array(9).fill(3));
      consumer.unread();
      expect(consumer.isEmpty()).toBe(false);
    }
  });

  test('keeps an unread frame when it releases those before', () => {
    const { producer, consumer } = ringOf(64);
    put(producer, Uint8Array.of(1));
    put(producer, Uint8Array.of(2));
    producer.publish();
    consumer.next();
    consumer.next();
    consumer.unread();
    consumer.release();
    while (put(producer, Uint8Array.of(9)));
    expect(consumer.next()).toBe(true);
    expect(currentOf(consumer)).toEqual([2]);
  });

  test('refuses to step back over nothing', () => {
    const { producer, consumer } = ringOf(64);
    expect(() => consumer.unread()).toThrow(InvariantError);
    put(producer, Uint8Array.of(1));
    producer.publish();
    consumer.next();
    consumer.release();
    expect(() => consumer.unread()).toThrow(InvariantError);
  });

  test('looks at what is to come, over empty frames and the padding at the end, and stays where it is', () => {
    const { producer, consumer } = ringOf(128);
    for (const size of [32, 32]) put(producer, new Uint8Array(size));
    producer.publish();
    while (consumer.next());
    consumer.release();
    // 48 bytes are left at the end: for the first three, and padding.
    for (const frame of [[1], [], [2, 2], [3, 3, 3]]) put(producer, Uint8Array.from(frame));
    put(producer, new Uint8Array(17).fill(4));
    producer.publish();
    expect(lookAhead(consumer, 8)).toEqual([]);
    expect(consumer.next()).toBe(true);
    const firstBytes = (count: number) => lookAhead(consumer, count).map(([first]) => first);
    expect(firstBytes(8)).toEqual([2, 3, 4]);
    expect(firstBytes(2)).toEqual([2, 3]);
    expect(currentOf(consumer)).toEqual([1]);
    for (const frame of [[], [2, 2], [3, 3, 3]]) {
      expect(consumer.next()).toBe(true);
      expect(currentOf(consumer)).toEqual(frame);
    }
  });

  test('stops at a frame that is not where its position says', () => {
    const { producer, consumer } = ringOf(1024);
    put(producer, new Uint8Array(24));
    put(producer, new Uint8Array(24));
    producer.publish();
    producer.bytes.fill(0, 0, 64);
    consumer.next();
    expect(() => consumer.next()).toThrow(InvariantError);
  });

  test('stops at a frame of an impossible size', () => {
    const { producer, consumer } = ringOf(1024);
    put(producer, new Uint8Array(24));
    producer.publish();
    producer.view.setInt32(0, 257, true);
    expect(() => consumer.next()).toThrow(InvariantError);
  });
});

test.each([0, 32, 63, 96, 1000, 2 ** 31, -64, 1.5, Number.NaN])('there is no ring of %d bytes', (capacityBytes) => {
  expect(() => createRingMemory(capacityBytes)).toThrow(InvariantError);
});

test('how much of a ring is taken is what is published and not released', () => {
  const { memory, producer, consumer } = ringOf(256);
  const gauge = new RingGauge(memory);
  expect(gauge.capacityBytes).toBe(256);
  // Often enough that positions pass the end of the data area.
  for (let round = 0; round < 100; round++) {
    put(producer, new Uint8Array(10));
    expect(gauge.usedBytes).toBe(0);
    producer.publish();
    const { usedBytes } = gauge;
    expect(usedBytes).toBeGreaterThanOrEqual(24);
    expect(consumer.next()).toBe(true);
    expect(gauge.usedBytes).toBe(usedBytes);
    consumer.release();
    expect(gauge.usedBytes).toBe(0);
  }
});
