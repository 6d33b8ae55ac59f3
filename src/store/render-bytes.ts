/**
 * The commonest answers written as bytes where they are to lie, instead of as a string that is copied there: that of a
 * write of a plain key, whatever its value, and that of a get. A string of twenty pieces is a tree of them until somebody reads it; then it is
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
/** Of the node that an answer shows, and of the one before it. */
const shownValue = new EscapedValue();
const prevValue = new EscapedValue();
const LONG_OVER = -1;
const NODE_CONSTANTS_SIZE_BYTES = VALUE.sizeBytes + MODIFIED.sizeBytes + CREATED.sizeBytes;

/** @returns how many bytes `writeEvent` writes; 0 for an event that only `renderEvent` knows to tell. */
export function eventSizeBytes(event: StoreEvent): number {
  const { node, prevNode, index, timeMs } = event;
  const nodeSize = node === undefined ? 0 : nodeSizeBytes(node, index, timeMs, shownValue);
  if (nodeSize === 0) return 0;
  const size = (ACTION_HEADS[event.action] as Piece).sizeBytes + nodeSize + END.length;
  if (prevNode === undefined) return size;
  const prevNodeSize = nodeSizeBytes(prevNode, prevNode.modifiedIndex, timeMs, prevValue);
  return prevNodeSize === 0 ? 0 : size + PREV_NODE.sizeBytes + prevNodeSize;
}

/** Writes what `renderEvent` gives. */
export function writeEvent(bytes: Buffer, view: DataView, at: number, event: StoreEvent): void {
  const { node, prevNode, index, timeMs } = event;
  let end = writePiece(view, at, ACTION_HEADS[event.action] as Piece);
  end = writeNode(bytes, view, end, node as Node, index, timeMs, shownValue);
  if (prevNode !== undefined) {
    end = writePiece(view, end, PREV_NODE);
    end = writeNode(bytes, view, end, prevNode, prevNode.modifiedIndex, timeMs, prevValue);
  }
  writeEnd(bytes, end);
}

/** @returns how many bytes `writeGetOfKey` writes; 0 for a node that only `renderGetOfKey` knows to show. */
export function getOfKeySizeBytes(node: Node, nowMs: number): number {
  const nodeSize = nodeSizeBytes(node, node.modifiedIndex, nowMs, shownValue);
  return nodeSize === 0 ? 0 : GET_HEAD.sizeBytes + nodeSize + END.length;
}

/** Writes what `renderGetOfKey` gives. */
export function writeGetOfKey(bytes: Buffer, view: DataView, at: number, node: Node, nowMs: number): void {
  writeEnd(bytes, writeNode(bytes, view, writePiece(view, at, GET_HEAD), node, node.modifiedIndex, nowMs, shownValue));
}

/** @returns 0 for other nodes than a key with a plain path; or if its life is long over. */
function nodeSizeBytes(node: Node, modifiedIndex: number, nowMs: number, escaped: EscapedValue): number {
  const { expirationMs } = node;
  if (node.isDirectory || !node.isPathPlain) return 0;
  const timerSize = expirationMs === undefined ? 0 : timerSizeBytes(expirationMs, nowMs);
  if (timerSize === LONG_OVER) return 0;
  const valueSize = node.isValuePlain ? node.valueLength : escaped.sizeBytesOf(node);
  const digits = digitCount(modifiedIndex) + digitCount(node.createdIndex);
  return NODE_CONSTANTS_SIZE_BYTES + node.pathLength + valueSize + timerSize + digits;
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
  let end = node.writePath(bytes, at);
  end = writePiece(view, end, VALUE);
  end = node.isValuePlain ? node.writeValue(bytes, end) : escaped.write(node, bytes, end);
  if (expirationMs === undefined) end = writePiece(view, end, MODIFIED);
  else end = writeTimer(bytes, view, end, expirationMs, nowMs);
  end = writeNumber(bytes, end, modifiedIndex);
  end = writePiece(view, end, CREATED);
  return writeNumber(bytes, end, node.createdIndex);
}

/** @returns `LONG_OVER` where there are less than no seconds left. */
function timerSizeBytes(expirationMs: number, nowMs: number): number {
  const ttl = ttlSeconds(expirationMs, nowMs);
  if (ttl < 0) return LONG_OVER;
  const size = EXPIRATION.sizeBytes + timeSizeBytes(expirationMs);
  // The quote before the indexes stands before `ttl` then.
  return ttl === 0 ? size : size + TTL.sizeBytes - 1 + digitCount(ttl);
}

/** With the name of what follows: it depends on what is before it. */
function writeTimer(bytes: Buffer, view: DataView, at: number, expirationMs: number, nowMs: number): number {
  const end = writeTime(bytes, writePiece(view, at, EXPIRATION), expirationMs);
  const ttl = ttlSeconds(expirationMs, nowMs);
  if (ttl === 0) return writePiece(view, end, MODIFIED);
  return writePiece(view, writeNumber(bytes, writePiece(view, end, TTL), ttl), MODIFIED_BEHIND_NUMBER);
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
