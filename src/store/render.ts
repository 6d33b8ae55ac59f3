/**
 * The JSON of nodes and events, byte for byte as etcd writes it: the order of the fields, what is left out, Go's
 * escapes. Everything here is byte strings, so that the result is copied into the reply ring as it is.
 * Concatenation beats JSON.stringify; the commonest answers are written without any string (`render-bytes.ts`):
 * native-bench/micro, "encode an answer".
 */
import type { ByteString } from '../base/byte-string.ts';
import { escapeText } from '../protocol/escaper.ts';
import { formatTime, ttlSeconds } from '../protocol/time.ts';
import { ACTION_NAMES, Action, type StoreEvent } from './event.ts';
import type { Node } from './node.ts';

const ACTION_HEADS = ACTION_NAMES.map((name) => `{"action":"${name}","node":{`);

/** The whole answer to a write, and what its watchers get, with the final newline. */
export function renderEvent(event: StoreEvent): ByteString {
  const head = ACTION_HEADS[event.action] as string;
  const { node, prevNode, index, timeMs } = event;
  const body = node === undefined ? renderRemoved(prevNode as Node, index) : renderWritten(node, index, timeMs);
  if (prevNode === undefined) return `${head}${body}}}\n` as ByteString;
  return `${head}${body}},"prevNode":{${renderFields(prevNode, timeMs)}}}\n` as ByteString;
}

/** What `noValueOnSuccess` leaves of the answer to a write. */
export function renderActionOnly(event: StoreEvent): ByteString {
  return `{"action":"${ACTION_NAMES[event.action]}"}\n` as ByteString;
}

/** The answer to a GET of a key, as a string: what the bytes of `writeGetOfKey` are compared with. */
export function renderGetOfKey(node: Node, nowMs: number): ByteString {
  return `{"action":"get","node":{${renderFields(node, nowMs)}}}\n` as ByteString;
}

/** 201 for what is new, else 200. */
export function statusOfEvent(event: StoreEvent): 200 | 201 {
  const { action } = event;
  return action === Action.create || (action === Action.set && event.prevNode === undefined) ? 201 : 200;
}

/** The fields of a node without braces and without its children; empty for the root. */
export function renderFields(node: Node, nowMs: number): string {
  if (node.path === '') return DIRECTORY_ONLY;
  return `${renderHead(node, nowMs)},"modifiedIndex":${node.modifiedIndex},"createdIndex":${node.createdIndex}`;
}

/** The root has neither a key nor indexes. */
const DIRECTORY_ONLY = '"dir":true';

/** The fields before `nodes`. */
export function renderHead(node: Node, nowMs: number): string {
  if (node.path === '') return DIRECTORY_ONLY;
  const key = renderKey(node);
  const content = node.isDirectory
    ? DIRECTORY_ONLY
    : `"value":"${node.isValuePlain ? node.value : escapeText(node.value)}"`;
  const { expirationMs } = node;
  if (expirationMs === undefined) return `"key":"${key}",${content}`;
  return `"key":"${key}",${content}${renderTimer(expirationMs, nowMs)}`;
}

/** The path of a node, as it stands in a JSON string. */
export function renderKey(node: Node): ByteString {
  return node.isPathPlain ? node.path : escapeText(node.path);
}

/** A written node shows the index of the event, also where the stored one keeps another (a directory's update). */
function renderWritten(node: Node, index: number, timeMs: number): string {
  return `${renderHead(node, timeMs)},"modifiedIndex":${index},"createdIndex":${node.createdIndex}`;
}

function renderRemoved(prevNode: Node, index: number): string {
  const key = renderKey(prevNode);
  const directory = prevNode.isDirectory ? `,${DIRECTORY_ONLY}` : '';
  return `"key":"${key}"${directory},"modifiedIndex":${index},"createdIndex":${prevNode.createdIndex}`;
}

/** The fields of a life, behind others. */
export function renderTimer(expirationMs: number, nowMs: number): string {
  const ttl = ttlSeconds(expirationMs, nowMs);
  const expiration = `,"expiration":"${formatTime(expirationMs)}"`;
  return ttl === 0 ? expiration : `${expiration},"ttl":${ttl}`;
}
