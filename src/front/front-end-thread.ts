/** A front end on a thread of its own, as the main thread sees it. */
import { Worker } from 'node:worker_threads';
import { siblingModule, threadFlags } from '../base/sibling-module.ts';
import { SharedWords } from '../frame/shared-words.ts';
import type { AppDescriptors } from './connections/listeners.ts';
import type { FromFrontEnd, ToFrontEnd } from './front-end-message.ts';
import type { FrontEndEvents, FrontEndSetup } from './open-front-end.ts';

/** Closing takes a turn of the thread's event loop; a thread that takes longer hangs. */
const CLOSE_MS_MAX = 1000;
/** The same of its end, for which a stop waits: what comes after that must not be lost because of it. */
const END_MS_MAX = 2000;

export class FrontEndThread {
  /** Resolves with its Apps when it can take connections; rejects when it ends instead. */
  readonly ready: Promise<AppDescriptors>;
  readonly #number: number;
  readonly #worker: Worker;
  readonly #words: SharedWords;
  readonly #events: FrontEndEvents;
  #isReady = false;
  #hasEnded = false;
  #isClosing = false;
  #onDrained = () => {};
  #onRenewed: (outcome: AppDescriptors | Error) => void = () => {};

  constructor(setup: FrontEndSetup, events: FrontEndEvents) {
    this.#number = setup.number;
    this.#words = new SharedWords(setup.words);
    this.#events = events;
    this.#worker = new Worker(siblingModule(import.meta.url, 'front-end-worker'), {
      name: `uetcd-front-end-${setup.number}`,
      workerData: setup,
      ...threadFlags,
      transferList: [setup.requests.port, setup.replies.port],
    });
    noteRunning(this);
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromFrontEnd) => {
        if (message.kind === 'ready') {
          this.#isReady = true;
          resolve(message.descriptors);
        } else this.#hear(message);
      });
      this.#worker.on('error', (error) => (this.#isReady ? this.#fail(error) : reject(error)));
      this.#worker.on('exit', (code) => {
        this.#hasEnded = true;
        noteEnded(this);
        this.#onDrained();
        const error = new Error(`it has ended with code ${code}`);
        this.#onRenewed(error);
        if (!this.#isReady) reject(error);
        else if (!this.#isClosing) this.#fail(error);
      });
    });
  }

  serve(clientUrls: readonly string[]): void {
    this.#tell({ kind: 'serve', clientUrls });
  }

  /** Resolves with new Apps, with the certificates as their files are now; rejects when they are of no use. */
  renewCertificates(): Promise<AppDescriptors> {
    if (this.#hasEnded) return Promise.reject(new Error(`front end ${this.#number} has ended`));
    return new Promise((resolve, reject) => {
      this.#onRenewed = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      this.#tell({ kind: 'renew' });
    });
  }

  /** Ends its watches. Resolves when no answer is due any more. */
  drain(): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      this.#tell({ kind: 'drain' });
    });
  }

  /**
   * Closes its connections. Resolves when the thread has ended, or hangs. One that hangs is left alone: it may have
   * connections still, with which nobody may end it.
   */
  close(): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#events.onError(new Error(`front end ${this.#number} does not end: its thread hangs`));
        this.#worker.unref();
        resolve();
      }, END_MS_MAX);
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.tellToClose();
    });
  }

  tellToClose(): void {
    this.#isClosing = true;
    this.#tell({ kind: 'close' });
  }

  /** Blocks until it has closed its connections after `tellToClose`. */
  waitForClose(): void {
    this.#words.waitForFrontEndClosed(this.#number, CLOSE_MS_MAX);
  }

  #tell(message: ToFrontEnd): void {
    this.#worker.postMessage(message);
  }

  #hear(message: Exclude<FromFrontEnd, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'drained':
        this.#onDrained();
        return;
      case 'renewed':
        this.#onRenewed(message.outcome);
        return;
      case 'error':
        this.#events.onError(message.error);
        return;
      case 'warning':
        this.#events.onWarning(message.fields, message.text);
        return;
      case 'failed':
        this.#fail(message.error);
        return;
    }
  }

  #fail(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#events.onFatal(new Error(`front end ${this.#number} has failed: ${reason}`, { cause }));
  }
}

/**
 * Those of all servers of this process. When the process ends without having closed them, their connections must be
 * closed all the same: see front-end-worker.ts.
 */
const running = new Set<FrontEndThread>();

function noteRunning(thread: FrontEndThread): void {
  if (running.size === 0) process.on('exit', closeRunning);
  running.add(thread);
}

function noteEnded(thread: FrontEndThread): void {
  running.delete(thread);
  if (running.size === 0) process.off('exit', closeRunning);
}

function closeRunning(): void {
  for (const thread of running) thread.tellToClose();
  for (const thread of running) thread.waitForClose();
}
