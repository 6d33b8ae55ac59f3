/** A worker as its server sees it: when it is ready, that its end is news, and how it is ended. */
import type { Worker } from 'node:worker_threads';
import { Doorbell } from './ring/doorbell.ts';
import type { WorkerMessage } from './workers/setup.ts';

export interface ServerWorkerEvents {
  /** All that it says but that it is ready. */
  readonly onMessage: (message: Exclude<WorkerMessage, { kind: 'ready' }>) => void;
  /** It was ready, and has thrown, or has ended without being told to. Called once. */
  readonly onFailure: (error: Error) => void;
}

export class ServerWorker {
  /** Resolves with the sequence of the last command that it knows of; rejects when it ends instead. */
  readonly ready: Promise<number>;
  readonly #worker: Worker;
  readonly #bell: Doorbell;
  readonly #exited: Promise<unknown>;
  #isReady = false;
  /** Whether its end is no news. */
  #mayEnd = false;

  /** @param name for people. @param bell of the worker. */
  constructor(worker: Worker, name: string, bell: SharedArrayBuffer, { onMessage, onFailure }: ServerWorkerEvents) {
    this.#worker = worker;
    this.#bell = new Doorbell(new Int32Array(bell));
    this.#exited = new Promise((resolve) => worker.once('exit', resolve));
    this.ready = new Promise((resolve, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind !== 'ready') onMessage(message);
        else {
          this.#isReady = true;
          resolve(message.lastSequence);
        }
      });
      worker.on('error', (cause: Error) => {
        reject(cause);
        if (this.#isReady) onFailure(new Error(`${name} has failed: ${cause.message}`, { cause }));
        this.#mayEnd = true;
      });
      worker.on('exit', (code) => {
        const error = new Error(`${name} has ended with code ${code}`);
        reject(error);
        if (this.#isReady && !this.#mayEnd) onFailure(error);
      });
    });
  }

  /** It is to look at a word. */
  wake(): void {
    this.#bell.ring();
  }

  /**
   * Waits for the end of a worker that a word has told to stop.
   * @param msMax after which it is ended, whatever it is at; without, it has all the time that it needs.
   */
  async stopped(msMax?: number): Promise<void> {
    this.#mayEnd = true;
    this.wake();
    const timer = msMax === undefined ? undefined : setTimeout(() => void this.terminate(), msMax);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends it where it stands. */
  async terminate(): Promise<void> {
    this.#mayEnd = true;
    await this.#worker.terminate();
  }

  /** Does so unless it is ready: nobody waits for that any more. */
  giveUp(): void {
    if (!this.#isReady) void this.terminate();
  }
}
