/**
 * Answers about keys written as bytes where they are to lie, instead of as a string that is copied there: that of a write and that of a
 * get. A value of megabytes in a string would fill a small heap, and a string of twenty pieces is a tree of them until somebody reads it; then it is
 * first made flat and then copied, and all of it is garbage (native-bench/micro, "encode an answer").
 *
 * The constant pieces are four bytes a step. A step may write up to three bytes behind its piece: they are written over by
 * what follows, and the last piece ends exactly.
 */
import '../base/latin1.ts';
import { digitCount, writeDigits } from '../base/digits.ts';
import { timeSizeBytes, ttlSeconds, writeTime } from '../protocol/time.ts';
import { EscapedValue } from './escaped-value.ts';
import { ACTION_NAMES, type StoreEvent } from './event.ts';
import type { Node } from './node.ts';
import { renderKey } from './render.ts';

/** A constant piece. */
interface Piece {
  readonly words: Int32Array;
  readonly sizeBytes: number;
}

const ACTION_HEADS = ACTION_NAMES.map((name) => pieceOf(`{"action":"${name}","node":{"key":"`));
const GET_HEAD = pieceOf('{"action":"get","node":{"key":"');
const VALUE = pieceOf('","value":"');
const MODIFIED = pieceOf('","modifiedIndex":');
const CREATED = pieceOf(',"createdIndex":');
const EXPIRATION = pieceOf('","expiration":"');
const TTL = pieceOf('","ttl":');
/** What closes a text, and begins the indexes; behind a number there is no text to be closed. */
const MODIFIED_BEHIND_NUMBER = pieceOf(',"modifiedIndex":');
const PREV_NODE = pieceOf('},"prevNode":{"key":"');
const END = Buffer.from('}}\n', 'latin1');
/** Before the seconds since a life was over. */
const MINUS = 0x2d;
/** Of the node that an answer shows, and of the one before it. */
const shownValue = new EscapedValue();
const prevValue = new EscapedValue();
const NODE_CONSTANTS_SIZE_BYTES = VALUE.sizeBytes + MODIFIED.sizeBytes + CREATED.sizeBytes;

/** @returns how many bytes `writeEvent` writes; 0 for an event of a directory, which only `renderEvent` knows to tell. */
export function eventSizeBytes(event: StoreEvent): number {
  const { node, prevNode, index, timeMs } = event;
  if (event.subject.isDirectory) return 0;
  const nodeSize =
    node === undefined ? removedSizeBytes(prevNode as Node, index) : nodeSizeBytes(node, index, timeMs, shownValue);
  const size = (ACTION_HEADS[event.action] as Piece).sizeBytes + nodeSize + END.length;
  if (prevNode === undefined) return size;
  const prevNodeSize = nodeSizeBytes(prevNode, prevNode.modifiedIndex, timeMs, prevValue);
  return prevNodeSize === 0 ? 0 : size + PREV_NODE.sizeBytes + prevNodeSize;
}

/** Writes what `renderEvent` gives. */
export function writeEvent(bytes: Buffer, view: DataView, at: number, event: StoreEvent): void {
  const { node, prevNode, index, timeMs } = event;
  let end = writePiece(view, at, ACTION_HEADS[event.action] as Piece);
  if (node === undefined) end = writeRemoved(bytes, view, end, prevNode as Node, index);
  else end = writeNode(bytes, view, end, node, index, timeMs, shownValue);
  if (prevNode !== undefined) {
    end = writePiece(view, end, PREV_NODE);
    end = writeNode(bytes, view, end, prevNode, prevNode.modifiedIndex, timeMs, prevValue);
  }
  writeEnd(bytes, end);
}

/** @param node of a key. @returns how many bytes `writeGetOfKey` writes. */
export function getOfKeySizeBytes(node: Node, nowMs: number): number {
  return GET_HEAD.sizeBytes + nodeSizeBytes(node, node.modifiedIndex, nowMs, shownValue) + END.length;
}

/** Writes what `renderGetOfKey` gives. */
export function writeGetOfKey(bytes: Buffer, view: DataView, at: number, node: Node, nowMs: number): void {
  writeEnd(bytes, writeNode(bytes, view, writePiece(view, at, GET_HEAD), node, node.modifiedIndex, nowMs, shownValue));
}

/** @returns 0 for a directory, which a key may have replaced. */
function nodeSizeBytes(node: Node, modifiedIndex: number, nowMs: number, escaped: EscapedValue): number {
  const { expirationMs } = node;
  if (node.isDirectory) return 0;
  const timerSize = expirationMs === undefined ? 0 : timerSizeBytes(expirationMs, nowMs);
  const valueSize = node.isValuePlain ? node.valueLength : escaped.sizeBytesOf(node);
  const digits = digitCount(modifiedIndex) + digitCount(node.createdIndex);
  return NODE_CONSTANTS_SIZE_BYTES + keySizeBytes(node) + valueSize + timerSize + digits;
}

/** What is left of a node that has gone: its value is told as that of the node before. */
function removedSizeBytes(prevNode: Node, index: number): number {
  return (
    keySizeBytes(prevNode) +
    MODIFIED.sizeBytes +
    digitCount(index) +
    CREATED.sizeBytes +
    digitCount(prevNode.createdIndex)
  );
}

function keySizeBytes(node: Node): number {
  return node.isPathPlain ? node.pathLength : renderKey(node).length;
}

function writeKey(bytes: Buffer, at: number, node: Node): number {
  if (node.isPathPlain) return node.writePath(bytes, at);
  const key = renderKey(node);
  return at + bytes.latin1Write(key, at, key.length);
}

function writeRemoved(bytes: Buffer, view: DataView, at: number, prevNode: Node, index: number): number {
  let end = writePiece(view, writeKey(bytes, at, prevNode), MODIFIED);
  end = writePiece(view, writeNumber(bytes, end, index), CREATED);
  return writeNumber(bytes, end, prevNode.createdIndex);
}

/** A written node shows the index of the event, also where the stored one keeps another. */
function writeNode(
  bytes: Buffer,
  view: DataView,
  at: number,
  node: Node,
  modifiedIndex: number,
  nowMs: number,
  escaped: EscapedValue,
): number {
  const { expirationMs } = node;
  let end = writeKey(bytes, at, node);
  end = writePiece(view, end, VALUE);
  end = node.isValuePlain ? node.writeValue(bytes, end) : escaped.write(node, bytes, end);
  if (expirationMs === undefined) end = writePiece(view, end, MODIFIED);
  else end = writeTimer(bytes, view, end, expirationMs, nowMs);
  end = writeNumber(bytes, end, modifiedIndex);
  end = writePiece(view, end, CREATED);
  return writeNumber(bytes, end, node.createdIndex);
}

function timerSizeBytes(expirationMs: number, nowMs: number): number {
  const ttl = ttlSeconds(expirationMs, nowMs);
  const size = EXPIRATION.sizeBytes + timeSizeBytes(expirationMs);
  // The quote before the indexes stands before `ttl` then.
  return ttl === 0 ? size : size + TTL.sizeBytes - 1 + (ttl < 0 ? 1 : 0) + digitCount(Math.abs(ttl));
}

/** With the name of what follows: it depends on what is before it. */
function writeTimer(bytes: Buffer, view: DataView, at: number, expirationMs: number, nowMs: number): number {
  const end = writeTime(bytes, writePiece(view, at, EXPIRATION), expirationMs);
  const ttl = ttlSeconds(expirationMs, nowMs);
  if (ttl === 0) return writePiece(view, end, MODIFIED);
  let ttlAt = writePiece(view, end, TTL);
  if (ttl < 0) bytes[ttlAt++] = MINUS;
  return writePiece(view, writeNumber(bytes, ttlAt, Math.abs(ttl)), MODIFIED_BEHIND_NUMBER);
}

function writePiece(view: DataView, at: number, { words, sizeBytes }: Piece): number {
  for (let word = 0; word < words.length; word++) view.setInt32(at + 4 * word, words[word] as number, true);
  return at + sizeBytes;
}

function writeNumber(bytes: Buffer, at: number, value: number): number {
  const end = at + digitCount(value);
  writeDigits(bytes, end, value);
  return end;
}

function writeEnd(bytes: Buffer, at: number): void {
  for (let position = 0; position < END.length; position++) bytes[at + position] = END[position] as number;
}

function pieceOf(text: string): Piece {
  const bytes = Buffer.alloc((text.length + 3) & ~3);
  bytes.write(text, 'latin1');
  const words = Int32Array.from({ length: bytes.length / 4 }, (_, word) => bytes.readInt32LE(4 * word));
  return { words, sizeBytes: text.length };
}
