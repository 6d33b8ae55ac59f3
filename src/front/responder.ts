/**
 * Writes answers: status, headers and body, in as few calls into uWebSockets.js as it takes. One `writeHeader` carries
 * all header lines, the constant ones ready-made: native-bench, "set, 64 connections".
 */
import type { HttpResponse } from 'uWebSockets.js';
import { FORMAT_MASK, HEAD_BIT, ReplyFormat } from '../frame/reply-frame.ts';
import { CORS_HEADERS } from '../protocol/answers.ts';

const STATUS_LINES: Record<number, string> = {
  200: '200 OK',
  201: '201 Created',
  301: '301 Moved Permanently',
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  409: '409 Conflict',
  415: '415 Unsupported Media Type',
  501: '501 Not Implemented',
  204: '204 No Content',
  412: '412 Precondition Failed',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

const CORS_LINES = Object.entries(CORS_HEADERS)
  .map(([name, value]) => `\r\n${name}: ${value}`)
  .join('');

export function statusLine(status: number): string {
  return STATUS_LINES[status] ?? String(status);
}

export class Responder {
  readonly #keysHead: string;
  readonly #keysTail: string;
  readonly #plainHead = `application/json${CORS_LINES}`;

  /** @param clusterId hexadecimal. @param raftTerm grows by one with each start of a durable server. */
  constructor(clusterId: string, raftTerm: number) {
    this.#keysHead = `application/json${CORS_LINES}\r\nX-Etcd-Cluster-Id: ${clusterId}\r\nX-Etcd-Index: `;
    this.#keysTail = `\r\nX-Raft-Term: ${raftTerm}`;
  }

  /** Writes status and headers of an answer of the store. To be called corked. */
  writeStoreHead(response: HttpResponse, format: number, status: number, etcdIndex: number, raftIndex: number): void {
    if (status !== 200) response.writeStatus(statusLine(status));
    response.writeHeader('Content-Type', this.#storeHeaderLines(format & FORMAT_MASK, etcdIndex, raftIndex));
  }

  /** Writes a whole answer of the store. To be called corked. */
  writeStoreAnswer(
    response: HttpResponse,
    format: number,
    status: number,
    etcdIndex: number,
    raftIndex: number,
    body: Uint8Array,
  ): void {
    this.writeStoreHead(response, format, status, etcdIndex, raftIndex);
    if ((format & HEAD_BIT) !== 0) endHead(response, body.length);
    else response.end(body);
  }

  #storeHeaderLines(format: number, etcdIndex: number, raftIndex: number): string {
    switch (format) {
      case ReplyFormat.keys:
        return `${this.#keysHead}${etcdIndex}\r\nX-Raft-Index: ${raftIndex}${this.#keysTail}`;
      case ReplyFormat.keysError:
        return this.#keysHead + etcdIndex;
      default:
        return this.#plainHead;
    }
  }
}

/**
 * Writes an answer that the front end gives alone. To be called corked.
 * @param contentType undefined for none.
 */
export function writeOwnAnswer(
  response: HttpResponse,
  status: number,
  contentType: string | undefined,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  isHead = false,
): void {
  if (status !== 200) response.writeStatus(statusLine(status));
  for (const [name, value] of Object.entries(CORS_HEADERS)) response.writeHeader(name, value);
  if (contentType !== undefined) response.writeHeader('Content-Type', contentType);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (isHead) endHead(response, body.length);
  else if (status === 204) response.endWithoutBody();
  else response.end(body);
}

/**
 * Ends the answer to a HEAD: with the size that the body would have, and without it. The header is our own because what
 * `endWithoutBody(size)` does to the connection depends on when it is called; without arguments it does nothing to it.
 */
function endHead(response: HttpResponse, bodySizeBytes: number): void {
  response.writeHeader('Content-Length', String(bodySizeBytes));
  response.endWithoutBody();
}
