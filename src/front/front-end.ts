/**
 * The HTTP side of one store client, whichever Apps it is served on: which request goes where, and what is decided
 * before that (ARCHITECTURE, invariant 3). Source of the routes and their oddities: etcd v2 API and etcd 3.4.23.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { ByteString } from '../base/byte-string.ts';
import { BAD_REQUEST_BODY, CONTENT_TYPE_HTML, CONTENT_TYPE_TEXT } from '../protocol/answers.ts';
import {
  cleanPath,
  decodePath,
  isReadableQuery,
  isSimpleUrl,
  needsCleaning,
  redirectBody,
  redirectLocation,
  redirectTarget,
} from '../protocol/path.ts';
import type { Access } from './access/access.ts';
import type { Passwords } from './access/passwords.ts';
import { ignoreBody, writeNotFound, writeOwnAnswer } from './answers/responder.ts';
import type { HttpApp, HttpHandler } from './connections/http-app.ts';
import type { FrontEndLimits } from './exchange/front-end-limits.ts';
import type { StoreClient } from './exchange/store-client.ts';
import { AuthRoutes } from './requests/auth-routes.ts';
import type { Body } from './requests/body-reader.ts';
import { ClaimedRequests } from './requests/claimed-requests.ts';
import type { Identity } from './requests/identity.ts';
import type { KeysRequest } from './requests/keys-request.ts';
import { KEYS_PREFIX, KeysRoutes } from './requests/keys-routes.ts';
import { HEALTH_PATH, METRICS_PATH, OtherRoutes } from './requests/other-routes.ts';
import type { Pages } from './requests/pages.ts';
import { PlainRequests } from './requests/plain-requests.ts';

export interface FrontEndOptions {
  readonly identity: Identity;
  /** Epoch ms: when the server was started. */
  readonly startedMs: number;
  readonly limits: FrontEndLimits;
  readonly pages: Pages;
  readonly access: Access;
  readonly passwords: Passwords;
  readonly onError: (error: unknown) => void;
}

export class FrontEnd {
  readonly #store: StoreClient;
  readonly #options: FrontEndOptions;
  readonly #claimed: ClaimedRequests;
  readonly #keys: KeysRoutes;
  readonly #plain: PlainRequests;
  readonly #auth: AuthRoutes;
  readonly #others: OtherRoutes;

  constructor(store: StoreClient, options: FrontEndOptions) {
    const { access, identity, limits, onError } = options;
    const { clusterId } = identity;
    this.#store = store;
    this.#options = options;
    this.#claimed = new ClaimedRequests(store, limits, {
      onBody: (request, body) => this.#onBody(request, body),
      onAborted: (request) => this.#onAborted(request),
    });
    this.#keys = new KeysRoutes(store, this.#claimed, { clusterId, limits, access, onError });
    this.#plain = new PlainRequests(store, { clusterId, limits, access, onError });
    this.#auth = new AuthRoutes(store, this.#claimed, this.#plain, options.passwords);
    this.#others = new OtherRoutes(store, this.#claimed, this.#plain, options);
  }

  /** Serves all of the API. */
  serveOn(app: HttpApp): void {
    // The commonest requests have routes of their own, which take the short way where they can.
    app.get(`${KEYS_PREFIX}/*`, this.#getKey);
    app.put(`${KEYS_PREFIX}/*`, this.#putKey);
    app.post(`${KEYS_PREFIX}/*`, this.#postKey);
    app.any('/*', this.#route);
  }

  /** Serves nothing but `/metrics` and `/health`: for a port of their own. */
  serveMetricsOn(app: HttpApp): void {
    app.any('/*', this.#routeMetricsOnly);
  }

  /** Says where clients are served, which is known once an App listens, to those who ask for members. */
  tellClientUrls(urls: readonly string[]): void {
    this.#options.identity.member.clientUrls = urls;
  }

  /** Requests that are under way without a slot. */
  get pendingCount(): number {
    return this.#plain.pendingCount;
  }

  /** What a request on the key space was: for the log, while its slot is not released. */
  requestIn(slot: number): { readonly method: string; readonly path: ByteString } | undefined {
    return this.#claimed.in(slot);
  }

  /** Whether the request in a slot takes a compressed listing. */
  acceptsGzipIn(slot: number): boolean {
    return this.#claimed.in(slot)?.acceptsGzip === true;
  }

  /** Of what is kept to be used again. @returns how much that was, about, in bytes. */
  letGo(): number {
    this.#store.letGo();
    return this.#claimed.letGo() + this.#keys.letGo();
  }

  readonly #getKey: HttpHandler = (response, request) => {
    if (!this.#keys.tryGet(response, request)) this.#route(response, request);
  };

  readonly #putKey: HttpHandler = (response, request) => {
    if (!this.#keys.tryWrite(response, request, 'PUT')) this.#route(response, request);
  };

  readonly #postKey: HttpHandler = (response, request) => {
    if (!this.#keys.tryWrite(response, request, 'POST')) this.#route(response, request);
  };

  readonly #route: HttpHandler = (response, request) => {
    const url = request.getUrl();
    const query = request.getQuery() ?? '';
    const isSimple = isSimpleUrl(url);
    const path = isSimple ? (url as ByteString) : decodePath(url);
    // Before all else, as in Go, which hands on no request whose URL it cannot read.
    if (path === undefined || !isReadableQuery(query)) {
      refuseUrl(response);
      return;
    }
    const method = request.getCaseSensitiveMethod();
    if (method === 'OPTIONS') {
      ignoreBody(response);
      writeOwnAnswer(response, 200, undefined, {}, '');
    } else if (isSimple || method === 'CONNECT' || !needsCleaning(path)) {
      // CONNECT asks for no path, says Go, so it cleans none.
      this.#routePath(response, request, method, path, query);
    } else redirect(response, method, path, query);
  };

  #routePath(response: HttpResponse, request: HttpRequest, method: string, path: ByteString, query: string): void {
    if (this.#keys.has(path)) this.#keys.serve(response, request, method, path, query);
    else if (this.#auth.has(path)) this.#auth.serve(response, request, method, path);
    else this.#others.serve(response, request, method, path);
  }

  readonly #routeMetricsOnly: HttpHandler = (response, request) => {
    const url = request.getUrl();
    if (url === METRICS_PATH || url === HEALTH_PATH) this.#route(response, request);
    else {
      ignoreBody(response);
      writeNotFound(response);
    }
  };

  #onBody(request: KeysRequest, body: Body): void {
    if (request.bodyShare.isTaken) this.#store.slots.holdBody(request.slot, request.bodyShare);
    try {
      this.#keys.onBody(request, body);
    } catch (error) {
      this.#options.onError(error);
      this.#store.slots.responseOf(request.slot).close();
    }
  }

  #onAborted(request: KeysRequest): void {
    const { slot } = request;
    // The store has never heard of it, so no frame is to be waited for.
    if (request.isUnsent) {
      request.abandonBody();
      this.#store.slots.release(slot);
    } else {
      this.#options.pages.forget(slot);
      this.#store.abort(slot);
    }
  }
}

/** To a URL that Go cannot read. Nothing more is taken from that connection. */
function refuseUrl(response: HttpResponse): void {
  ignoreBody(response);
  response.writeStatus('400 Bad Request').writeHeader('Content-Type', CONTENT_TYPE_TEXT).end(BAD_REQUEST_BODY, true);
}

function redirect(response: HttpResponse, method: string, path: ByteString, query: string): void {
  ignoreBody(response);
  const target = redirectTarget(cleanPath(path), query);
  const type = method === 'GET' || method === 'HEAD' ? CONTENT_TYPE_HTML : undefined;
  // To a HEAD Go says nothing of the body that a GET would get.
  const body = method === 'HEAD' ? undefined : method === 'GET' ? redirectBody(target) : '';
  writeOwnAnswer(response, 301, type, { Location: redirectLocation(target) }, body);
}
