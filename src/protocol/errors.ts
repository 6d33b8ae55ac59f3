/**
 * The error codes of the v2 API and the body of an error answer. Source: etcd 3.4, etcdserver/api/v2error/error.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import { escapeText } from './escaper.ts';

/** A refusal of the v2 API. Its status and message follow from the code. */
export interface ApiError {
  code: number;
  /** What the refusal is about: a key, a comparison, a parameter. Empty when there is nothing to say. */
  cause: ByteString;
  /** The etcd index when the store refused; 0 when the request never reached it. */
  index: number;
}

interface ErrorKind {
  status: number;
  message: string;
}

/** The server cannot do it now, or not any more: the disk has failed, memory is full, too much is asked at a time. */
export const RAFT_INTERNAL_ERROR = 300;

export const ERROR_TABLE: Readonly<Record<number, ErrorKind>> = {
  100: { status: 404, message: 'Key not found' },
  101: { status: 412, message: 'Compare failed' },
  102: { status: 403, message: 'Not a file' },
  104: { status: 400, message: 'Not a directory' },
  105: { status: 412, message: 'Key already exists' },
  107: { status: 400, message: 'Root is read only' },
  108: { status: 403, message: 'Directory not empty' },
  110: { status: 401, message: 'The request requires user authentication' },
  201: { status: 400, message: 'PrevValue is Required in POST form' },
  202: { status: 400, message: 'The given TTL in POST form is not a number' },
  203: { status: 400, message: 'The given index in POST form is not a number' },
  209: { status: 400, message: 'Invalid field' },
  210: { status: 400, message: 'Invalid POST form' },
  211: { status: 400, message: 'Value provided on refresh' },
  212: { status: 400, message: 'A TTL must be provided on refresh' },
  [RAFT_INTERNAL_ERROR]: { status: 500, message: 'Raft Internal Error' },
  301: { status: 500, message: 'During Leader Election' },
  400: { status: 400, message: 'watcher is cleared due to etcd recovery' },
  401: { status: 400, message: 'The event in requested index is outdated and cleared' },
};

/** HTTP status of an error code. A code outside the table is answered as etcd would: 400, without a message. */
export function statusOf(code: number): number {
  return ERROR_TABLE[code]?.status ?? 400;
}

/** The body of an error answer, with its newline. */
export function renderError(code: number, cause: ByteString, index: number): ByteString {
  const message = ERROR_TABLE[code]?.message ?? '';
  const causeField = cause === '' ? '' : `,"cause":"${escapeText(cause)}"`;
  return `{"errorCode":${code},"message":"${message}"${causeField},"index":${index}}\n` as ByteString;
}
