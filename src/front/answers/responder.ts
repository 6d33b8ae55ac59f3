/**
 * Writes answers: status, headers and body, in as few calls into uWebSockets.js as it takes. One `writeStatus` carries the
 * status and all header lines, the constant ones ready-made: native-bench, "set, 64 connections".
 */
import type { HttpResponse } from 'uWebSockets.js';
import { byteStringOf } from '../../base/byte-string.ts';
import { FORMAT_MASK, HEAD_BIT, ReplyFormat } from '../../frame/reply-frame.ts';
import {
  CONTENT_TYPE_JSON,
  CONTENT_TYPE_TEXT,
  METHOD_NOT_ALLOWED_BODY,
  NO_SNIFF,
  NOT_FOUND_BODY,
} from '../../protocol/answers.ts';
import { ANY_ORIGIN, corsHeaders, NO_ORIGIN } from '../../protocol/cors.ts';
import { RAFT_INTERNAL_ERROR, renderError } from '../../protocol/errors.ts';
import { endWith } from './endings.ts';
import { HeaderLines } from './header-lines.ts';
import { originOf } from './origins.ts';

const STATUS_LINES: Record<number, string> = {
  200: '200 OK',
  201: '201 Created',
  204: '204 No Content',
  301: '301 Moved Permanently',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  409: '409 Conflict',
  415: '415 Unsupported Media Type',
  412: '412 Precondition Failed',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
  507: '507 Insufficient Storage',
};

function statusLine(status: number): string {
  return STATUS_LINES[status] ?? String(status);
}

/** What the head of an answer of the store is made of. */
export interface StoreHead {
  readonly format: number;
  readonly status: number;
  readonly etcdIndex: number;
  readonly raftIndex: number;
}

/** Status and header lines of the store's answers that name one origin, as one piece: what comes behind the version. */
class StoreLines {
  /** By status. */
  readonly #keys: (HeaderLines | undefined)[] = [];
  readonly #keysHead: string;
  readonly #keysTail: string;
  readonly #plain: string;
  readonly #auth: string;

  constructor(clusterId: string, raftTerm: number, origin: string) {
    const cors = corsHeaders(origin).map(([name, value]) => `\r\n${name}: ${value}`);
    this.#plain = `\r\nContent-Type: application/json${cors.join('')}`;
    this.#auth = `${this.#plain}\r\nX-Etcd-Cluster-Id: ${clusterId}`;
    this.#keysHead = `${this.#auth}\r\nX-Etcd-Index: `;
    this.#keysTail = `\r\nX-Raft-Term: ${raftTerm}`;
  }

  of(format: number, status: number, etcdIndex: number, raftIndex: number): string | Uint8Array {
    switch (format) {
      case ReplyFormat.keys:
        return this.#keysOf(status).of(etcdIndex, raftIndex);
      case ReplyFormat.keysError:
        return statusLine(status) + this.#keysHead + etcdIndex;
      case ReplyFormat.auth:
        return statusLine(status) + this.#auth;
      default:
        return statusLine(status) + this.#plain;
    }
  }

  #keysOf(status: number): HeaderLines {
    const known = this.#keys[status];
    if (known !== undefined) return known;
    const made = new HeaderLines(statusLine(status) + this.#keysHead, '\r\nX-Raft-Index: ', this.#keysTail);
    this.#keys[status] = made;
    return made;
  }
}

export class Responder {
  readonly #lines: StoreLines;
  /** Undefined when all origins are alike. */
  readonly #linesByOrigin: ReadonlyMap<string, StoreLines> | undefined;

  /**
   * @param clusterId hexadecimal.
   * @param raftTerm grows by one with each start of a durable server.
   * @param origins those that may read answers, if not all may: what `originOf` says of an answer, but for `NO_ORIGIN`.
   */
  constructor(clusterId: string, raftTerm: number, origins: readonly string[] | undefined) {
    const linesFor = (origin: string) => new StoreLines(clusterId, raftTerm, origin);
    this.#lines = linesFor(origins === undefined ? ANY_ORIGIN : NO_ORIGIN);
    this.#linesByOrigin = origins && new Map(origins.map((origin) => [origin, linesFor(origin)]));
  }

  /** Writes status and headers of an answer of the store. To be called corked. */
  writeStoreHead(response: HttpResponse, format: number, status: number, etcdIndex: number, raftIndex: number): void {
    response.writeStatus(this.#linesOf(response).of(format & FORMAT_MASK, status, etcdIndex, raftIndex));
  }

  /** The same for a listing that may be compressed for clients that ask for it, as this one is or is not. */
  writeListingHead(response: HttpResponse, reply: StoreHead, isCompressed: boolean): void {
    const { format, status, etcdIndex, raftIndex } = reply;
    this.writeStoreHead(response, format, status, etcdIndex, raftIndex);
    response.writeHeader('Vary', 'Accept-Encoding');
    if (isCompressed) response.writeHeader('Content-Encoding', 'gzip');
  }

  /** Writes a whole answer of the store. To be called corked. @param body of the answer to a HEAD its size in digits. */
  writeStoreAnswer(
    response: HttpResponse,
    format: number,
    status: number,
    etcdIndex: number,
    raftIndex: number,
    body: Uint8Array,
  ): void {
    this.writeStoreHead(response, format, status, etcdIndex, raftIndex);
    if ((format & HEAD_BIT) !== 0) endHead(response, body);
    else endWith(response, body);
  }

  #linesOf(response: HttpResponse): StoreLines {
    if (this.#linesByOrigin === undefined) return this.#lines;
    return this.#linesByOrigin.get(originOf(response)) ?? this.#lines;
  }
}

/**
 * Writes an answer that the front end gives alone. To be called corked.
 * @param contentType undefined for none.
 * @param body undefined for none, and no word of its size.
 */
export function writeOwnAnswer(
  response: HttpResponse,
  status: number,
  contentType: string | undefined,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array | undefined,
  isHead = false,
): void {
  if (status !== 200) response.writeStatus(statusLine(status));
  for (const [name, value] of corsHeaders(originOf(response))) response.writeHeader(name, value);
  if (contentType !== undefined) response.writeHeader('Content-Type', contentType);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (body === undefined || status === 204) response.endWithoutBody();
  else if (isHead) endHead(response, String(body.length));
  else endWith(response, body);
}

/**
 * There is too much of something at the moment: 503, and when to try again. To be called corked.
 * @param isLast closes the connection.
 */
export function writeOverload(response: HttpResponse, cause: string, isLast = false): void {
  const body = Buffer.from(renderError(RAFT_INTERNAL_ERROR, byteStringOf(cause), 0), 'latin1');
  response.writeStatus(statusLine(503));
  for (const [name, value] of corsHeaders(originOf(response))) response.writeHeader(name, value);
  response.writeHeader('Content-Type', CONTENT_TYPE_JSON).writeHeader('Retry-After', '1');
  response.end(body, isLast);
}

/** The same when the forms of others take all the room. */
export function writeNoRoomForBody(response: HttpResponse, bodyBytesMax: number): void {
  writeOverload(response, `forms on their way take ${bodyBytesMax} bytes already (--max-body-bytes-in-flight)`);
}

/** The same when the answers to others do. */
export function writeNoRoomForAnswer(response: HttpResponse, answerBytesMax: number): void {
  writeOverload(response, `answers on their way take ${answerBytesMax} bytes already (--max-answer-bytes-in-flight)`);
}

const NO_SNIFF_HEADER = { 'X-Content-Type-Options': NO_SNIFF };

/** There is nothing at that path. */
export function writeNotFound(response: HttpResponse, isHead = false): void {
  writeOwnAnswer(response, 404, CONTENT_TYPE_TEXT, NO_SNIFF_HEADER, NOT_FOUND_BODY, isHead);
}

/** @param allow the methods that there are, comma separated. */
export function refuseMethod(response: HttpResponse, method: string, allow: string): void {
  const headers = { Allow: allow, ...NO_SNIFF_HEADER };
  writeOwnAnswer(response, 405, CONTENT_TYPE_TEXT, headers, METHOD_NOT_ALLOWED_BODY, method === 'HEAD');
}

/** A body that is not looked at must be read all the same, or the connection is lost (README, limits). */
export function ignoreBody(response: HttpResponse): void {
  response.onData(IGNORE);
}

const IGNORE = () => {};

/**
 * Ends the answer to a HEAD: with the size that the body would have, in digits, and without it. The header is our own because what
 * `endWithoutBody(size)` does to the connection depends on when it is called; without arguments it does nothing to it.
 */
function endHead(response: HttpResponse, bodySizeBytes: string | Uint8Array): void {
  response.writeHeader('Content-Length', bodySizeBytes);
  response.endWithoutBody();
}
