/**
 * All front ends of a server: the first on the main thread, which listens, the others each on a thread of its own. With
 * more than one the first hands each new connection to the next of them, itself included.
 *
 *   main thread        listen ─▶ accept ─┬─▶ front end 0 ══ rings ══╗
 *   thread of number 1                   ├─▶ front end 1 ══ rings ══╬══ store worker
 *   thread of number 2                   └─▶ front end 2 ══ rings ══╝
 */

import { afterHandedOver } from './connections/listener.ts';
import type { ListenAddress } from './connections/listeners.ts';
import { FrontEndThread } from './front-end-thread.ts';
import { type FrontEndEvents, type FrontEndSetup, OpenFrontEnd } from './open-front-end.ts';

export class FrontEnds {
  readonly #first: OpenFrontEnd;
  readonly #threads: readonly FrontEndThread[];

  /** @param setups by number; the first is opened on this thread. */
  constructor(setups: readonly FrontEndSetup[], events: FrontEndEvents) {
    const [first, ...others] = setups as readonly [FrontEndSetup, ...FrontEndSetup[]];
    // Before there are threads: if it throws, nobody would hear them or end them.
    this.#first = new OpenFrontEnd(first, events);
    this.#threads = others.map((setup) => new FrontEndThread(setup, events));
  }

  /**
   * Serves clients. Threads come first: whoever tries to connect until the server is there would be the first one's.
   * @param advertisedUrls what is told of members; the URLs listened on when it is empty.
   * @returns the URLs listened on, with their real ports. Rejects when an address cannot be had, or a thread not start.
   */
  async listen(addresses: readonly ListenAddress[], advertisedUrls: readonly string[]): Promise<string[]> {
    const { frontEnd, listeners } = this.#first;
    const descriptors = await Promise.all(this.#threads.map(({ ready }) => ready));
    if (descriptors.length > 0) listeners.shareWith(descriptors);
    const urls = await listeners.listen(addresses);
    const clientUrls = advertisedUrls.length === 0 ? urls : advertisedUrls;
    frontEnd.tellClientUrls(clientUrls);
    // Before any connection: none is accepted until the event loop has its turn.
    for (const thread of this.#threads) thread.serve(clientUrls);
    return urls;
  }

  /** Serves `/metrics` and `/health` on further addresses: the first front end does. @returns their URLs. */
  listenForMetrics(addresses: readonly ListenAddress[]): Promise<string[]> {
    return this.#first.listenForMetrics(addresses);
  }

  /**
   * Connections that come after this have certificates as their files are now; those that are there go on. Rejects when
   * one of the threads cannot use them: then nothing has changed.
   */
  async renewCertificates(): Promise<void> {
    this.#first.renewCertificates();
    const renewals = this.#threads.map((thread) => thread.renewCertificates());
    // All have answered before the next reload asks: none takes a late answer to this one for its own.
    await Promise.allSettled(renewals);
    this.#first.useRenewed(await Promise.all(renewals));
  }

  stopListening(): void {
    this.#first.stopListening();
  }

  /** Ends all watches. Resolves when no answer is due any more. */
  async drain(): Promise<void> {
    // Those that are on their way to this very thread are to be found by `close`.
    if (this.#first.handsOver) await new Promise<void>(afterHandedOver);
    const first = new Promise<void>((resolve) => this.#first.drain(resolve));
    await Promise.all([first, ...this.#threads.map((thread) => thread.drain())]);
  }

  /** Closes every connection; nothing is awaited, polled or written afterwards. */
  async close(): Promise<void> {
    this.#first.close();
    await Promise.all([this.#first.closed(), ...this.#threads.map((thread) => thread.close())]);
  }
}
