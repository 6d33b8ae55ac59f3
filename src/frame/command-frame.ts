/**
 * The byte layout of a command on its way to the store worker, and in the journal. Little-endian.
 *
 *   0        1        2                 4                                 8
 *   +--------+--------+-----------------+---------------------------------+
 *   | op     | version| flags           | slot                            |
 *   +--------+--------+-----------------+---------------------------------+
 *   | timeMs, f64: when the front end accepted the request                | 8
 *   +---------------------------------------------------------------------+
 *   | expirationMs, f64 (Flag.hasExpiration); a tick's cut-off            | 16
 *   +---------------------------------------------------------------------+
 *   | prevIndex or waitIndex, u64; a tick's greatest number of events     | 24
 *   +----------------------------------+----------------------------------+
 *   | path size, u32                   | value size, u32                  | 32
 *   +----------------------------------+----------------------------------+
 *   | prevValue size, u32              | state hash, i32 (a checkpoint's);| 40
 *   |                                  | else look-ups, u16 made, u16 in  |
 *   |                                  | vain: those for its rights       |
 *   +----------------------------------+----------------------------------+
 *   | path bytes, value bytes (a watch's: who watches), prevValue bytes   | 48
 *
 * Written by the front end (and, for ticks and checkpoints, by the store worker into the journal ring); read by the
 * store worker and, replaying, by recovery and the snapshot job. A frame in the journal has slot 0.
 */
import '../base/latin1.ts';
import { assert } from '../base/assert.ts';
import type { ByteString } from '../base/byte-string.ts';

import { copyBytes } from '../base/bytes.ts';
/**
 * Operations beside those of clients (`Op` and `AuthOp`, 1 to 31).
 * `tick` and `checkpoint` change or check the state and are journaled; the others are not.
 */
export const ControlOp = {
  /** Expire what is due: the expiry command. */
  tick: 32,
  /** The state hash at this point of the journal; a snapshot may be made here. */
  checkpoint: 33,
  /** Forget the watch of a slot; answered by `released`. */
  cancelWatch: 64,
  /** The counters of /v2/stats/store. */
  storeStatistics: 65,
  /** Are you there? Counts as a read, as in etcd. */
  healthCheck: 66,
  /** What the store says of itself: answered by a `ReplyFormat.reading`. */
  takeReading: 67,
  /** Count the look-ups of requests that the store does not hear of otherwise; its value is `LookUps` as JSON. Not answered. */
  countLookUps: 68,
} as const;
export type ControlOp = (typeof ControlOp)[keyof typeof ControlOp];

const COMMAND_VERSION = 1;
export const COMMAND_HEAD_SIZE_BYTES = 48;

const VERSION_AT = 1;
const FLAGS_AT = 2;
const SLOT_AT = 4;
const TIME_AT = 8;
const EXPIRATION_AT = 16;
const INDEX_LOW_AT = 24;
const INDEX_HIGH_AT = 28;
const PATH_SIZE_AT = 32;
const VALUE_SIZE_AT = 36;
const PREV_VALUE_SIZE_AT = 40;
const STATE_HASH_AT = 44;

/** What several requests have cost in reads: the switch for each of them, those that found something, and the others. */
export interface LookUps {
  requests: number;
  made: number;
  inVain: number;
}

/** What the rights of a request have cost in reads, as they stand in its frame: the made ones, and those that found nothing. */
export function packLookUps(made: number, inVain: number): number {
  return Math.min(made, 0x7fff) | (Math.min(inVain, 0x7fff) << 16);
}

export function commandSizeBytes(pathLength: number, valueLength: number, prevValueLength: number): number {
  return COMMAND_HEAD_SIZE_BYTES + pathLength + valueLength + prevValueLength;
}

/** Writes the head of a command with its path and without value, prevValue or conditions. */
export function writeCommand(
  bytes: Buffer,
  view: DataView,
  at: number,
  op: number,
  flags: number,
  slot: number,
  timeMs: number,
  path: string,
): void {
  bytes[at] = op;
  bytes[at + VERSION_AT] = COMMAND_VERSION;
  view.setUint16(at + FLAGS_AT, flags, true);
  view.setUint32(at + SLOT_AT, slot, true);
  view.setFloat64(at + TIME_AT, timeMs, true);
  view.setFloat64(at + EXPIRATION_AT, 0, true);
  view.setFloat64(at + INDEX_LOW_AT, 0, true);
  view.setUint32(at + PATH_SIZE_AT, path.length, true);
  view.setFloat64(at + VALUE_SIZE_AT, 0, true);
  view.setInt32(at + STATE_HASH_AT, 0, true);
  writeText(bytes, at + COMMAND_HEAD_SIZE_BYTES, path);
}

/** A call into native code costs as much as writing this many characters ourselves (native-bench/micro). */
const NATIVE_FROM_CHARACTERS = 64;

function writeText(bytes: Buffer, at: number, text: string): void {
  const { length } = text;
  if (length > NATIVE_FROM_CHARACTERS) bytes.latin1Write(text, at, length);
  else for (let position = 0; position < length; position++) bytes[at + position] = text.charCodeAt(position);
}

/** Writes the value that lies in `source` from `start` to `end`; the path must have been written. */
export function writeValueBytes(
  bytes: Buffer,
  view: DataView,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  const valueAt = at + COMMAND_HEAD_SIZE_BYTES + view.getUint32(at + PATH_SIZE_AT, true);
  view.setUint32(at + VALUE_SIZE_AT, end - start, true);
  copyBytes(source, start, end - start, bytes, valueAt);
}

/** Writes prevValue; path and value must have been written. */
export function writePrevValue(bytes: Buffer, view: DataView, at: number, prevValue: string): void {
  const sizeBytes = view.getUint32(at + PATH_SIZE_AT, true) + view.getUint32(at + VALUE_SIZE_AT, true);
  view.setUint32(at + PREV_VALUE_SIZE_AT, prevValue.length, true);
  writeText(bytes, at + COMMAND_HEAD_SIZE_BYTES + sizeBytes, prevValue);
}

export function writeExpiration(view: DataView, at: number, expirationMs: number): void {
  view.setFloat64(at + EXPIRATION_AT, expirationMs, true);
}

/** prevIndex of a write, waitIndex of a watch. */
export function writeIndex(view: DataView, at: number, index: bigint): void {
  view.setBigUint64(at + INDEX_LOW_AT, index, true);
}

/** Writes the value, and behind it prevValue; the path must have been written. */
export function writeValues(bytes: Buffer, view: DataView, at: number, value: string, prevValue: string): void {
  view.setUint32(at + VALUE_SIZE_AT, value.length, true);
  writeText(bytes, at + COMMAND_HEAD_SIZE_BYTES + view.getUint32(at + PATH_SIZE_AT, true), value);
  writePrevValue(bytes, view, at, prevValue);
}

/** Adds what one request has cost. @param packed as `packLookUps` gives it. */
export function addLookUps(sum: LookUps, packed: number): void {
  sum.requests++;
  sum.made += packed & 0xffff;
  sum.inVain += packed >>> 16;
}

export function writeLookUps(view: DataView, at: number, lookUps: number): void {
  view.setInt32(at + STATE_HASH_AT, lookUps, true);
}

/** Writes a tick, which has a head only. */
export function writeTick(bytes: Buffer, view: DataView, at: number, cutoffMs: number, eventsMax: number): void {
  writeCommand(bytes, view, at, ControlOp.tick, 0, 0, cutoffMs, '');
  view.setUint32(at + INDEX_LOW_AT, eventsMax, true);
}

/** Writes a checkpoint, which has a head only. */
export function writeCheckpoint(bytes: Buffer, view: DataView, at: number, timeMs: number, stateHash: number): void {
  writeCommand(bytes, view, at, ControlOp.checkpoint, 0, 0, timeMs, '');
  view.setInt32(at + STATE_HASH_AT, stateHash, true);
}

/** A frame becomes a journal payload: the slot means nothing there. */
export function clearSlot(view: DataView, at: number): void {
  view.setUint32(at + SLOT_AT, 0, true);
}

/** The size of the path of the command at `at`; it begins `COMMAND_HEAD_SIZE_BYTES` behind that. */
export function pathSizeBytesAt(view: DataView, at: number): number {
  return view.getUint32(at + PATH_SIZE_AT, true);
}

/** When the command at `at` was accepted, epoch ms. */
export function timeMsAt(view: DataView, at: number): number {
  return view.getFloat64(at + TIME_AT, true);
}

/** Reads one command; the fields stay valid while the frame does, the strings for ever. */
export class CommandReader {
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(COMMAND_HEAD_SIZE_BYTES));
  #at = 0;

  /** Turns to the frame at `at`. Throws InvariantError when its sizes contradict each other. */
  read(bytes: Buffer, view: DataView, at: number, sizeBytes: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = at;
    assert(bytes[at + VERSION_AT] === COMMAND_VERSION, 'a command frame has a version that this build knows');
    assert(
      sizeBytes === commandSizeBytes(this.pathSizeBytes, this.valueSizeBytes, this.prevValueSizeBytes),
      'the parts of a command frame fill it',
    );
  }

  get op(): number {
    return this.#bytes[this.#at] as number;
  }
  get flags(): number {
    return this.#view.getUint16(this.#at + FLAGS_AT, true);
  }
  /** Adds to the flags in the frame itself, so that what is journaled has it too. */
  addFlag(flag: number): void {
    this.#view.setUint16(this.#at + FLAGS_AT, this.flags | flag, true);
  }
  get slot(): number {
    return this.#view.getUint32(this.#at + SLOT_AT, true);
  }
  get timeMs(): number {
    return this.#view.getFloat64(this.#at + TIME_AT, true);
  }
  get expirationMs(): number {
    return this.#view.getFloat64(this.#at + EXPIRATION_AT, true);
  }
  /** Exact: a number within the safe integers, beyond them a bigint. */
  get prevIndex(): number | bigint {
    const high = this.#view.getUint32(this.#at + INDEX_HIGH_AT, true);
    if (high >= SAFE_HIGH) return this.#view.getBigUint64(this.#at + INDEX_LOW_AT, true);
    return high * TWO_TO_32 + this.#view.getUint32(this.#at + INDEX_LOW_AT, true);
  }
  /** Rounded beyond the safe integers, which no store's index reaches. */
  get waitIndex(): number {
    return Number(this.prevIndex);
  }
  get tickEventsMax(): number {
    return this.#view.getUint32(this.#at + INDEX_LOW_AT, true);
  }
  /** As `packLookUps` gives it; meant in frames of requests. */
  get lookUps(): number {
    return this.#view.getInt32(this.#at + STATE_HASH_AT, true);
  }
  get stateHash(): number {
    return this.#view.getInt32(this.#at + STATE_HASH_AT, true);
  }
  get path(): ByteString {
    return this.#bytes.latin1Slice(this.pathAt, this.pathAt + this.pathSizeBytes) as ByteString;
  }
  get value(): ByteString {
    const size = this.valueSizeBytes;
    if (size === 0) return EMPTY;
    const start = this.pathAt + this.pathSizeBytes;
    return this.#bytes.latin1Slice(start, start + size) as ByteString;
  }
  get prevValue(): ByteString {
    const size = this.prevValueSizeBytes;
    if (size === 0) return EMPTY;
    const start = this.prevValueAt;
    return this.#bytes.latin1Slice(start, start + size) as ByteString;
  }

  /** The bytes of the frame and of others, in which the path lies at `pathAt`, behind it the value, and prevValue. */
  get bytes(): Buffer {
    return this.#bytes;
  }
  get pathAt(): number {
    return this.#at + COMMAND_HEAD_SIZE_BYTES;
  }
  get pathSizeBytes(): number {
    return pathSizeBytesAt(this.#view, this.#at);
  }
  get valueSizeBytes(): number {
    return this.#view.getUint32(this.#at + VALUE_SIZE_AT, true);
  }
  get prevValueAt(): number {
    return this.pathAt + this.pathSizeBytes + this.valueSizeBytes;
  }
  get prevValueSizeBytes(): number {
    return this.#view.getUint32(this.#at + PREV_VALUE_SIZE_AT, true);
  }
}

const EMPTY = '' as ByteString;
const TWO_TO_32 = 0x1_0000_0000;
/** Above this upper half a number is beyond 2^53. */
const SAFE_HIGH = 0x20_0000;
