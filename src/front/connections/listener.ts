/**
 * Accepts connections of one scheme, http or https, for one front end, and serves them or hands them over.
 *
 *   listen ▸ accept ─┬─▶ the App that listens        until told otherwise
 *                    ├─▶ Apps of other threads        in turn
 *                    └─▶ an App with newer certificates
 *
 * What is handed over is a bare connection: the TLS handshake is the receiving App's, with its certificates. So that is
 * also how certificates are renewed: the App that listens stays, a new one gets what comes from now on, and the
 * connections of the old one live until they end. Rejected: a second listening socket on the port beside the old one. It
 * needs SO_REUSEPORT, and what the old one had accepted and not yet taken would be lost with it.
 *
 * Rejected for other threads, too: a listening socket for each, all on one port. It works on Linux only, its hash of
 * addresses may give a thread most of a few long-lived connections and another none, and the port would no longer be one
 * that no other process can share. Handing over costs a wake-up once for each connection, and nothing after that.
 *
 * uWebSockets.js gives no App back. One that has no connections left costs its certificates, some 30 KB.
 */
import type { HttpApp } from './http-app.ts';

export class Listener {
  readonly #create: () => HttpApp;
  /** The first one listens; the last one has the newest certificates. */
  readonly #apps: [HttpApp, ...HttpApp[]];
  handsOver = false;

  /** @param create makes an App with its routes; called again when certificates are renewed. */
  constructor(create: () => HttpApp) {
    this.#create = create;
    this.#apps = [create()];
  }

  /** Where the Apps of other threads find the newest one. */
  get descriptor(): number {
    return (this.#apps.at(-1) as HttpApp).descriptor;
  }

  /** Makes an App with the certificates as they are now. Nothing goes to it before it is handed over to. */
  renew(): void {
    this.#apps.push(this.#create());
  }

  /** From now on each new connection goes to the next of the newest App and these, of other threads. */
  shareWith(others: readonly number[]): void {
    this.handsOver = true;
    this.#apps[0].handTo([this.descriptor, ...others]);
  }

  /** Starts to accept connections. @returns the port, which is a free one for port 0. Rejects when it is taken. */
  listen(host: string, port: number): Promise<number> {
    return this.#apps[0].listen(host, port);
  }

  stopListening(): void {
    this.#apps[0].stopListening();
  }

  /** Closes every connection. */
  close(): void {
    for (const app of this.#apps) app.close();
  }

  /** Resolves when none is left after `close`. */
  async closed(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.closed()));
  }
}

/**
 * A connection that was handed over before a message, or before now, may arrive after it, but no later than with the
 * turn of the event loop that comes next: the two wake a thread by different handles.
 */
export function afterHandedOver(act: () => void): void {
  setImmediate(() => setImmediate(act));
}
