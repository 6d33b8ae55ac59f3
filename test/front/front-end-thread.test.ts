/** The main thread's side of a front end whose thread is played: what it does when that does not do as it is told. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSharedWords } from '../../src/frame/shared-words.ts';
import { FrontEndThread } from '../../src/front/front-end-thread.ts';
import type { FrontEndSetup } from '../../src/front/open-front-end.ts';

interface PlayedWorker extends EventEmitter {
  readonly told: { readonly kind: string }[];
  isReferenced: boolean;
}

const played = vi.hoisted(() => ({ workers: [] as unknown[] }));

vi.mock('node:worker_threads', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:worker_threads')>()),
  Worker: class extends EventEmitter implements PlayedWorker {
    readonly told: { kind: string }[] = [];
    isReferenced = true;
    constructor() {
      super();
      played.workers.push(this);
    }
    postMessage(message: { kind: string }): void {
      this.told.push(message);
    }
    unref(): void {
      this.isReferenced = false;
    }
  },
}));

let thread: FrontEndThread;
let worker: PlayedWorker;
let errors: string[];
const onFatal = vi.fn();

beforeEach(async () => {
  vi.useFakeTimers();
  errors = [];
  onFatal.mockClear();
  const setup = { number: 1, words: createSharedWords(), requests: {}, replies: {} } as FrontEndSetup;
  thread = new FrontEndThread(setup, {
    onError: (error) => errors.push((error as Error).message),
    onWarning: () => {},
    onFatal,
  });
  worker = played.workers.at(-1) as PlayedWorker;
  worker.emit('message', { kind: 'ready', descriptors: [] });
  await thread.ready;
});

afterEach(() => {
  worker.emit('exit', 0);
  vi.useRealTimers();
});

test('a stop waits for the end of its thread', async () => {
  const onClosed = vi.fn();
  const closed = thread.close().then(onClosed);
  await vi.advanceTimersByTimeAsync(100);
  expect(worker.told).toEqual([{ kind: 'close' }]);
  expect(onClosed).not.toHaveBeenCalled();
  worker.emit('exit', 0);
  await closed;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(errors).toEqual([]);
  expect(onFatal).not.toHaveBeenCalled();
});

test('but not for one that hangs, which keeps no process alive', async () => {
  const closed = thread.close();
  await vi.advanceTimersByTimeAsync(60_000);
  await closed;
  expect(errors).toEqual(['front end 1 does not end: its thread hangs']);
  expect(worker.isReferenced).toBe(false);
  expect(onFatal).not.toHaveBeenCalled();
});
