/** The answers of endpoints outside the key space that are more than one fixed body. */
import type { ByteString } from '../base/byte-string.ts';
import {
  CONTENT_TYPE_JSON,
  CONTENT_TYPE_TEXT,
  METHOD_NOT_ALLOWED_BODY,
  NO_SNIFF,
  NOT_FOUND_BODY,
  renderMessage,
} from './answers.ts';

export interface PlainAnswer {
  status: number;
  contentType: string;
  /** Beyond those that every answer has. */
  headers: Readonly<Record<string, string>>;
  /** Whether `X-Etcd-Cluster-Id` goes with it. */
  hasClusterId: boolean;
  /** What a GET is sent; a HEAD gets its length only. */
  body: ByteString;
}

const NO_HEADERS = {};
const NO_SNIFF_HEADERS = { 'X-Content-Type-Options': NO_SNIFF };

export function jsonAnswer(body: ByteString): PlainAnswer {
  return { status: 200, contentType: CONTENT_TYPE_JSON, headers: NO_HEADERS, hasClusterId: true, body };
}

export function messageAnswer(status: number, message: string, hasClusterId = true): PlainAnswer {
  const body = renderMessage(message as ByteString);
  return { status, contentType: CONTENT_TYPE_JSON, headers: NO_HEADERS, hasClusterId, body };
}

export function notFound(): PlainAnswer {
  return textAnswer(404, NO_SNIFF_HEADERS, NOT_FOUND_BODY);
}

export function methodNotAllowed(allow: string): PlainAnswer {
  return textAnswer(405, { Allow: allow, ...NO_SNIFF_HEADERS }, METHOD_NOT_ALLOWED_BODY);
}

/** etcd's answer to a method that is allowed here, but not without naming an item: there is no `Allow`, but a cluster id. */
export function methodNeedsItem(): PlainAnswer {
  return { ...textAnswer(405, NO_SNIFF_HEADERS, METHOD_NOT_ALLOWED_BODY), hasClusterId: true };
}

function textAnswer(status: number, headers: PlainAnswer['headers'], body: string): PlainAnswer {
  return { status, contentType: CONTENT_TYPE_TEXT, headers, hasClusterId: false, body: body as ByteString };
}
