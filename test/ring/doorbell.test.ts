import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';

const nothing = () => false;

/** The same doorbell as two threads hold it. */
function bellOfTwo() {
  const words = new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT));
  return { words, owner: new Doorbell(words), ringer: new Doorbell(words) };
}

describe('park', () => {
  test('does not sleep when there is work', () => {
    const { owner } = bellOfTwo();
    owner.park(() => true, Number.POSITIVE_INFINITY);
    expect(owner.parks).toBe(0);
  });

  test('does not sleep when it is rung after the announcement', () => {
    const { owner, ringer } = bellOfTwo();
    const ringMeanwhile = () => {
      ringer.ring();
      return false;
    };
    owner.park(ringMeanwhile, Number.POSITIVE_INFINITY);
    expect(ringer.wakes).toBe(1);
  });

  test('returns after the timeout when nobody rings', () => {
    const { owner, ringer } = bellOfTwo();
    const beforeMs = performance.now();
    owner.park(nothing, 20);
    expect(performance.now() - beforeMs).toBeGreaterThan(15);
    expect([owner.parks, owner.timeouts]).toEqual([1, 1]);
    ringer.ring();
    expect(ringer.wakes).toBe(0);
  });

  test.each([-1, Number.NaN])('refuses a timeout of %d', (timeoutMs) => {
    expect(() => bellOfTwo().owner.park(nothing, timeoutMs)).toThrow(InvariantError);
  });
});

describe('ring', () => {
  test('does nothing while the owner is awake', () => {
    const { ringer, words } = bellOfTwo();
    ringer.ring();
    expect(ringer.wakes).toBe(0);
    expect(words.every((word) => word === 0)).toBe(true);
  });

  test('wakes once, however often it is called before the owner runs', async () => {
    const { owner, ringer } = bellOfTwo();
    const woken = owner.parkAsync(nothing);
    for (let times = 0; times < 5; times++) ringer.ring();
    await woken;
    expect(ringer.wakes).toBe(1);
  });
});

describe('parkAsync', () => {
  test('gives no promise when there is work', () => {
    const { owner, ringer } = bellOfTwo();
    expect(owner.parkAsync(() => true)).toBeUndefined();
    ringer.ring();
    expect(ringer.wakes).toBe(0);
  });

  test('gives no promise when it is rung after the announcement', () => {
    const { owner, ringer } = bellOfTwo();
    const ringMeanwhile = () => {
      ringer.ring();
      return false;
    };
    expect(owner.parkAsync(ringMeanwhile)).toBeUndefined();
  });

  test('is ended by the owner itself, too', async () => {
    const { owner } = bellOfTwo();
    const woken = owner.parkAsync(nothing);
    expect(woken).toBeInstanceOf(Promise);
    owner.ring();
    await woken;
    expect(owner.parks).toBe(1);
  });

  test('cannot be called while it is pending', async () => {
    const { owner } = bellOfTwo();
    const woken = owner.parkAsync(nothing);
    expect(() => owner.parkAsync(nothing)).toThrow(InvariantError);
    expect(() => owner.park(nothing, 0)).toThrow(InvariantError);
    owner.ring();
    await woken;
    owner.park(nothing, 0);
  });

  test('does not keep a process alive', async () => {
    const worker = new Worker(new URL('./parked-worker.ts', import.meta.url), {
      execArgv: ['--import', '@oxc-node/core/register'],
    });
    const exitCode = await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    expect(exitCode).toBe(0);
  });
});

describe('the words', () => {
  test('may lie anywhere in a larger memory, and no others are touched', async () => {
    const words = new Int32Array(new SharedArrayBuffer(3 * DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)).fill(7);
    words.fill(0, DOORBELL_WORDS, 2 * DOORBELL_WORDS);
    const owner = new Doorbell(words, DOORBELL_WORDS);
    const woken = owner.parkAsync(nothing);
    new Doorbell(words, DOORBELL_WORDS).ring();
    await woken;
    expect([...new Set(words)]).toEqual([7, 0]);
  });

  test('are all there, and shared', () => {
    const words = new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT));
    expect(() => new Doorbell(words, 1)).toThrow(InvariantError);
    expect(() => new Doorbell(new Int32Array(DOORBELL_WORDS))).toThrow(InvariantError);
  });
});
