/** Where a front end's connections come from: a listener for http, and one for https where there are certificates. */
import type { TemplatedApp } from 'uWebSockets.js';
import { assert } from '../../base/assert.ts';
import type { TlsFiles } from './certificates.ts';
import type { HttpApp } from './http-app.ts';
import { uWS } from './library.ts';
import { Listener } from './listener.ts';

export interface ListenAddress {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
}

/** The Apps that take a front end's connections. */
export interface AppDescriptors {
  readonly plain: number;
  readonly secure: number | undefined;
}

export class Listeners {
  readonly #plain: Listener;
  readonly #secure: Listener | undefined;

  /** @param equip makes an App one that serves: with its routes. */
  constructor(tls: TlsFiles | undefined, equip: (app: TemplatedApp, isSecure: boolean) => HttpApp) {
    this.#plain = new Listener(() => equip(uWS.App(), false));
    this.#secure = tls && new Listener(() => equip(createSecureApp(tls), true));
  }

  get descriptors(): AppDescriptors {
    return { plain: this.#plain.descriptor, secure: this.#secure?.descriptor };
  }

  /** Whether connections are handed over, and may be on their way when no more are accepted. */
  get handsOver(): boolean {
    return this.#plain.handsOver || this.#secure?.handsOver === true;
  }

  /** From now on connections go to this front end and to those of other threads, in turn. */
  shareWith(others: readonly AppDescriptors[]): void {
    this.#plain.shareWith(others.map(({ plain }) => plain));
    this.useRenewed(others);
  }

  /** Reads the certificates anew, for connections that come after `useRenewed`. Throws when they are of no use. */
  renew(): void {
    this.#secure?.renew();
  }

  /** @param others the Apps of other threads, renewed too. */
  useRenewed(others: readonly AppDescriptors[]): void {
    this.#secure?.shareWith(others.map(({ secure }) => secure).filter((secure) => secure !== undefined));
  }

  /** @returns the URLs with their real ports. Rejects when an address cannot be had. */
  async listen(addresses: readonly ListenAddress[]): Promise<string[]> {
    const urls: string[] = [];
    for (const { isSecure, host, port } of addresses) {
      const listener = isSecure ? this.#secure : this.#plain;
      assert(listener !== undefined, 'there are certificates where https is listened on');
      const realPort = await listener.listen(host, port);
      const scheme = isSecure ? 'https' : 'http';
      urls.push(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${realPort}`);
    }
    return urls;
  }

  stopListening(): void {
    this.#plain.stopListening();
    this.#secure?.stopListening();
  }

  /** Closes every connection. */
  close(): void {
    this.#plain.close();
    this.#secure?.close();
  }

  /** Resolves when none is left after `close`. */
  async closed(): Promise<void> {
    await Promise.all([this.#plain.closed(), this.#secure?.closed()]);
  }
}

/** Throws when uWebSockets.js does not take the files. */
function createSecureApp({ certFile, keyFile, trustedCaFile }: TlsFiles): TemplatedApp {
  const ca = trustedCaFile === undefined ? {} : { ca_file_name: trustedCaFile };
  try {
    return uWS.SSLApp({ cert_file_name: certFile, key_file_name: keyFile, ...ca });
  } catch (cause) {
    throw new Error(`TLS cannot be set up with ${certFile} and ${keyFile}`, { cause });
  }
}
