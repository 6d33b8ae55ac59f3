/**
 * The routes of the key space: what the grammar accepts goes to the store as a command, what it refuses is answered here
 * and never becomes one. The commonest requests take a short way, on which a plain key and a value are bytes.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { type ByteString, byteStringOfBytes } from '../../base/byte-string.ts';
import { Counter } from '../../metrics/front-end-metrics.ts';
import { ALLOW, CONTENT_TYPE_JSON } from '../../protocol/answers.ts';
import { type KeysCommand, Op } from '../../protocol/command.ts';
import { FORM_TYPE } from '../../protocol/content-type.ts';
import { type ApiError, RAFT_INTERNAL_ERROR, renderError, statusOf } from '../../protocol/errors.ts';
import { isPlain } from '../../protocol/json.ts';
import { Kernel } from '../../protocol/kernel.ts';
import { isPlainKeysUrl, isReadableQuery } from '../../protocol/path.ts';
import { isForm, type KeysMethod, parseKeysRequest, readPlainWrite } from '../../protocol/request.ts';
import { type ValueBytes, ValueForm } from '../../protocol/value-form.ts';
import type { Access, Verdict } from '../access/access.ts';
import { acceptsGzip } from '../answers/compression.ts';
import { letContinue } from '../answers/continuation.ts';
import { ignoreBody, refuseMethod, writeNoRoomForBody, writeOwnAnswer } from '../answers/responder.ts';
import { clientKeyOf } from '../connections/client-address.ts';
import { certificateNameOf } from '../connections/client-certificates.ts';
import { BodyShare } from '../exchange/body-budget.ts';
import type { FrontEndLimits } from '../exchange/front-end-limits.ts';
import type { KeptRead } from '../exchange/read-cache.ts';
import type { StoreClient } from '../exchange/store-client.ts';
import { type Body, Refused } from './body-reader.ts';
import type { ClaimedRequests } from './claimed-requests.ts';
import { expirationMsOf } from './expiration.ts';
import type { KeysRequest } from './keys-request.ts';
import { LargeForms } from './large-forms.ts';
import { counterOf, TOO_MANY_PASSWORDS } from './plain-requests.ts';

export const KEYS_PREFIX = '/v2/keys';
const SLASH = 0x2f;
/** Above that a form is read a part at a time. */
const LARGE_FORM_SIZE_BYTES = 32 * 1024;
const NOT_YET = -1;
const INSUFFICIENT_CREDENTIALS: ApiError = { code: 110, cause: 'Insufficient credentials' as ByteString, index: 0 };
const TOO_BUSY: ApiError = { code: RAFT_INTERNAL_ERROR, cause: TOO_MANY_PASSWORDS as ByteString, index: 0 };
const KEYS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);
const NOTHING = '' as ByteString;

export interface KeysRoutesOptions {
  /** Hexadecimal. */
  readonly clusterId: string;
  readonly limits: FrontEndLimits;
  readonly access: Access;
  readonly onError: (error: unknown) => void;
}

export class KeysRoutes {
  readonly #store: StoreClient;
  readonly #claimed: ClaimedRequests;
  readonly #options: KeysRoutesOptions;
  readonly #mayCompress: boolean;
  readonly #kernel = new Kernel();
  readonly #largeForms = new LargeForms(this.#kernel);
  readonly #valueForm = new ValueForm(LARGE_FORM_SIZE_BYTES, this.#kernel);

  constructor(store: StoreClient, claimed: ClaimedRequests, options: KeysRoutesOptions) {
    this.#store = store;
    this.#claimed = claimed;
    this.#options = options;
    this.#mayCompress = Number.isFinite(options.limits.gzipFromBytes);
  }

  /** Whether a clean path lies in the key space. */
  has(path: ByteString): boolean {
    return path.startsWith(KEYS_PREFIX) && (path.length === 8 || path.charCodeAt(8) === SLASH);
  }

  /** A read without parameters goes to the store as it is. @returns false when the request is not so simple. */
  tryGet(response: HttpResponse, request: HttpRequest): boolean {
    const url = request.getUrl();
    if (request.getQuery() || hasBody(request)) return false;
    const kept = this.#store.findKept(url);
    // What is kept is no listing, so nobody's wish to have it compressed matters.
    if (kept !== undefined) {
      const lookUps = this.#judgeKept(response, request, url);
      if (lookUps !== NOT_YET) {
        if (kept.isLarge) this.#answerLargeKept(response, kept, lookUps);
        else this.#store.answerKept(response, kept, lookUps);
        return true;
      }
    }
    if (!isPlainKeysUrl(url) || (this.#mayCompress && acceptsGzip(request))) return false;
    const path = url.slice(KEYS_PREFIX.length) as ByteString;
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return true;
    claimed.method = 'GET';
    claimed.path = path;
    claimed.acceptsGzip = false;
    claimed.begin(response);
    this.#noteClaim(claimed, response, request, path);
    const lookUps = this.#judgeNow(claimed, false);
    if (lookUps !== NOT_YET) this.#sendRead(claimed, url, lookUps);
    else this.#judge(claimed, false, (cost) => this.#sendRead(claimed, url, cost));
    return true;
  }

  #sendRead(claimed: KeysRequest, url: string, lookUps: number): void {
    this.#store.sendRead(claimed.slot, claimed.path, url, lookUps, claimed.heldSinceMs);
    claimed.isUnsent = false;
  }

  #answerLargeKept(response: HttpResponse, kept: KeptRead, lookUps: number): void {
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.begin(response);
    this.#store.answerLargeKept(claimed.slot, kept, lookUps);
  }

  /** The same for a write to a plain path; what its query and its body say is seen later. */
  tryWrite(response: HttpResponse, request: HttpRequest, method: 'PUT' | 'POST'): boolean {
    const url = request.getUrl();
    const query = request.getQuery() ?? '';
    if (!isPlainKeysUrl(url) || !isReadableQuery(query)) return false;
    const path = url.slice(KEYS_PREFIX.length) as ByteString;
    this.#withBody(response, request, method, path, path, true, query);
    return true;
  }

  /** Any request on the key space. @param fullPath with the prefix, and clean for every method that there is. */
  serve(response: HttpResponse, request: HttpRequest, method: string, fullPath: ByteString, query: string): void {
    const key = fullPath.slice(KEYS_PREFIX.length) as ByteString;
    const path = (key.endsWith('/') ? key.slice(0, -1) : key) as ByteString;
    if (!KEYS_METHODS.has(method)) {
      ignoreBody(response);
      refuseMethod(response, method, ALLOW.keys);
      return;
    }
    if (method === 'PUT' || method === 'POST') {
      this.#withBody(response, request, method, path, key, isPlain(path), query);
      return;
    }
    ignoreBody(response);
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.method = method as KeysMethod;
    claimed.path = path;
    claimed.acceptsGzip = this.#mayCompress && acceptsGzip(request);
    claimed.begin(response);
    this.#noteClaim(claimed, response, request, key);
    this.#submit(claimed, parseKeysRequest(method as KeysMethod, path, query, '', NOTHING));
  }

  #withBody(
    response: HttpResponse,
    request: HttpRequest,
    method: KeysMethod,
    path: ByteString,
    key: ByteString,
    isPathPlain: boolean,
    query: string,
  ): void {
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.method = method;
    claimed.path = path;
    claimed.isPathPlain = isPathPlain;
    claimed.query = query;
    claimed.contentType = contentTypeOf(request);
    letContinue(response, request);
    this.#noteClaim(claimed, response, request, key);
    claimed.beginWithBody(response, request);
  }

  /** What rights are looked up by. While there are none to look up nobody reads the header: that is a call into native code. */
  #noteClaim(claimed: KeysRequest, response: HttpResponse, request: HttpRequest, key: ByteString): void {
    const { isOpen } = this.#options.access;
    claimed.hasLastSlash = key.length > claimed.path.length;
    claimed.authorization = isOpen ? '' : request.getHeader('authorization');
    claimed.certificateName = isOpen ? NOTHING : certificateNameOf(response);
  }

  /** The body of a request is here, valid during the call, or it is known why there is none. */
  onBody(claimed: KeysRequest, body: Body): void {
    if (typeof body === 'string') this.#refuseBody(claimed, body);
    else if (!(body instanceof BodyShare)) this.#onBytes(claimed, body);
    else if (isLargeForm(body.sizeBytes, claimed)) this.#readLargeForm(claimed);
    else this.#onBytes(claimed, body.join());
  }

  #onBytes(claimed: KeysRequest, body: Uint8Array): void {
    const { method, path, isPathPlain, query, contentType } = claimed;
    const isValueForm = isPathPlain && contentType === FORM_TYPE && this.#valueForm.read(body);
    if (isValueForm && this.#trySendValue(claimed, this.#valueForm)) return;
    if (!isLargeForm(body.length, claimed)) {
      this.#submit(claimed, parseKeysRequest(method, path, query, contentType, byteStringOfBytes(body), false));
    } else if (claimed.bodyShare.tryAdd(body)) this.#readLargeForm(claimed);
    else {
      claimed.abandonBody();
      this.#refuseBody(claimed, Refused.noRoom);
    }
  }

  /** Sends a write of nothing but a value, to a plain path. @returns false when it is not so simple, or not known to be allowed. */
  #trySendValue(claimed: KeysRequest, value: ValueBytes): boolean {
    const { slot, method, path, query, heldSinceMs } = claimed;
    const plainWrite = readPlainWrite(method, query);
    if (plainWrite === undefined || !this.#isPathAllowed(path)) return false;
    const lookUps = this.#judgeNow(claimed, false);
    if (lookUps === NOT_YET) return false;
    this.#store.sendPlainWrite(slot, plainWrite, path, value, lookUps, heldSinceMs);
    claimed.isUnsent = false;
    return true;
  }

  /** Of what is kept to be used again. @returns how much that was, in bytes. */
  letGo(): number {
    return this.#largeForms.letGo();
  }

  /** While it is read the store knows nothing of its request. */
  #readLargeForm(claimed: KeysRequest): void {
    const { method, path, isPathPlain, query, contentType, serial, bodyShare, slot } = claimed;
    this.#store.slots.holdBody(slot, bodyShare);
    claimed.hold();
    const isWanted = () => claimed.serial === serial;
    this.#largeForms.read(bodyShare, isWanted, (form) => {
      try {
        const value = isPathPlain ? form.onlyValue : undefined;
        if (value !== undefined && this.#trySendValue(claimed, value)) return;
        this.#submit(claimed, parseKeysRequest(method, path, query, contentType, form.body));
      } catch (error) {
        this.#options.onError(error);
        this.#store.slots.responseOf(slot).close();
      }
    });
  }

  #refuseBody(claimed: KeysRequest, why: Refused): void {
    const { slot, method, path, query, contentType } = claimed;
    if (why === Refused.tooLarge) {
      this.#submit(claimed, parseKeysRequest(method, path, query, contentType, NOTHING, true));
      return;
    }
    const response = this.#store.slots.responseOf(slot);
    this.#store.metrics.count(Counter.tooManyBodyBytes);
    response.cork(() => writeNoRoomForBody(response, this.#store.bodies.sizeBytesMax));
    this.#store.slots.release(slot);
  }

  /** Sends what the grammar has made of a request, if its client may, or says why not. */
  #submit(claimed: KeysRequest, parsed: KeysCommand | ApiError): void {
    if ('code' in parsed) this.#refuse(claimed, parsed);
    else if (!this.#isPathAllowed(parsed.path)) {
      const cause = `the key has more than ${this.#options.limits.pathDepthMax} elements` as ByteString;
      this.#refuse(claimed, { code: 210, cause, index: 0 });
    } else {
      const lookUps = this.#judgeNow(claimed, parsed.isRecursive);
      if (lookUps !== NOT_YET) this.#send(claimed, parsed, lookUps);
      else this.#judge(claimed, parsed.isRecursive, (cost) => this.#send(claimed, parsed, cost));
    }
  }

  #send(claimed: KeysRequest, command: KeysCommand, lookUps: number): void {
    const { slot, heldSinceMs } = claimed;
    // A watch has no value: in its place goes who watches, for the store to count.
    if (command.op === Op.watch) command.value = clientKeyOf(this.#store.slots.responseOf(slot));
    const { timeMs } = this.#store;
    this.#store.sendCommand(slot, command, timeMs, expirationMsOf(command.ttlNs, timeMs), lookUps, heldSinceMs);
    claimed.isUnsent = false;
  }

  /** @returns the look-ups if its client is known to have the right, `NOT_YET` if `judge` must find out or refuse. */
  #judgeNow({ authorization, certificateName, claimedKey, method }: KeysRequest, isRecursive: boolean): number {
    const { access } = this.#options;
    if (access.isOpen) return 0;
    const verdict = access.judgeNow(authorization, certificateName, claimedKey, isWrite(method), isRecursive);
    return verdict === 'allowed' ? access.lookUps : NOT_YET;
  }

  /** The same for a read whose answer is kept, before it has a slot. @param url with a plain path. */
  #judgeKept(response: HttpResponse, request: HttpRequest, url: string): number {
    const { access } = this.#options;
    if (access.isOpen) return 0;
    const key = url.slice(KEYS_PREFIX.length) as ByteString;
    const authorization = request.getHeader('authorization');
    const verdict = access.judgeNow(authorization, certificateNameOf(response), key, false, false);
    return verdict === 'allowed' ? access.lookUps : NOT_YET;
  }

  /** Goes on if the client of a request may do what it wants, at once or when that is known; refuses it if not. */
  #judge(claimed: KeysRequest, isRecursive: boolean, goOn: (lookUps: number) => void): void {
    const { authorization, certificateName, claimedKey, method, serial } = claimed;
    const claim = { authorization, certificateName, key: claimedKey, isWrite: isWrite(method), isRecursive };
    claimed.hold();
    this.#options.access.judge(claim, (verdict, lookUps) => {
      if (claimed.serial !== serial) return; // Its client has gone.
      try {
        if (verdict === 'allowed') goOn(lookUps);
        else this.#refuseAccess(claimed, verdict, lookUps);
      } catch (error) {
        this.#options.onError(error);
        this.#store.slots.responseOf(claimed.slot).close();
      }
    });
  }

  #refuseAccess(claimed: KeysRequest, verdict: Verdict, lookUps: number): void {
    this.#store.countLookUps(lookUps);
    const counter = counterOf(verdict);
    if (verdict === 'denied') this.#refuse(claimed, INSUFFICIENT_CREDENTIALS, counter);
    else this.#refuse(claimed, TOO_BUSY, counter, 503, { 'Retry-After': '1' });
  }

  #refuse(
    { slot, method }: KeysRequest,
    error: ApiError,
    counter: Counter = Counter.refused,
    status = statusOf(error.code),
    more: Readonly<Record<string, string>> = {},
  ): void {
    const response = this.#store.slots.responseOf(slot);
    this.#store.metrics.count(counter);
    const headers = { 'X-Etcd-Cluster-Id': this.#options.clusterId, 'X-Etcd-Index': String(error.index), ...more };
    const body = Buffer.from(renderError(error.code, error.cause, error.index), 'latin1');
    response.cork(() => writeOwnAnswer(response, status, CONTENT_TYPE_JSON, headers, body, method === 'HEAD'));
    // Only now: if that throws, the request is still there to be closed.
    this.#store.slots.release(slot);
  }

  #isPathAllowed(path: ByteString): boolean {
    const { pathDepthMax } = this.#options.limits;
    // Each element takes two bytes at least, so short paths need no counting.
    return path.length <= 2 * pathDepthMax || path.split('/', pathDepthMax + 2).length <= pathDepthMax + 1;
  }
}

function isLargeForm(sizeBytes: number, { contentType }: KeysRequest): boolean {
  return sizeBytes > LARGE_FORM_SIZE_BYTES && isForm(contentType);
}

function isWrite(method: KeysMethod): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Nearly always the one string that is here for good: a field of an old object that points to a young one costs the collector a look. */
function contentTypeOf(request: HttpRequest): string {
  const type = request.getHeader('content-type');
  return type === FORM_TYPE ? FORM_TYPE : type;
}

/** Whether a body may come. Most reads have none, and are spared the handler for it. */
function hasBody(request: HttpRequest): boolean {
  return request.getHeader('content-length') !== '' || request.getHeader('transfer-encoding') !== '';
}
