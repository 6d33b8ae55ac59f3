import { describe, expect, test } from 'vitest';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';
import { createRingMemory, RingConsumer, RingProducer } from '../../src/ring/ring.ts';
import { type Exploration, exploreInterleavings, type Program } from './interleavings.ts';

const BELL = DOORBELL_WORDS / 2;
/** Frames of this payload are 24 bytes: two fit the smallest ring, and the third waits for room. */
const SIZE_BYTES = 16;

/** What a thread sleeps on; Doorbell itself, or one of the broken ones below. */
interface Bell {
  ring(): void;
  park(hasWork: () => boolean): void;
}

type BellOver = (memory: SharedArrayBuffer) => Bell;

const soundBell: BellOver = (memory) => {
  const bell = new Doorbell(new Int32Array(memory));
  return { ring: () => bell.ring(), park: (hasWork) => bell.park(hasWork, Number.POSITIVE_INFINITY) };
};
const soundAsyncBell: BellOver = (memory) => {
  const bell = new Doorbell(new Int32Array(memory));
  return { ring: () => bell.ring(), park: (hasWork) => void bell.parkAsync(hasWork) };
};

const withoutSecondLook: BellOver = (memory) => {
  const bell = soundBell(memory);
  return { ...bell, park: () => bell.park(() => false) };
};
const withLookBeforeAnnouncing: BellOver = (memory) => {
  const bell = soundBell(memory);
  return {
    ...bell,
    park: (hasWork) => {
      if (!hasWork()) bell.park(() => false);
    },
  };
};
const withoutTakingDown: BellOver = (memory) => {
  const words = new Int32Array(memory);
  return {
    ...soundBell(memory),
    ring: () => {
      if (Atomics.load(words, BELL) === 1) Atomics.notify(words, BELL);
    },
  };
};
const withoutRinging: BellOver = (memory) => ({ ...soundBell(memory), ring: () => {} });

const createBellMemory = () => new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT);

/** Looks again after a while, as the workers do when a ring has no room. */
function waitForRoom(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.05);
}

interface Variant {
  readonly bellOver: BellOver;
  /** Frames claimed before they are published, as far as there is room. */
  readonly batchFrames: number;
  readonly publishesBeforeWaiting: boolean;
  readonly releasesBeforeParking: boolean;
}
const sound: Variant = {
  bellOver: soundBell,
  batchFrames: 1,
  publishesBeforeWaiting: true,
  releasesBeforeParking: true,
};

function producerOf(
  ring: SharedArrayBuffer,
  bellMemory: SharedArrayBuffer,
  first: number,
  count: number,
  { bellOver, batchFrames, publishesBeforeWaiting }: Variant,
): Program {
  const run = () => {
    const producer = new RingProducer(ring);
    const bell = bellOver(bellMemory);
    const handOver = () => {
      producer.publish();
      bell.ring();
    };
    let claimed = 0;
    for (let value = first; value < first + count; value++) {
      for (;;) {
        const at = producer.tryClaim(SIZE_BYTES);
        if (at !== -1) {
          producer.view.setInt32(at, value, true);
          break;
        }
        if (publishesBeforeWaiting && claimed > 0) handOver();
        claimed = 0;
        waitForRoom();
      }
      if (++claimed < batchFrames && value < first + count - 1) continue;
      handOver();
      claimed = 0;
    }
  };
  return { name: `producer of ${first}`, run };
}

function consumerOf(
  rings: readonly SharedArrayBuffer[],
  bellMemory: SharedArrayBuffer,
  countPerRing: number,
  { bellOver, releasesBeforeParking }: Variant,
): Program {
  const run = () => {
    const consumers = rings.map((ring) => new RingConsumer(ring));
    const bell = bellOver(bellMemory);
    let taken = 0;
    const values: number[][] = rings.map(() => []);
    while (taken < countPerRing * rings.length) {
      consumers.forEach((consumer, which) => {
        let stepped = 0;
        for (; consumer.next(); stepped++) values[which]?.push(consumer.view.getInt32(consumer.frameOffset, true));
        if (stepped > 0 && releasesBeforeParking) consumer.release();
      });
      taken = values.flat().length;
      if (taken < countPerRing * rings.length) bell.park(() => consumers.some((consumer) => !consumer.isEmpty()));
      if (!releasesBeforeParking) for (const consumer of consumers) consumer.release();
    }
    expect(values).toEqual(rings.map((_, which) => Array.from({ length: countPerRing }, (_, n) => 10 * which + n)));
  };
  return { name: 'consumer', run };
}

/** `producers` threads with a ring each, and one that consumes them all. */
function explore(producers: number, framesPerRing: number, variant: Variant, capacityBytes = 256): Exploration {
  const bell = createBellMemory();
  const rings = Array.from({ length: producers }, () => createRingMemory(capacityBytes));
  return exploreInterleavings(
    [bell, ...rings],
    [
      consumerOf(rings, bell, framesPerRing, variant),
      ...rings.map((ring, which) => producerOf(ring, bell, 10 * which, framesPerRing, variant)),
    ],
  );
}

/**
 * A front end and a store, a full ring of two frames in each direction. The front end has one more request to send, the
 * store one to serve. Both look again and again; it is not their bells that are in question here.
 */
function exploreCircle(frontEndWaitsForRoom: boolean): Exploration {
  const requestRing = createRingMemory(64);
  const replyRing = createRingMemory(64);
  for (const ring of [requestRing, replyRing]) {
    const producer = new RingProducer(ring);
    while (producer.tryClaim(SIZE_BYTES) !== -1);
    producer.publish();
  }
  const send = (producer: RingProducer): boolean => {
    if (producer.tryClaim(SIZE_BYTES) === -1) return false;
    producer.publish();
    return true;
  };
  const take = (consumer: RingConsumer): boolean => {
    if (!consumer.next()) return false;
    consumer.release();
    return true;
  };
  const frontEnd = () => {
    const requests = new RingProducer(requestRing);
    const replies = new RingConsumer(replyRing);
    let isSent = false;
    let taken = 0;
    while (!isSent || taken < 3) {
      if (!isSent) isSent = send(requests);
      if ((isSent || !frontEndWaitsForRoom) && take(replies)) taken++;
      else if (!isSent || taken < 3) waitForRoom();
    }
  };
  const store = () => {
    const requests = new RingConsumer(requestRing);
    const replies = new RingProducer(replyRing);
    expect(requests.next()).toBe(true);
    while (!send(replies)) waitForRoom();
    requests.release();
  };
  return exploreInterleavings(
    [requestRing, replyRing],
    [
      { name: 'front end', run: frontEnd },
      { name: 'store', run: store },
    ],
  );
}

describe('whatever the order of the steps', () => {
  test.each([
    ['one producer', 1, 3, sound],
    ['one producer of batches', 1, 4, { ...sound, batchFrames: 2 }],
    ['two producers', 2, 1, sound],
    ['one producer, when the consumer parks with a promise', 1, 3, { ...sound, bellOver: soundAsyncBell }],
    ['two producers, when the consumer parks with a promise', 2, 1, { ...sound, bellOver: soundAsyncBell }],
  ])('the consumer gets every frame of %s', (_, producers, framesPerRing, variant) => {
    const { situations, stuckAfter } = explore(producers, framesPerRing, variant);
    expect(stuckAfter).toBeUndefined();
    expect(situations).toBeGreaterThan(1000);
  });

  test.each([
    ['looks no more after announcing', withoutSecondLook],
    ['looks before announcing', withLookBeforeAnnouncing],
    ['is rung without the announcement being taken down', withoutTakingDown],
    ['is not rung', withoutRinging],
  ])('a wake-up can be lost when the consumer %s', (_, bellOver) => {
    expect(explore(1, 1, { ...sound, bellOver }).stuckAfter).toContain('consumer waits');
  });

  test.each([1, 2, 3])('a full ring holds up nobody for ever, in batches of %d', (batchFrames) => {
    const { situations, stuckAfter } = explore(1, 3, { ...sound, batchFrames }, 64);
    expect(stuckAfter).toBeUndefined();
    expect(situations).toBeGreaterThan(1000);
  });

  test('a full ring deadlocks when the producer waits for room with frames unpublished', () => {
    const variant = { ...sound, batchFrames: 3, publishesBeforeWaiting: false };
    expect(explore(1, 3, variant, 64).stuckAfter).toBeDefined();
  });

  test('a full ring deadlocks when the consumer parks with frames unreleased', () => {
    expect(explore(1, 3, { ...sound, releasesBeforeParking: false }, 64).stuckAfter).toBeDefined();
  });

  test('full rings in both directions hold up nobody for ever, as the front end takes replies all the while', () => {
    const { situations, stuckAfter } = exploreCircle(false);
    expect(stuckAfter).toBeUndefined();
    expect(situations).toBeGreaterThan(100);
  });

  test('full rings in both directions deadlock when the front end waits for room', () => {
    expect(exploreCircle(true).stuckAfter).toBeDefined();
  });
});
