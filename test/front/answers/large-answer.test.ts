import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LargeAnswer } from '../../../src/front/answers/large-answer.ts';
import { ChunkPen, type Pen, SizedPen } from '../../../src/front/answers/pens.ts';
import { FakeResponse } from '../fake-response.ts';

const STALL_MS_MAX = 30_000;
/** uWebSockets.js writes no more than this within a cork. */
const CORK_SIZE_BYTES = 16 * 1024;

/** Enough for all turns of a reader that takes all: a turn takes a millisecond of the fake clock. */
const TURNS_MS = 100;

/** Parts of the given sizes, in which each byte tells its place. */
function partsOf(...sizes: number[]): { parts: Uint8Array[]; body: string } {
  let place = 0;
  const parts = sizes.map((size) => Uint8Array.from({ length: size }, () => place++ % 251));
  return { parts, body: Buffer.concat(parts).toString('latin1') };
}

/** In chunks. */
function started(parts: Uint8Array[], ...writeResults: boolean[]) {
  const response = new FakeResponse();
  response.writeResults.push(...writeResults);
  return startedWith(response, new ChunkPen(response.asResponse), parts);
}

/** With a known size. @param tryEndSizes how much of their pieces the first writes take. */
function startedSized(parts: Uint8Array[], ...tryEndSizes: number[]) {
  const response = new FakeResponse();
  response.tryEndSizes.push(...tryEndSizes);
  const writeHead = vi.fn();
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  return { writeHead, ...startedWith(response, new SizedPen(response.asResponse, sizeBytes, writeHead), parts) };
}

function startedWith(response: FakeResponse, pen: Pen, parts: Uint8Array[]) {
  const onDone = vi.fn();
  const onStalled = vi.fn();
  const answer = new LargeAnswer(response.asResponse, pen, parts, STALL_MS_MAX, { onDone, onStalled });
  answer.start();
  return { response, onDone, onStalled, answer };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a reader that takes all', () => {
  test('gets the parts whole, in pieces of a bounded size, and the answer is over', () => {
    const { parts, body } = partsOf(1000, 0, 3 * CORK_SIZE_BYTES + 7, 1);
    const { response, onDone } = started(parts);
    vi.advanceTimersByTime(TURNS_MS);
    expect(response.body === body).toBe(true);
    expect(response.written.every(({ length }) => length <= CORK_SIZE_BYTES)).toBe(true);
    expect(response.isEnded).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('leaves the other connections their turn between pieces, and stops when it goes', () => {
    const { parts, body } = partsOf(1_000_000);
    const { response, onDone, answer } = started(parts);
    const first = response.body.length;
    expect(first).toBeLessThan(64 * 1024);
    vi.advanceTimersToNextTimer();
    expect(response.body.length).toBe(2 * first);
    expect(body.startsWith(response.body)).toBe(true);
    answer.cancel();
    vi.advanceTimersByTime(1000);
    expect(response.body.length).toBe(2 * first);
    expect(onDone).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('gets an empty answer', () => {
    const { response, onDone } = started([]);
    expect(response.isEnded).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
  });
});

describe('a slow reader', () => {
  test('gets each piece once, in order, however often the socket is full', () => {
    const { parts, body } = partsOf(2 * CORK_SIZE_BYTES, 500_000, 3);
    const { response, onDone } = started(parts, false, false, true, false);
    while (!response.isEnded) {
      expect(onDone).not.toHaveBeenCalled();
      response.onWritableHandler?.();
    }
    expect(response.body === body).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is given a little every few seconds while it pauses, which keeps the connection, and loses nothing by it', () => {
    const { parts, body } = partsOf(1_000_000);
    const { response } = started(parts, false, false, false, false);
    expect(response.written).toHaveLength(1);
    vi.advanceTimersByTime(9500);
    expect(response.written.slice(1).map(({ length }) => length)).toEqual([16, 16, 16]);
    response.onWritableHandler?.();
    vi.advanceTimersByTime(TURNS_MS);
    expect(response.isEnded).toBe(true);
    expect(response.body === body).toBe(true);
  });

  test('whose socket has room again at such a little goes on', () => {
    const { parts, body } = partsOf(600_000);
    const { response, onDone } = started(parts, false, true);
    vi.advanceTimersByTime(3000 + TURNS_MS);
    expect(response.body === body).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
  });

  test('that takes nothing for too long is to be dropped; one that takes something in between is not', () => {
    const { parts } = partsOf(2_000_000);
    const { response, onDone, onStalled } = started(parts, ...new Array(1000).fill(false));
    vi.advanceTimersByTime(STALL_MS_MAX - 3000);
    expect(onStalled).not.toHaveBeenCalled();
    response.onWritableHandler?.();
    vi.advanceTimersByTime(STALL_MS_MAX - 3000);
    expect(onStalled).not.toHaveBeenCalled();
    vi.advanceTimersByTime(3000);
    expect(onStalled).toHaveBeenCalledOnce();
    expect(response.isEnded).toBe(false);
    expect(onDone).not.toHaveBeenCalled();
  });

  test('is waited for also when all is written and only the socket holds bytes', () => {
    const { parts } = partsOf(100);
    const { response, onDone } = started(parts, false);
    vi.advanceTimersByTime(STALL_MS_MAX - 3000);
    expect(onDone).not.toHaveBeenCalled();
    response.onWritableHandler?.();
    expect(response.isEnded).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
  });
});

describe('a reader that has gone', () => {
  test('is written to no more, and no timer is left', () => {
    const { parts } = partsOf(1_000_000);
    const { response, onDone, onStalled, answer } = started(parts, false);
    answer.cancel();
    response.onWritableHandler?.();
    vi.advanceTimersByTime(10 * STALL_MS_MAX);
    expect(response.written).toHaveLength(1);
    expect([response.isEnded, response.isClosed]).toEqual([false, false]);
    expect(onDone).not.toHaveBeenCalled();
    expect(onStalled).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an answer of known size', () => {
  test('has its head once and its parts whole, whatever their sizes', () => {
    const { parts, body } = partsOf(0, 1000, 0, 300_000, 1, 0);
    const { response, onDone, writeHead } = startedSized(parts);
    vi.advanceTimersByTime(TURNS_MS);
    expect(response.body === body).toBe(true);
    expect(writeHead).toHaveBeenCalledOnce();
    expect([response.isEnded, vi.getTimerCount()]).toEqual([true, 0]);
    expect(onDone).toHaveBeenCalledOnce();
  });

  test('leaves the other connections their turn between pieces, and stops when its reader goes', () => {
    const { parts } = partsOf(1_000_000);
    const { response, onDone, answer } = startedSized(parts);
    const first = response.body.length;
    expect(first).toBe(128 * 1024);
    vi.advanceTimersToNextTimer();
    expect(response.body.length).toBe(2 * first);
    answer.cancel();
    vi.advanceTimersByTime(1000);
    expect([response.body.length, vi.getTimerCount()]).toEqual([2 * first, 0]);
    expect(onDone).not.toHaveBeenCalled();
  });

  test('loses and doubles nothing, however little the socket takes', () => {
    const { parts, body } = partsOf(200_000, 3, 70_000);
    const { response, onDone } = startedSized(parts, 0, 1, 17, 131_071, 0, 68_000, 900);
    while (!response.isEnded) {
      expect(onDone).not.toHaveBeenCalled();
      response.onWritableHandler?.();
    }
    expect(response.body === body).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is tried again every few seconds while its reader pauses, with more than the cork holds', () => {
    const { parts, body } = partsOf(1_000_000);
    const { response } = startedSized(parts, 5000, 0, 0, 0);
    const tryEnd = vi.spyOn(response, 'tryEnd');
    vi.advanceTimersByTime(9500);
    expect(tryEnd.mock.calls.map(([piece]) => piece.length > CORK_SIZE_BYTES)).toEqual([true, true, true]);
    expect(response.body.length).toBe(5000);
    response.onWritableHandler?.();
    vi.advanceTimersByTime(TURNS_MS);
    expect(response.body === body).toBe(true);
  });

  test('whose reader has room again at such a try goes on', () => {
    const { parts, body } = partsOf(600_000);
    const { response, onDone } = startedSized(parts, 5000);
    vi.advanceTimersByTime(3000 + TURNS_MS);
    expect(response.body === body).toBe(true);
    expect(onDone).toHaveBeenCalledOnce();
  });

  test('whose reader takes nothing for too long is given up', () => {
    const { parts } = partsOf(1_000_000);
    const { response, onDone, onStalled } = startedSized(parts, ...new Array(1000).fill(0));
    vi.advanceTimersByTime(STALL_MS_MAX - 3000);
    expect(onStalled).not.toHaveBeenCalled();
    vi.advanceTimersByTime(3000);
    expect(onStalled).toHaveBeenCalledOnce();
    expect(response.isEnded).toBe(false);
    expect(onDone).not.toHaveBeenCalled();
  });
});
