/**
 * The header lines of an answer on the key space as bytes that are used again: from one answer to the next only a few
 * digits change. A string would be put together, flattened, measured and encoded for each answer instead
 * (native-bench, "set, 64 connections").
 */
import { digitCount, writeDigits } from '../../base/digits.ts';

/** Digits of the greatest safe integer. */
const DIGITS_MAX = 16;

interface Lines {
  readonly bytes: Uint8Array;
  readonly etcdIndexEnd: number;
  readonly raftIndexEnd: number;
  etcdIndex: number;
  raftIndex: number;
}

/** `head`, the etcd index, `middle`, the raft index, `tail`. */
export class HeaderLines {
  readonly #head: string;
  readonly #middle: string;
  readonly #tail: string;
  /** By the numbers of digits of both indexes. */
  readonly #known: (Lines | undefined)[] = [];

  constructor(head: string, middle: string, tail: string) {
    this.#head = head;
    this.#middle = middle;
    this.#tail = tail;
  }

  /** @returns bytes that hold until the next call. */
  of(etcdIndex: number, raftIndex: number): Uint8Array {
    const which = digitCount(etcdIndex) * DIGITS_MAX + digitCount(raftIndex);
    const lines = this.#known[which] ?? this.#make(which, etcdIndex, raftIndex);
    if (lines.etcdIndex !== etcdIndex) {
      writeDigits(lines.bytes, lines.etcdIndexEnd, etcdIndex);
      lines.etcdIndex = etcdIndex;
    }
    if (lines.raftIndex !== raftIndex) {
      writeDigits(lines.bytes, lines.raftIndexEnd, raftIndex);
      lines.raftIndex = raftIndex;
    }
    return lines.bytes;
  }

  #make(which: number, etcdIndex: number, raftIndex: number): Lines {
    const toEtcdIndex = this.#head + etcdIndex;
    const toRaftIndex = toEtcdIndex + this.#middle + raftIndex;
    const lines = {
      bytes: latin1Bytes(toRaftIndex + this.#tail),
      etcdIndexEnd: toEtcdIndex.length,
      raftIndexEnd: toRaftIndex.length,
      etcdIndex,
      raftIndex,
    };
    this.#known[which] = lines;
    return lines;
  }
}

/** The bytes in a buffer of their own: what is handed to uWebSockets.js often must not lie on the heap. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(text.length));
  Buffer.from(bytes.buffer).write(text, 'latin1');
  return bytes;
}
