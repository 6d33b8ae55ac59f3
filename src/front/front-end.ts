/**
 * The HTTP side of the server: one uWebSockets.js App, its routes, and what it decides without the store (ARCHITECTURE,
 * invariant 3): routing, grammar, limits. Source of the routes and their oddities: etcd v2 API and etcd 3.4.23.
 */
import './header-limit.ts';
import uWS, { type HttpRequest, type HttpResponse, type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';
import { type ByteString, byteStringOf, byteStringOfBytes } from '../base/byte-string.ts';
import { ControlOp } from '../frame/command-frame.ts';
import { Counter } from '../metrics/front-end-metrics.ts';
import {
  ALLOW,
  BAD_REQUEST_BODY,
  CONTENT_TYPE_HTML,
  CONTENT_TYPE_JSON,
  CONTENT_TYPE_TEXT,
  METHOD_NOT_ALLOWED_BODY,
  NO_SNIFF,
  NOT_FOUND_BODY,
  renderLeaderStats,
  renderMachines,
  renderSelfStats,
  VERSION_BODY,
} from '../protocol/answers.ts';
import { answerAuthOff } from '../protocol/auth-off.ts';
import { Flag, type KeysCommand, Op } from '../protocol/command.ts';
import { FORM_TYPE } from '../protocol/content-type.ts';
import { type ApiError, renderError, statusOf } from '../protocol/errors.ts';
import { isPlainValueForm, PLAIN_VALUE_AT } from '../protocol/form.ts';
import { isPlain } from '../protocol/json.ts';
import { answerMembers, type PlainAnswer } from '../protocol/members.ts';
import {
  cleanPath,
  decodePath,
  isPlainKeysUrl,
  isSimpleUrl,
  needsCleaning,
  redirectBody,
  redirectLocation,
} from '../protocol/path.ts';
import { type KeysMethod, parseKeysRequest } from '../protocol/request.ts';
import { BodyReader } from './body-reader.ts';
import { expirationMsOf } from './expiration.ts';
import type { Identity } from './identity.ts';
import { KeysRequest, type KeysRequestHandler } from './keys-request.ts';
import { Page, type Pages } from './pages.ts';
import { writeOwnAnswer } from './responder.ts';
import type { StoreClient } from './store-client.ts';

export interface FrontEndOptions {
  readonly identity: Identity;
  /** Epoch ms: when the server was started. */
  readonly startedMs: number;
  readonly requestBytesMax: number;
  readonly pathDepthMax: number;
  readonly pages: Pages;
  /** Serves nothing but `/metrics` and `/health`: for a port of their own. */
  readonly isForMetricsOnly: boolean;
  readonly onError: (error: unknown) => void;
}

const KEYS_PREFIX = '/v2/keys';
const METRICS_PATH = '/metrics';
const HEALTH_PATH = '/health';
const VARS_PATH = '/debug/vars';
const SLASH = 0x2f;
const IGNORE = () => {};
const KEYS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);

export class FrontEnd {
  readonly #app: TemplatedApp;
  readonly #store: StoreClient;
  readonly #options: FrontEndOptions;
  readonly #listenSockets: us_listen_socket[] = [];
  /** By slot. */
  readonly #requests: KeysRequest[] = [];

  constructor(store: StoreClient, options: FrontEndOptions) {
    this.#store = store;
    this.#options = options;
    this.#app = uWS.App();
    if (options.isForMetricsOnly) {
      this.#app.any('/*', this.#guarded(this.#routeMetricsOnly));
      return;
    }
    // The two commonest requests have routes of their own, which take the short way where they can.
    this.#app.get('/v2/keys/*', this.#guarded(this.#getKey));
    this.#app.put('/v2/keys/*', this.#guarded(this.#putKey));
    this.#app.any('/*', this.#guarded(this.#route));
  }

  /** An exception while one request is served closes its connection, and ends nothing else. */
  #guarded(handle: (response: HttpResponse, request: HttpRequest) => void): typeof handle {
    return (response, request) => {
      try {
        handle.call(this, response, request);
      } catch (error) {
        this.#options.onError(error);
        response.close();
      }
    };
  }

  /** Where the Apps of other threads find this one. */
  get descriptor(): number {
    return (this.#app as unknown as SharesConnections).getDescriptor();
  }

  /**
   * From now on each new connection goes to the next of the Apps, this one's included. To be called before `listen`.
   *
   * Rejected: a listening socket for each thread, all on one port (SO_REUSEPORT). It works on Linux only, its hash of
   * addresses may give a thread most of a few long-lived connections and another none, and the port would no longer be
   * one that no other process can share. Handing over costs a wake-up once for each connection, and nothing after that.
   */
  shareConnections(descriptors: readonly number[]): void {
    const app = this.#app as unknown as SharesConnections;
    for (const descriptor of [this.descriptor, ...descriptors]) app.addChildAppDescriptor(descriptor);
  }

  /** Says where clients are served, which is known once this listens, to those who ask for members. */
  tellClientUrls(urls: readonly string[]): void {
    this.#options.identity.member.clientUrls = urls;
  }

  /** Starts to accept connections. @returns the port, which is a free one for port 0. Throws when it is taken. */
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

  /** A read without parameters goes to the store as it is. */
  #getKey(response: HttpResponse, request: HttpRequest): void {
    const url = request.getUrl();
    if (!isPlainKeysUrl(url) || request.getQuery() || hasBody(request)) {
      this.#route(response, request);
      return;
    }
    const path = url.slice(KEYS_PREFIX.length) as ByteString;
    const keysRequest = this.#claim(response);
    if (keysRequest === undefined) return;
    keysRequest.method = 'GET';
    keysRequest.path = path;
    keysRequest.begin(response);
    this.#store.send(Op.get, Flag.pathPlain, keysRequest.slot, path);
  }

  /** The same for a write; what its body says is seen later. */
  #putKey(response: HttpResponse, request: HttpRequest): void {
    const url = request.getUrl();
    const query = request.getQuery();
    if (!isPlainKeysUrl(url) || query) {
      this.#route(response, request);
      return;
    }
    const path = url.slice(KEYS_PREFIX.length) as ByteString;
    this.#keysWithBody(response, 'PUT', path, true, '', request.getHeader('content-type'));
  }

  #route(response: HttpResponse, request: HttpRequest): void {
    const url = request.getUrl();
    const method = request.getCaseSensitiveMethod();
    if (method === 'OPTIONS') {
      ignoreBody(response);
      writeOwnAnswer(response, 200, undefined, {}, '');
      return;
    }
    if (isSimpleUrl(url)) {
      this.#routeClean(response, request, method, url as ByteString);
      return;
    }
    const path = decodePath(url);
    if (path === undefined) {
      ignoreBody(response);
      response
        .writeStatus('400 Bad Request')
        .writeHeader('Content-Type', CONTENT_TYPE_TEXT)
        .end(BAD_REQUEST_BODY, true);
      return;
    }
    if (needsCleaning(path)) this.#redirect(response, request, method, path);
    else this.#routeClean(response, request, method, path);
  }

  #routeClean(response: HttpResponse, request: HttpRequest, method: string, path: ByteString): void {
    if (path.startsWith(KEYS_PREFIX) && (path.length === 8 || path.charCodeAt(8) === SLASH)) {
      const end = path.charCodeAt(path.length - 1) === SLASH ? path.length - 1 : path.length;
      this.#keys(response, request, method, path.slice(KEYS_PREFIX.length, end) as ByteString);
      return;
    }
    if (path === '/v2/members' || path.startsWith('/v2/members/')) {
      const contentType = request.getHeader('content-type');
      this.#withBody(response, method, (body) =>
        answerMembers(method, path, contentType, body, this.#options.identity.member),
      );
      return;
    }
    if (path.startsWith('/v2/auth/')) {
      this.#withBody(response, method, () => answerAuthOff(method, path));
      return;
    }
    ignoreBody(response);
    if (path === METRICS_PATH) {
      this.#tell(response, method, Page.metrics); // By whatever method, as etcd does.
      return;
    }
    const allow = ALLOW_EXACT[path];
    if (allow === undefined)
      writeOwnAnswer(response, 404, CONTENT_TYPE_TEXT, NO_SNIFF_HEADER, NOT_FOUND_BODY, method === 'HEAD');
    else if (!allow.split(',').includes(method)) refuseMethod(response, method, allow);
    else if (path === VARS_PATH) this.#tell(response, method, Page.vars);
    else this.#answerElsewhere(response, method, path);
  }

  #routeMetricsOnly(response: HttpResponse, request: HttpRequest): void {
    const url = request.getUrl();
    if (url === METRICS_PATH || url === HEALTH_PATH) this.#route(response, request);
    else {
      ignoreBody(response);
      writeOwnAnswer(response, 404, CONTENT_TYPE_TEXT, NO_SNIFF_HEADER, NOT_FOUND_BODY);
    }
  }

  /** A page about this server, for which the store is asked. */
  #tell(response: HttpResponse, method: string, page: Page): void {
    const keysRequest = this.#claim(response);
    if (keysRequest === undefined) return;
    keysRequest.begin(response);
    this.#options.pages.ask(this.#store, keysRequest.slot, page, method === 'HEAD');
  }

  /** What a request on the key space was: for the log, while its slot is not released. */
  requestIn(slot: number): { readonly method: string; readonly path: ByteString } | undefined {
    return this.#requests[slot];
  }

  /** Answers what needs a body and not the store. */
  #withBody(response: HttpResponse, method: string, answer: (body: ByteString) => PlainAnswer): void {
    let isGone = false;
    response.onAborted(() => {
      isGone = true;
    });
    const reader = new BodyReader(this.#options.requestBytesMax, (body) => {
      if (isGone) return;
      const request = body === undefined ? NOTHING : byteStringOfBytes(body);
      const { status, contentType, headers, hasClusterId, body: text } = answer(request);
      const clusterId = hasClusterId ? { 'X-Etcd-Cluster-Id': this.#options.identity.clusterId } : {};
      response.cork(() =>
        writeOwnAnswer(response, status, contentType, { ...headers, ...clusterId }, latin1(text), method === 'HEAD'),
      );
    });
    reader.read(response);
  }

  #answerElsewhere(response: HttpResponse, method: string, path: ByteString): void {
    const { identity } = this.#options;
    switch (path) {
      case '/version':
        writeOwnAnswer(response, 200, CONTENT_TYPE_JSON, {}, VERSION_BODY);
        return;
      case HEALTH_PATH:
        this.#askStore(response, ControlOp.healthCheck);
        return;
      case '/v2/stats/store':
        this.#askStore(response, ControlOp.storeStatistics);
        return;
      case '/v2/stats/self':
        writeOwnAnswer(response, 200, CONTENT_TYPE_JSON, {}, this.#renderSelf());
        return;
      case '/v2/stats/leader':
        writeOwnAnswer(response, 200, CONTENT_TYPE_JSON, {}, renderLeaderStats(identity.member.id));
        return;
      case '/v2/machines':
        writeOwnAnswer(
          response,
          200,
          CONTENT_TYPE_TEXT,
          {},
          latin1(renderMachines([identity.member])),
          method === 'HEAD',
        );
        return;
      default:
        throw new RangeError(`no answer is known for ${path}`);
    }
  }

  #renderSelf(): ByteString {
    const { id, name } = this.#options.identity.member;
    const startTimeMs = this.#options.startedMs;
    return renderSelfStats({ name, id, leaderId: id, startTimeMs, leaderSinceMs: startTimeMs, nowMs: Date.now() });
  }

  #redirect(response: HttpResponse, request: HttpRequest, method: string, path: ByteString): void {
    ignoreBody(response);
    const location = redirectLocation(cleanPath(path), request.getQuery() ?? '');
    const isHead = method === 'HEAD';
    const type = method === 'GET' || isHead ? CONTENT_TYPE_HTML : undefined;
    const body = method === 'GET' || isHead ? redirectBody(location) : '';
    writeOwnAnswer(response, 301, type, { Location: location }, body, isHead);
  }

  #keys(response: HttpResponse, request: HttpRequest, method: string, path: ByteString): void {
    if (!KEYS_METHODS.has(method)) {
      ignoreBody(response);
      refuseMethod(response, method, ALLOW.keys);
      return;
    }
    const query = request.getQuery() ?? '';
    if (method === 'PUT' || method === 'POST') {
      this.#keysWithBody(response, method, path, isPlain(path), query, request.getHeader('content-type'));
      return;
    }
    ignoreBody(response);
    const keysRequest = this.#claim(response);
    if (keysRequest === undefined) return;
    keysRequest.method = method as KeysMethod;
    keysRequest.path = path;
    keysRequest.begin(response);
    const parsed = parseKeysRequest(method as KeysMethod, path, query, '', NOTHING);
    this.#submit(response, method, keysRequest.slot, parsed);
  }

  #keysWithBody(
    response: HttpResponse,
    method: KeysMethod,
    path: ByteString,
    isPathPlain: boolean,
    query: string,
    contentType: string,
  ): void {
    const keysRequest = this.#claim(response);
    if (keysRequest === undefined) return;
    keysRequest.method = method;
    keysRequest.path = path;
    keysRequest.isPathPlain = isPathPlain;
    keysRequest.query = query;
    keysRequest.contentType = contentType;
    keysRequest.beginWithBody(response);
  }

  #onBody({ slot, method, path, isPathPlain, query, contentType }: KeysRequest, body: Uint8Array | undefined): void {
    const isPlainSet = isPathPlain && method === 'PUT' && query === '' && contentType === FORM_TYPE;
    if (isPlainSet && body !== undefined && isPlainValueForm(body) && this.#isPathAllowed(path)) {
      this.#store.sendValueBytes(Flag.pathPlain | Flag.valuePlain, slot, path, body, PLAIN_VALUE_AT);
      return;
    }
    const text = body === undefined ? NOTHING : byteStringOfBytes(body);
    const parsed = parseKeysRequest(method, path, query, contentType, text, body === undefined);
    this.#submit(this.#store.slots.responseOf(slot), method, slot, parsed);
  }

  /** Sends what the grammar has made of a request, or says why not. */
  #submit(response: HttpResponse, method: string, slot: number, parsed: KeysCommand | ApiError): void {
    if ('code' in parsed) {
      this.#refuse(response, method, slot, parsed);
      return;
    }
    if (!this.#isPathAllowed(parsed.path)) {
      const cause = `the key has more than ${this.#options.pathDepthMax} elements` as ByteString;
      this.#refuse(response, method, slot, { code: 210, cause, index: 0 });
      return;
    }
    const { timeMs } = this.#store;
    this.#store.sendCommand(slot, parsed, timeMs, expirationMsOf(parsed.ttlNs, timeMs));
  }

  #refuse(response: HttpResponse, method: string, slot: number, error: ApiError): void {
    this.#store.slots.release(slot);
    this.#store.metrics.count(Counter.refused);
    const headers = { 'X-Etcd-Cluster-Id': this.#options.identity.clusterId, 'X-Etcd-Index': String(error.index) };
    const body = latin1(renderError(error.code, error.cause, error.index));
    const isHead = method === 'HEAD';
    response.cork(() => writeOwnAnswer(response, statusOf(error.code), CONTENT_TYPE_JSON, headers, body, isHead));
  }

  #askStore(response: HttpResponse, op: ControlOp): void {
    const keysRequest = this.#claim(response);
    if (keysRequest === undefined) return;
    keysRequest.begin(response);
    this.#store.sendControl(op, keysRequest.slot);
  }

  /** Takes a slot; answers 503 and gives undefined when there is none. Whoever takes it begins it. */
  #claim(response: HttpResponse): KeysRequest | undefined {
    const slot = this.#store.slots.claim(response);
    if (slot === -1) {
      this.#store.metrics.count(Counter.tooManyRequests);
      const body = latin1(renderError(300, TOO_MANY_REQUESTS, 0));
      writeOwnAnswer(response, 503, CONTENT_TYPE_JSON, { 'Retry-After': '1' }, body);
      return undefined;
    }
    const known = this.#requests[slot];
    if (known !== undefined) return known;
    const made = new KeysRequest(slot, this.#options.requestBytesMax, this.#requestHandler);
    this.#requests[slot] = made;
    return made;
  }

  readonly #requestHandler: KeysRequestHandler = {
    onBody: (request, body) => {
      try {
        this.#onBody(request, body);
      } catch (error) {
        this.#options.onError(error);
        this.#store.slots.responseOf(request.slot).close();
      }
    },
    onAborted: ({ slot, isReading }) => {
      // The store has never heard of a request whose body did not come, so no frame is to be waited for.
      if (isReading) this.#store.slots.release(slot);
      else {
        this.#options.pages.forget(slot);
        this.#store.abort(slot);
      }
    },
  };

  #isPathAllowed(path: ByteString): boolean {
    const { pathDepthMax } = this.#options;
    // Each element takes two bytes at least, so short paths need no counting.
    return path.length <= 2 * pathDepthMax || path.split('/', pathDepthMax + 2).length <= pathDepthMax + 1;
  }
}

const LISTEN_EXCLUSIVE_PORT = 1;
/** Host and options together are understood, but not declared. */
type ListensWithOptions = {
  listen(host: string, port: number, options: number, onListen: (socket: us_listen_socket | false) => void): void;
};
/** Not declared. A descriptor is an address that travels as a number; its App must not go while others may use it. */
type SharesConnections = {
  getDescriptor(): number;
  addChildAppDescriptor(descriptor: number): void;
};
const NOTHING = '' as ByteString;
const NO_SNIFF_HEADER = { 'X-Content-Type-Options': NO_SNIFF };
const TOO_MANY_REQUESTS = byteStringOf('too many requests in flight');
const ALLOW_EXACT: Readonly<Record<string, string>> = {
  '/version': ALLOW.version,
  '/health': ALLOW.health,
  '/debug/vars': ALLOW.vars,
  '/v2/stats/store': ALLOW.stats,
  '/v2/stats/self': ALLOW.stats,
  '/v2/stats/leader': ALLOW.stats,
  '/v2/machines': ALLOW.machines,
};

/** Whether a body may come. Most reads have none, and are spared the handler for it. */
function hasBody(request: HttpRequest): boolean {
  return request.getHeader('content-length') !== '' || request.getHeader('transfer-encoding') !== '';
}

/** A body that is not looked at must be read all the same, or the connection is lost (README, limits). */
function ignoreBody(response: HttpResponse): void {
  response.onData(IGNORE);
}

function refuseMethod(response: HttpResponse, method: string, allow: string): void {
  const headers = { Allow: allow, ...NO_SNIFF_HEADER };
  writeOwnAnswer(response, 405, CONTENT_TYPE_TEXT, headers, METHOD_NOT_ALLOWED_BODY, method === 'HEAD');
}

function latin1(bytes: ByteString): Uint8Array {
  return Buffer.from(bytes, 'latin1');
}
