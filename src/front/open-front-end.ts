/** Puts a front end together, for whichever thread it is to live on: the first on the main thread, others on their own. */

import { SpareHeap } from '../base/spare-heap.ts';
import type { LinkEnd } from '../frame/link.ts';
import { ReadVersions } from '../frame/read-versions.ts';
import { SharedWords } from '../frame/shared-words.ts';
import { Counter, FrontEndMetrics } from '../metrics/front-end-metrics.ts';
import { watchGarbageCollections } from '../metrics/garbage-collections.ts';
import { UncountedMetrics } from '../metrics/uncounted-metrics.ts';
import { Doorbell } from '../ring/doorbell.ts';
import { Access } from './access/access.ts';
import { type PasswordLimits, Passwords } from './access/passwords.ts';
import { SecurityCopy } from './access/security-copy.ts';
import { Responder } from './answers/responder.ts';
import { admissionOf } from './connections/admission.ts';
import type { TlsFiles } from './connections/certificates.ts';
import { ConnectionLimit } from './connections/connection-limit.ts';
import { HttpApp } from './connections/http-app.ts';
import { type AppDescriptors, type ListenAddress, Listeners } from './connections/listeners.ts';
import type { FrontEndLimits } from './exchange/front-end-limits.ts';
import { SlowRequests } from './exchange/slow-requests.ts';
import { StoreClient } from './exchange/store-client.ts';
import { FrontEnd } from './front-end.ts';
import { type MonitoredServer, pageRendererOf } from './monitored-server.ts';
import { QuietLoop } from './quiet-loop.ts';
import type { Identity } from './requests/identity.ts';
import { Pages } from './requests/pages.ts';

/** What a front end is given; all of it can be sent to another thread. */
export interface FrontEndSetup {
  /** From 0 on, as the store worker counts them. 0 is on the main thread. */
  readonly number: number;
  readonly words: SharedArrayBuffer;
  /** Of `ReadVersions`. */
  readonly readVersions: SharedArrayBuffer;
  readonly storeBell: SharedArrayBuffer;
  /** Its own. */
  readonly bell: SharedArrayBuffer;
  /** Its ends of its two links. */
  readonly requests: LinkEnd;
  readonly replies: LinkEnd;
  /** For https; undefined for none. */
  readonly tls: TlsFiles | undefined;
  /** Those whose scripts may read answers; undefined for all. */
  readonly corsOrigins: readonly string[] | undefined;
  readonly identity: Identity;
  readonly raftTerm: number;
  /** Epoch ms: when the server was started. */
  readonly startedMs: number;
  readonly limits: FrontEndLimits;
  readonly pollMs: number;
  /** What it counts, of `FrontEndMetrics`. */
  readonly metrics: SharedArrayBuffer;
  /** Whether it counts at all: `UncountedMetrics`. */
  readonly isCounting: boolean;
  /** For the pages about the server. */
  readonly monitored: MonitoredServer;
  /** How long such a page waits for what the store says. */
  readonly storeReadingMsMax: number;
  /** An answer that takes so long is told in the log; Infinity for never. */
  readonly slowRequestMs: number;
  readonly passwords: PasswordLimits;
}

/** What it says to the server. */
export interface FrontEndEvents {
  /** A request could not be served; nothing else has ended. */
  readonly onError: (error: unknown) => void;
  /** Something for the log. */
  readonly onWarning: (fields: object, text: string) => void;
  /** It cannot go on. */
  readonly onFatal: (error: unknown) => void;
}

const DRAIN_CHECK_MS = 2;

export class OpenFrontEnd {
  readonly client: StoreClient;
  readonly frontEnd: FrontEnd;
  /** Where clients come from. */
  readonly listeners: Listeners;
  readonly #tls: TlsFiles | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #endOfWatching: () => void;
  readonly #quiet: QuietLoop;
  readonly #passwords: Passwords;
  #metricsListeners: Listeners | undefined;
  #draining: NodeJS.Timeout | undefined;

  constructor(setup: FrontEndSetup, { onError, onWarning, onFatal }: FrontEndEvents) {
    const { identity, limits, startedMs, isCounting } = setup;
    const words = new SharedWords(setup.words);
    const metrics = isCounting ? new FrontEndMetrics(setup.metrics) : new UncountedMetrics(setup.metrics);
    const spareHeap = new SpareHeap((bytes) => {
      metrics.count(Counter.idleCollections);
      metrics.count(Counter.givenBackBytes, bytes);
    });
    this.#quiet = new QuietLoop(spareHeap, () => this.frontEnd.letGo());
    this.#endOfWatching = watchGarbageCollections(metrics, () => this.#quiet.noteActivity());
    const pages = new Pages(pageRendererOf(setup.monitored, words, metrics), setup.storeReadingMsMax);
    this.#passwords = new Passwords(setup.passwords);
    const copy = new SecurityCopy();
    const access = new Access(copy, words, this.#passwords);
    const slowRequests = new SlowRequests(onWarning);
    this.client = new StoreClient({
      requests: setup.requests,
      replies: setup.replies,
      storeBell: new Doorbell(new Int32Array(setup.storeBell)),
      ownBell: new Doorbell(new Int32Array(setup.bell)),
      words,
      readVersions: new ReadVersions(setup.readVersions),
      isCounting,
      responder: new Responder(identity.clusterId, setup.raftTerm, setup.corsOrigins),
      number: setup.number,
      pollMs: setup.pollMs,
      limits,
      metrics,
      slowRequestMs: setup.slowRequestMs,
      onSlow: (slot, status, tookMs, isGone) => {
        const request = this.frontEnd.requestIn(slot);
        if (request !== undefined) slowRequests.note(request.method, request.path, status, tookMs, isGone);
      },
      onSecurity: (version, news) => {
        copy.take(version, news);
        access.renewed();
      },
      acceptsGzip: (slot) => this.frontEnd.acceptsGzipIn(slot),
      onError,
      onReading: (slot, response, body) => pages.tell(slot, response, body),
      onFatal,
    });
    this.frontEnd = new FrontEnd(this.client, {
      identity,
      startedMs,
      limits,
      pages,
      access,
      passwords: this.#passwords,
      onError,
    });
    this.#tls = setup.tls;
    this.#onError = onError;
    const counted = setup.monitored.frontEnds.map((memory) => new FrontEndMetrics(memory));
    const limit = new ConnectionLimit(limits.connectionsMax, metrics, counted);
    this.listeners = this.#listenersFor(setup.corsOrigins, limit, (app) => this.frontEnd.serveOn(app));
  }

  /** @param origins those whose scripts may read answers; undefined for all. @param limit of connections; undefined: none. */
  #listenersFor(
    origins: readonly string[] | undefined,
    limit: ConnectionLimit | undefined,
    serveOn: (app: HttpApp) => void,
  ): Listeners {
    const tls = this.#tls;
    return new Listeners(tls, (bare, isSecure) => {
      const requiresCertificate = isSecure && tls?.trustedCaFile !== undefined;
      const admit = admissionOf(requiresCertificate, tls?.nameUsers === true, origins);
      const allowsAllOrigins = origins === undefined;
      const app = new HttpApp(bare, { isSecure, admit, limit, allowsAllOrigins, onError: this.#onError });
      serveOn(app);
      return app;
    });
  }

  /** Serves `/metrics` and `/health`, and nothing else, on addresses of their own. @returns their URLs. */
  async listenForMetrics(addresses: readonly ListenAddress[]): Promise<string[]> {
    if (addresses.length === 0) return [];
    // As with etcd, these pages are for no script in a browser.
    this.#metricsListeners = this.#listenersFor([], undefined, (app) => this.frontEnd.serveMetricsOn(app));
    return this.#metricsListeners.listen(addresses);
  }

  /** Reads the certificates anew, for connections that come after `useRenewed`. Throws when they are of no use. */
  renewCertificates(): void {
    this.listeners.renew();
    this.#metricsListeners?.renew();
  }

  /** @param others the Apps of the front ends of other threads, renewed too. */
  useRenewed(others: readonly AppDescriptors[]): void {
    this.listeners.useRenewed(others);
    this.#metricsListeners?.useRenewed([]);
  }

  /** Whether a connection can be on its way from one App to another. */
  get handsOver(): boolean {
    return this.listeners.handsOver || this.#metricsListeners?.handsOver === true;
  }

  stopListening(): void {
    this.listeners.stopListening();
    this.#metricsListeners?.stopListening();
  }

  /** Ends all watches, and calls back when no answer is due any more; not after `close`. */
  drain(onDrained: () => void): void {
    this.client.endWatches();
    const check = () => {
      if (this.client.dueCount === 0 && this.frontEnd.pendingCount === 0) onDrained();
      else this.#draining = setTimeout(check, DRAIN_CHECK_MS);
    };
    check();
  }

  /** Closes every connection; nothing is awaited, polled or written afterwards. */
  close(): void {
    // What the store has not answered by now is due for ever.
    clearTimeout(this.#draining);
    this.listeners.close();
    this.#metricsListeners?.close();
    this.#endOfWatching();
    this.#quiet.close();
    this.client.close();
    void this.#passwords.close();
  }

  /** Resolves when no connection is left after `close`. */
  async closed(): Promise<void> {
    await Promise.all([this.listeners.closed(), this.#metricsListeners?.closed()]);
  }
}
