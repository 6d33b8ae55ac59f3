/** Workers of a few lines in the place of the real ones: what a server hears of their lives, and how it ends them. */
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { createBell } from '../../src/links.ts';
import { ServerWorker } from '../../src/server-worker.ts';

/** @param text of the worker, to which `bell` and `say` are known. */
function serverWorker(text: string) {
  const bell = createBell();
  const before = `const { parentPort, workerData } = require('node:worker_threads');
    const bell = new Int32Array(workerData);
    const say = (message) => parentPort.postMessage(message);
    const ready = () => say({ kind: 'ready', lastSequence: 7, etcdIndex: 0, nodes: 0 });
    /** Parked, by the doorbell's word, before anybody can ring. */
    const sleep = (act = ready) => { Atomics.store(bell, 32, 1); act(); Atomics.wait(bell, 32, 1); };`;
  const worker = new Worker(`${before}\n${text}`, { eval: true, workerData: bell, execArgv: [] });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const events = { onMessage: vi.fn(), onFailure: vi.fn() };
  const own = new ServerWorker(worker, 'the worker', bell, events);
  own.ready.catch(() => {});
  return { own, exited, ...events };
}

test('is ready when it says so; all else that it says is passed on', async () => {
  const { own, onMessage, onFailure } = serverWorker(`say({ kind: 'checkpoint', sequence: 3 }); sleep();`);
  expect(await own.ready).toBe(7);
  expect(onMessage.mock.calls).toEqual([[{ kind: 'checkpoint', sequence: 3 }]]);
  await own.stopped();
  expect(onFailure).not.toHaveBeenCalled();
});

test.each([
  ['it throws', `throw new Error('no room');`, 'no room'],
  ['it ends', '', 'the worker has ended with code 0'],
])('is never ready when %s before, which is no news', async (_, text, reason) => {
  const { own, exited, onFailure } = serverWorker(text);
  await expect(own.ready).rejects.toThrow(reason);
  await exited;
  expect(onFailure).not.toHaveBeenCalled();
});

test('is never ready when it is given up; one that is ready is not given up any more', async () => {
  const early = serverWorker('sleep(() => {});');
  early.own.giveUp();
  await expect(early.own.ready).rejects.toThrow('has ended');
  const late = serverWorker(`sleep(); say({ kind: 'checkpoint', sequence: 1 });`);
  await late.own.ready;
  late.own.giveUp();
  late.own.wake();
  await late.exited;
  expect(late.onMessage).toHaveBeenCalledOnce();
});

test.each([
  ['throws', `throw new Error('a fault');`, 'the worker has failed: a fault'],
  ['ends', 'process.exit(3);', 'the worker has ended with code 3'],
])('that was ready and %s is news, once', async (_, text, reason) => {
  const { own, exited, onFailure } = serverWorker(`sleep(); ${text}`);
  await own.ready;
  own.wake();
  await exited;
  expect(onFailure.mock.calls.map(([error]) => error.message)).toEqual([reason]);
});

test('that throws while it stops is news, too', async () => {
  const { own, onFailure } = serverWorker(`sleep(); throw new Error('at last');`);
  await own.ready;
  await own.stopped();
  expect(onFailure.mock.calls.map(([error]) => error.message)).toEqual(['the worker has failed: at last']);
});

test('that does not stop is ended in the end', async () => {
  const { own, onFailure } = serverWorker('ready(); for (;;);');
  await own.ready;
  await own.stopped(1);
  await own.stopped();
  expect(onFailure).not.toHaveBeenCalled();
});
