/**
 * The commonest answers written as bytes where they are to lie, instead of as a string that is copied there: that of a
 * write of a plain key, and that of a get. A string of twenty pieces is a tree of them until somebody reads it; then it is
 * first made flat and then copied, and all of it is garbage (native-bench/micro, "encode an answer").
 *
 * The constant pieces are four bytes a step. A step may write up to three bytes behind its piece: they are written over by
 * what follows, and the last piece ends exactly.
 */
import '../base/latin1.ts';
import { digitCount, writeDigits } from '../base/digits.ts';
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
const PREV_NODE = pieceOf('},"prevNode":{"key":"');
const END = Buffer.from('}}\n', 'latin1');
const NODE_CONSTANTS_SIZE_BYTES = VALUE.sizeBytes + MODIFIED.sizeBytes + CREATED.sizeBytes;

/** Longer texts are left to native code, and the strings of `render.ts` then cost no more. */
const LOOP_LENGTH_MAX = 40;

/** @returns how many bytes `writeEvent` writes; 0 for an event that only `renderEvent` knows to tell. */
export function eventSizeBytes(event: StoreEvent): number {
  const { node, prevNode } = event;
  if (node === undefined || !isPlain(node)) return 0;
  const head = (ACTION_HEADS[event.action] as Piece).sizeBytes;
  const size = head + nodeSizeBytes(node, event.index) + END.length;
  if (prevNode === undefined) return size;
  return isPlain(prevNode) ? size + PREV_NODE.sizeBytes + nodeSizeBytes(prevNode, prevNode.modifiedIndex) : 0;
}

/** Writes what `renderEvent` gives. */
export function writeEvent(bytes: Buffer, view: DataView, at: number, event: StoreEvent): void {
  const { node, prevNode, index } = event;
  let end = writePiece(view, at, ACTION_HEADS[event.action] as Piece);
  end = writeNode(bytes, view, end, node as Node, index);
  if (prevNode !== undefined) {
    end = writePiece(view, end, PREV_NODE);
    end = writeNode(bytes, view, end, prevNode, prevNode.modifiedIndex);
  }
  writeEnd(bytes, end);
}

/** @returns how many bytes `writeGetOfKey` writes; 0 for a node that only `renderGetOfKey` knows to show. */
export function getOfKeySizeBytes(node: Node): number {
  return isPlain(node) ? GET_HEAD.sizeBytes + nodeSizeBytes(node, node.modifiedIndex) + END.length : 0;
}

/** Writes what `renderGetOfKey` gives. */
export function writeGetOfKey(bytes: Buffer, view: DataView, at: number, node: Node): void {
  writeEnd(bytes, writeNode(bytes, view, writePiece(view, at, GET_HEAD), node, node.modifiedIndex));
}

/** A key whose texts need no escape, and of which nothing is to be told but these and its indexes. */
function isPlain(node: Node): boolean {
  return !node.isDirectory && node.isPathPlain && node.isValuePlain && node.expirationMs === undefined;
}

function nodeSizeBytes(node: Node, modifiedIndex: number): number {
  const digits = digitCount(modifiedIndex) + digitCount(node.createdIndex);
  return NODE_CONSTANTS_SIZE_BYTES + node.path.length + node.value.length + digits;
}

/** A written node shows the index of the event, also where the stored one keeps another. */
function writeNode(bytes: Buffer, view: DataView, at: number, node: Node, modifiedIndex: number): number {
  let end = writeText(bytes, at, node.path);
  end = writePiece(view, end, VALUE);
  end = writeText(bytes, end, node.value);
  end = writePiece(view, end, MODIFIED);
  end = writeNumber(bytes, end, modifiedIndex);
  end = writePiece(view, end, CREATED);
  return writeNumber(bytes, end, node.createdIndex);
}

function writePiece(view: DataView, at: number, { words, sizeBytes }: Piece): number {
  for (let word = 0; word < words.length; word++) view.setInt32(at + 4 * word, words[word] as number, true);
  return at + sizeBytes;
}

function writeText(bytes: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > LOOP_LENGTH_MAX) bytes.latin1Write(text, at, length);
  else for (let position = 0; position < length; position++) bytes[at + position] = text.charCodeAt(position);
  return at + length;
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
