/**
 * The byte layout of what the store worker says to a front end. Little-endian.
 *
 *   0        1        2                 4                                 8
 *   +--------+--------+-----------------+---------------------------------+
 *   | kind   | format | status          | slot (or number of slots)       |
 *   +--------+--------+-----------------+---------------------------------+
 *   | gate, i32: the command sequence  | body size, u32                   | 8
 *   | that must be durable before this |                                  |
 *   | frame may leave                  |                                  |
 *   +----------------------------------+----------------------------------+
 *   | etcd index, f64                                                     | 16
 *   +---------------------------------------------------------------------+
 *   | raft index, f64                                                     | 24
 *   +---------------------------------------------------------------------+
 *   | an event's slots, u32 each, or the two words of an answer that may  | 32
 *   | be kept; then the body                                              |
 *
 * An event's slot has STREAM_BIT when its watch goes on after this event.
 * An answer with KEEP_BIT may be kept while the version (second word) at its position (first) is that of `ReadVersions`.
 */
import { assert } from '../base/assert.ts';

export const ReplyKind = {
  /** The whole answer to the request in a slot. */
  answer: 1,
  /** A watch has been accepted: its headers may go out. */
  watchOpened: 2,
  /** One event for many slots. */
  event: 3,
  /** A cancelled watch is gone; no frame for this slot follows. */
  released: 4,
  /** All writes above the durable watermark have been undone, because the disk failed. */
  rolledBack: 5,
  /** There is no place for another watcher: the front end words the refusal. */
  watchRefused: 6,
  /** Users, roles and the switch have changed: what is new, as JSON (`SecurityNews`); in place of the slot its version. */
  security: 7,
  /** There is no place for another watcher of one client's address. */
  clientWatchRefused: 8,
  /** There is no memory for another listing: the front end words the refusal. */
  listingRefused: 9,
} as const;

/** Which headers an answer bears. */
export const ReplyFormat = {
  /** Success on the key space: etcd index, raft index and term. */
  keys: 1,
  /** Refusal on the key space: etcd index. */
  keysError: 2,
  /** JSON without etcd's headers. */
  plainJson: 3,
  /** The store is there: the front end words the answer. */
  health: 4,
  /** What the store says of itself, as JSON (`StoreReading`): the front end makes a page of it. */
  reading: 5,
  /** An answer about users and roles: JSON and a cluster id. */
  auth: 6,
} as const;

export const REPLY_HEAD_SIZE_BYTES = 32;
/** A slot has so many bits: beside it stand STREAM_BIT in an event, and the number of its front end in a watcher's id. */
export const SLOT_BITS = 20;
/** Set in an event's slot when the watch is a stream. */
export const STREAM_BIT = 0x8000_0000;
/** Bit of `format`: the request was a HEAD, so in place of the body stands its size, in decimal digits. */
export const HEAD_BIT = 0x80;
/** Bit of `format`: the answer is to a command that changes the state, so a failed disk makes it a failure. */
export const WRITE_BIT = 0x40;
/** Bit of `format`: the front end that asked may keep the answer. */
export const KEEP_BIT = 0x20;
export const FORMAT_MASK = 0x1f;
/** The words of an answer that may be kept. */
export const KEEP_WORDS = 2;

const FORMAT_AT = 1;
const STATUS_AT = 2;
const SLOT_AT = 4;
const GATE_AT = 8;
const BODY_SIZE_AT = 12;
const ETCD_INDEX_AT = 16;
const RAFT_INDEX_AT = 24;

/** @param wordCount of slots, or of what else stands before the body. */
export function replySizeBytes(wordCount: number, bodySizeBytes: number): number {
  return REPLY_HEAD_SIZE_BYTES + 4 * wordCount + bodySizeBytes;
}

/** Writes the head. For an event `slotOrCount` is the number of slots that follow. */
export function writeReplyHead(
  bytes: Buffer,
  view: DataView,
  at: number,
  kind: number,
  format: number,
  status: number,
  slotOrCount: number,
  gate: number,
  bodySizeBytes: number,
  etcdIndex: number,
  raftIndex: number,
): void {
  bytes[at] = kind;
  bytes[at + FORMAT_AT] = format;
  view.setUint16(at + STATUS_AT, status, true);
  view.setUint32(at + SLOT_AT, slotOrCount, true);
  view.setInt32(at + GATE_AT, gate, true);
  view.setUint32(at + BODY_SIZE_AT, bodySizeBytes, true);
  view.setFloat64(at + ETCD_INDEX_AT, etcdIndex, true);
  view.setFloat64(at + RAFT_INDEX_AT, raftIndex, true);
}

/** Reads one reply; valid while the frame is. */
export class ReplyReader {
  bytes: Buffer = Buffer.alloc(0);
  /** Where `bytes` lies: to ask a buffer for it is a call into native code. */
  #memory: ArrayBufferLike = this.bytes.buffer;
  #memoryOffset = 0;
  #view: DataView = new DataView(new ArrayBuffer(REPLY_HEAD_SIZE_BYTES));
  #at = 0;

  read(bytes: Buffer, view: DataView, at: number, sizeBytes: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#memory = bytes.buffer;
      this.#memoryOffset = bytes.byteOffset;
    }
    this.#view = view;
    this.#at = at;
    assert(sizeBytes === replySizeBytes(this.#wordCount(), this.bodySizeBytes), 'the parts of a reply frame fill it');
  }

  get kind(): number {
    return this.bytes[this.#at] as number;
  }
  get format(): number {
    return this.bytes[this.#at + FORMAT_AT] as number;
  }
  get status(): number {
    return this.#view.getUint16(this.#at + STATUS_AT, true);
  }
  get slot(): number {
    return this.#view.getUint32(this.#at + SLOT_AT, true);
  }
  get gate(): number {
    return this.#view.getInt32(this.#at + GATE_AT, true);
  }
  get etcdIndex(): number {
    return this.#view.getFloat64(this.#at + ETCD_INDEX_AT, true);
  }
  get raftIndex(): number {
    return this.#view.getFloat64(this.#at + RAFT_INDEX_AT, true);
  }
  /** How many slots an event is for; 0 for other kinds. */
  get slotCount(): number {
    return this.kind === ReplyKind.event ? this.slot : 0;
  }
  /** Whether it is an answer that the front end may keep: its position and version are known then. */
  get isKeepable(): boolean {
    return this.kind === ReplyKind.answer && (this.format & KEEP_BIT) !== 0;
  }
  get keepPosition(): number {
    return this.#view.getUint32(this.#at + REPLY_HEAD_SIZE_BYTES, true);
  }
  get keepVersion(): number {
    return this.#view.getInt32(this.#at + REPLY_HEAD_SIZE_BYTES + 4, true);
  }
  /** The slot at `position` of an event, with STREAM_BIT when its watch goes on. */
  slotAt(position: number): number {
    return this.#view.getUint32(this.#at + REPLY_HEAD_SIZE_BYTES + 4 * position, true);
  }
  get bodySizeBytes(): number {
    return this.#view.getUint32(this.#at + BODY_SIZE_AT, true);
  }
  /** Where the body begins in `bytes`. */
  get bodyOffset(): number {
    return this.#at + REPLY_HEAD_SIZE_BYTES + 4 * this.#wordCount();
  }
  #wordCount(): number {
    return this.isKeepable ? KEEP_WORDS : this.slotCount;
  }
  /** The body where it lies: in the ring, valid until the frame is released. */
  get body(): Uint8Array {
    return new Uint8Array(this.#memory, this.#memoryOffset + this.bodyOffset, this.bodySizeBytes);
  }
}
