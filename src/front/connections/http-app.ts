/**
 * One uWebSockets.js App: its routes, where it listens, and the connections that it shares with the Apps of other threads.
 *
 * The library gives no App back, and holds what was handed to it for as long as the thread lives. Behind a handler is a
 * whole server with its rings, so handlers reach what they serve by variables that are changed when the App has closed.
 */
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { NO_ORIGIN } from '../../protocol/cors.ts';
import { noteOrigin } from '../answers/origins.ts';
import { writeOverload } from '../answers/responder.ts';
import type { Admission } from './admission.ts';
import type { ConnectionLimit } from './connection-limit.ts';
import { uWS } from './library.ts';

export type HttpHandler = (response: HttpResponse, request: HttpRequest) => void;

export interface HttpAppOptions {
  readonly isSecure: boolean;
  /** Looked at before each request, where there is something to look at. */
  readonly admit: Admission | undefined;
  /** Of its connections; undefined for none. */
  readonly limit: ConnectionLimit | undefined;
  /** Whether all origins may read answers: what a connection too many is told comes before anything that names one. */
  readonly allowsAllOrigins: boolean;
  /** Gets what a handler has thrown. */
  readonly onError: (error: unknown) => void;
}

export class HttpApp {
  readonly #app: TemplatedApp;
  readonly #admit: Admission | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #listenSockets: us_listen_socket[] = [];
  #receivers: readonly number[] = [];
  readonly #releases: (() => void)[] = [];
  /** Of an SSLApp. */
  #connectionCount = 0;

  /** @param app an App or an SSLApp, without routes. */
  constructor(app: TemplatedApp, { isSecure, admit, limit, allowsAllOrigins, onError }: HttpAppOptions) {
    this.#app = app;
    this.#admit = admit;
    this.#onError = onError;
    if (isSecure) this.#onConnection(this.#countConnection);
    if (limit === undefined) return;
    const refuse = isSecure ? close : (response: HttpResponse) => refuseConnection(response, limit, allowsAllOrigins);
    this.#onConnection((response, change) => {
      if (change < 0) limit.closed();
      else if (!limit.opened()) refuse(response);
    });
  }

  readonly #countConnection: ConnectionHandler = (_, change) => {
    this.#connectionCount += change;
  };

  #onConnection(handle: ConnectionHandler): void {
    let note = handle;
    this.#releases.push(() => {
      note = ignore;
    });
    this.#app.filter((response, change: unknown) => note(response, Number(change)));
  }

  get(pattern: string, handle: HttpHandler): void {
    this.#app.get(pattern, this.#guarded(handle));
  }

  put(pattern: string, handle: HttpHandler): void {
    this.#app.put(pattern, this.#guarded(handle));
  }

  post(pattern: string, handle: HttpHandler): void {
    this.#app.post(pattern, this.#guarded(handle));
  }

  /** By whatever method, those of routes of their own excepted. */
  any(pattern: string, handle: HttpHandler): void {
    this.#app.any(pattern, this.#guarded(handle));
  }

  /** An exception while one request is served closes its connection, and ends nothing else. */
  #guarded(handle: HttpHandler): HttpHandler {
    let serve = handle;
    let admit = this.#admit;
    let tell = this.#onError;
    this.#releases.push(() => {
      serve = close;
      admit = undefined;
      tell = ignore;
    });
    return (response, request) => {
      try {
        if (admit === undefined || admit(response, request)) serve(response, request);
      } catch (error) {
        tell(error);
        response.close();
      }
    };
  }

  /** Where other Apps find this one, on whichever thread they are. */
  get descriptor(): number {
    return (this.#app as unknown as SharesConnections).getDescriptor();
  }

  /** From now on each new connection goes to the next of these Apps, and to none of those of the last call. */
  handTo(descriptors: readonly number[]): void {
    const app = this.#app as unknown as SharesConnections;
    for (const descriptor of this.#receivers) app.removeChildAppDescriptor(descriptor);
    for (const descriptor of descriptors) app.addChildAppDescriptor(descriptor);
    this.#receivers = descriptors;
  }

  /** Starts to accept connections. @returns the port, which is a free one for port 0. Rejects when it is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      // LIBUS_LISTEN_EXCLUSIVE_PORT: a port that another process serves is an error, not a port shared with it.
      (this.#app as unknown as ListensWithOptions).listen(host, port, LISTEN_EXCLUSIVE_PORT, (socket) => {
        if (socket === false) {
          reject(new Error(`cannot listen on ${host}:${port}: the address is in use or not available`));
          return;
        }
        this.#listenSockets.push(socket);
        resolve(uWS.us_socket_local_port(socket));
      });
    });
  }

  stopListening(): void {
    for (const socket of this.#listenSockets.splice(0)) uWS.us_listen_socket_close(socket);
  }

  /** Closes every connection. */
  close(): void {
    this.stopListening();
    this.#app.close();
  }

  /**
   * Resolves when no connection is left after `close`, and nothing is held any more of what was served. When many TLS handshakes
   * are under way uWebSockets.js lets some of them wait where `close` does not see them, and goes on with a few each turn of the
   * event loop.
   */
  async closed(): Promise<void> {
    // One more in each turn at least, and none comes any more.
    for (let turns = this.#connectionCount; turns > 0 && this.#connectionCount > 0; turns--) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#app.close();
    }
    for (const release of this.#releases.splice(0)) release();
  }
}

/** @param change 1 for a new connection, -1 for one that is no more. */
type ConnectionHandler = (response: HttpResponse, change: number) => void;

const LISTEN_EXCLUSIVE_PORT = 1;
/** Host and options together are understood, but not declared. */
type ListensWithOptions = {
  listen(host: string, port: number, options: number, onListen: (socket: us_listen_socket | false) => void): void;
};
/** Not declared. A descriptor is an address that travels as a number; its App must not go while others may use it. */
type SharesConnections = {
  getDescriptor(): number;
  addChildAppDescriptor(descriptor: number): void;
  removeChildAppDescriptor(descriptor: number): void;
};

/**
 * A connection too many gets its answer before it has asked for anything, and is closed: waiting for its request would
 * keep a descriptor, and the request would not tell which connection it came by. Clients read it as the answer to their
 * first request, since that is on its way or not yet sent.
 */
function refuseConnection(response: HttpResponse, { max }: ConnectionLimit, allowsAllOrigins: boolean): void {
  if (!allowsAllOrigins) noteOrigin(response, NO_ORIGIN);
  response.cork(() => writeOverload(response, `there are ${max} connections already (--max-connections)`, true));
}

/** Over TLS nothing can be said before the handshake, and that is what costs. */
function close(response: HttpResponse): void {
  response.close();
}

function ignore(): void {}
