/**
 * The routes of the key space: what the grammar accepts goes to the store as a command, what it refuses is answered here
 * and never becomes one. The two commonest requests take a short way, on which a plain key and a plain value stay bytes.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { type ByteString, byteStringOfBytes } from '../base/byte-string.ts';
import { Counter } from '../metrics/front-end-metrics.ts';
import { ALLOW, CONTENT_TYPE_JSON } from '../protocol/answers.ts';
import { Flag, type KeysCommand, Op } from '../protocol/command.ts';
import { FORM_TYPE } from '../protocol/content-type.ts';
import { type ApiError, renderError, statusOf } from '../protocol/errors.ts';
import { isPlainValueForm, PLAIN_VALUE_AT } from '../protocol/form.ts';
import { isPlain } from '../protocol/json.ts';
import { isPlainKeysUrl } from '../protocol/path.ts';
import { type KeysMethod, parseKeysRequest } from '../protocol/request.ts';
import type { ClaimedRequests } from './claimed-requests.ts';
import { expirationMsOf } from './expiration.ts';
import type { KeysRequest } from './keys-request.ts';
import { ignoreBody, refuseMethod, writeOwnAnswer } from './responder.ts';
import type { StoreClient } from './store-client.ts';

export const KEYS_PREFIX = '/v2/keys';
const SLASH = 0x2f;
const KEYS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);
const NOTHING = '' as ByteString;

export interface KeysRoutesOptions {
  /** Hexadecimal. */
  readonly clusterId: string;
  readonly pathDepthMax: number;
}

export class KeysRoutes {
  readonly #store: StoreClient;
  readonly #claimed: ClaimedRequests;
  readonly #options: KeysRoutesOptions;

  constructor(store: StoreClient, claimed: ClaimedRequests, options: KeysRoutesOptions) {
    this.#store = store;
    this.#claimed = claimed;
    this.#options = options;
  }

  /** Whether a clean path lies in the key space. */
  has(path: ByteString): boolean {
    return path.startsWith(KEYS_PREFIX) && (path.length === 8 || path.charCodeAt(8) === SLASH);
  }

  /** A read without parameters goes to the store as it is. @returns false when the request is not so simple. */
  tryGet(response: HttpResponse, request: HttpRequest): boolean {
    const url = request.getUrl();
    if (!isPlainKeysUrl(url) || request.getQuery() || hasBody(request)) return false;
    const path = url.slice(KEYS_PREFIX.length) as ByteString;
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return true;
    claimed.method = 'GET';
    claimed.path = path;
    claimed.begin(response);
    this.#store.send(Op.get, Flag.pathPlain, claimed.slot, path);
    return true;
  }

  /** The same for a write; what its body says is seen later. */
  tryPut(response: HttpResponse, request: HttpRequest): boolean {
    const url = request.getUrl();
    if (!isPlainKeysUrl(url) || request.getQuery()) return false;
    const path = url.slice(KEYS_PREFIX.length) as ByteString;
    this.#withBody(response, 'PUT', path, true, '', request.getHeader('content-type'));
    return true;
  }

  /** Any request on the key space. @param cleanPath with the prefix, and clean. */
  serve(response: HttpResponse, request: HttpRequest, method: string, cleanPath: ByteString): void {
    const end = cleanPath.charCodeAt(cleanPath.length - 1) === SLASH ? cleanPath.length - 1 : cleanPath.length;
    const path = cleanPath.slice(KEYS_PREFIX.length, end) as ByteString;
    if (!KEYS_METHODS.has(method)) {
      ignoreBody(response);
      refuseMethod(response, method, ALLOW.keys);
      return;
    }
    const query = request.getQuery() ?? '';
    if (method === 'PUT' || method === 'POST') {
      this.#withBody(response, method, path, isPlain(path), query, request.getHeader('content-type'));
      return;
    }
    ignoreBody(response);
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.method = method as KeysMethod;
    claimed.path = path;
    claimed.begin(response);
    const parsed = parseKeysRequest(method as KeysMethod, path, query, '', NOTHING);
    this.#submit(response, method, claimed.slot, parsed);
  }

  #withBody(
    response: HttpResponse,
    method: KeysMethod,
    path: ByteString,
    isPathPlain: boolean,
    query: string,
    contentType: string,
  ): void {
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.method = method;
    claimed.path = path;
    claimed.isPathPlain = isPathPlain;
    claimed.query = query;
    claimed.contentType = contentType;
    claimed.beginWithBody(response);
  }

  /** The body of a request is here. @param body undefined when it was too large; valid during the call. */
  onBody({ slot, method, path, isPathPlain, query, contentType }: KeysRequest, body: Uint8Array | undefined): void {
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
    const headers = { 'X-Etcd-Cluster-Id': this.#options.clusterId, 'X-Etcd-Index': String(error.index) };
    const body = Buffer.from(renderError(error.code, error.cause, error.index), 'latin1');
    const isHead = method === 'HEAD';
    response.cork(() => writeOwnAnswer(response, statusOf(error.code), CONTENT_TYPE_JSON, headers, body, isHead));
  }

  #isPathAllowed(path: ByteString): boolean {
    const { pathDepthMax } = this.#options;
    // Each element takes two bytes at least, so short paths need no counting.
    return path.length <= 2 * pathDepthMax || path.split('/', pathDepthMax + 2).length <= pathDepthMax + 1;
  }
}

/** Whether a body may come. Most reads have none, and are spared the handler for it. */
function hasBody(request: HttpRequest): boolean {
  return request.getHeader('content-length') !== '' || request.getHeader('transfer-encoding') !== '';
}
