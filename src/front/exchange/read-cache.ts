/**
 * Answers to reads that this front end has kept, so that a key that is asked for again and again, and hardly ever
 * changes, is answered without the store: native-bench, "get-64". It decides nothing about keys. The store worker says
 * which answers may be kept, and moves a count in shared memory when one holds no more (`frame/read-versions.ts`).
 *
 * Why nobody sees anything older than what he knows of: a write moves the version of its path before it moves the etcd
 * index, and the index before anybody is told of the write. Here they are read the other way round. So when the version
 * is still that of the answer, the answer was right when the index was what its head will say; and whoever was told of a
 * write, by whichever front end, finds the version moved. With a journal an answer is given only when all that has been
 * applied is durable; otherwise the request goes to the store, whose answer waits at the gate.
 *
 *   request ──▶ kept, and its version holds ───────────────────────────▶ answer
 *      │
 *      └──────▶ store; at the second time running (for this place) with the wish to keep the answer
 *
 * A place is found by the hash of the URL, and taken by whoever asks for it twice in a row: keys that are read at random
 * cost a number each, and are not kept. To keep a longer answer is to copy it, so the store must have shown it twice, unchanged.
 * Bounded by places, and by the bytes of all longer ones.
 */
import { outOfShared } from '../../base/bytes.ts';
import type { ReadVersions } from '../../frame/read-versions.ts';
import type { ReplyReader } from '../../frame/reply-frame.ts';
import type { SharedWords } from '../../frame/shared-words.ts';
import type { Gate } from './gate.ts';
import { LARGE_ANSWER_SIZE_BYTES } from './large-answers.ts';

const PLACES_COUNT = 4096;
const URL_LENGTH_MAX = 256;
/** Up to here places alone bound what is kept. */
const SHORT_BODY_BYTES_MAX = 1024;
/** All that are longer, together. */
const LONG_BODIES_BYTES_MAX = 16 * 1024 * 1024;
/** Counts in shared memory have 32 bits: what is used at least once in two of these cannot meet one that has come round. */
const SWEEP_MS = 30_000;

const Validity = { holds: 0, mustWait: 1, ended: 2 } as const;
type Validity = (typeof Validity)[keyof typeof Validity];

export class KeptRead {
  readonly url: string;
  /** In memory of its own, not on the heap: what is handed to uWebSockets.js often must not lie there. */
  readonly body: Uint8Array;
  /** Whether it takes longer than one write. */
  readonly isLarge: boolean;
  readonly position: number;
  readonly version: number;
  /** For the head of the next answer. */
  etcdIndex: number;
  raftIndex: number;
  isUsed = true;

  constructor(url: string, reply: ReplyReader) {
    const { body } = reply;
    this.url = url;
    if (longBytesOf(body.length) > 0) this.body = outOfShared(body);
    else {
      this.body = new Uint8Array(new ArrayBuffer(body.length));
      this.body.set(body);
    }
    this.isLarge = body.length > LARGE_ANSWER_SIZE_BYTES;
    this.position = reply.keepPosition;
    this.version = reply.keepVersion;
    this.etcdIndex = reply.etcdIndex;
    this.raftIndex = reply.raftIndex;
  }

  /** What it takes of `LONG_BODIES_BYTES_MAX`. */
  get longBytes(): number {
    return longBytesOf(this.body.length);
  }
}

function longBytesOf(sizeBytes: number): number {
  return sizeBytes > SHORT_BODY_BYTES_MAX ? sizeBytes : 0;
}

export class ReadCache {
  readonly #words: SharedWords;
  readonly #versions: ReadVersions;
  readonly #gate: Gate;
  readonly #places: (KeptRead | undefined)[] = new Array(PLACES_COUNT).fill(undefined);
  /** By place: the hash of the URL that was last asked for and is not kept. */
  readonly #lastAsked = new Int32Array(PLACES_COUNT);
  /** By place: the version of the longer answer that was last shown and is not kept. */
  readonly #lastShown: (number | undefined)[] = new Array(PLACES_COUNT).fill(undefined);
  /** By slot: the URL of a read whose answer is to be kept. */
  readonly #wanted: (string | undefined)[] = [];
  #count = 0;
  #longBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;
  /** Whether the URL of the last `find` is asked for often enough to be kept. */
  isWorthKeeping = false;

  constructor(words: SharedWords, versions: ReadVersions, gate: Gate) {
    this.#words = words;
    this.#versions = versions;
    this.#gate = gate;
  }

  /** @returns what answers a read of `url` right now; undefined when the store must be asked. */
  find(url: string): KeptRead | undefined {
    this.isWorthKeeping = false;
    if (url.length > URL_LENGTH_MAX) return undefined;
    const hash = hashOf(url);
    const place = hash & (PLACES_COUNT - 1);
    const kept = this.#places[place];
    if (kept !== undefined && kept.url === url) {
      switch (this.#renew(kept)) {
        case Validity.holds:
          return kept;
        case Validity.mustWait:
          return undefined;
        case Validity.ended:
          this.#forget(place);
      }
    } else if (this.#lastAsked[place] === hash) this.isWorthKeeping = true;
    this.#lastAsked[place] = hash;
    return undefined;
  }

  /** The store was asked to answer a slot with something to keep. */
  want(slot: number, url: string): void {
    this.#wanted[slot] = url;
  }

  /** It has. */
  keep(reply: ReplyReader): void {
    const url = this.#wanted[reply.slot];
    this.#wanted[reply.slot] = undefined;
    if (url === undefined) return;
    const place = hashOf(url) & (PLACES_COUNT - 1);
    if (!this.#isShownAgain(place, reply)) return;
    this.#forget(place);
    if (this.#longBytes + longBytesOf(reply.bodySizeBytes) > LONG_BODIES_BYTES_MAX) return;
    const kept = new KeptRead(url, reply);
    this.#places[place] = kept;
    this.#count++;
    this.#longBytes += kept.longBytes;
    this.#sweeper ??= setInterval(this.#sweep, SWEEP_MS).unref();
  }

  #isShownAgain(place: number, reply: ReplyReader): boolean {
    if (longBytesOf(reply.bodySizeBytes) === 0 || this.#lastShown[place] === reply.keepVersion) return true;
    this.#lastShown[place] = reply.keepVersion;
    return false;
  }

  /** Nothing is kept afterwards, and no timer runs. */
  close(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** Finds out whether a kept answer is still that of the store; if so, its indexes are those of now. */
  #renew(kept: KeptRead): Validity {
    const words = this.#words;
    // In this order: see above.
    const { etcdIndex } = words;
    const { sequence } = words;
    if (this.#versions.at(kept.position) !== kept.version) return Validity.ended;
    if (!this.#gate.isOpenFor(sequence)) return Validity.mustWait;
    kept.etcdIndex += (etcdIndex - kept.etcdIndex) | 0;
    kept.raftIndex += (sequence - kept.raftIndex) | 0;
    kept.isUsed = true;
    return Validity.holds;
  }

  #forget(place: number): void {
    const kept = this.#places[place];
    if (kept === undefined) return;
    this.#places[place] = undefined;
    this.#count--;
    this.#longBytes -= kept.longBytes;
  }

  /** Forgets what nobody has asked for since the last time. */
  readonly #sweep = (): void => {
    for (const [place, kept] of this.#places.entries()) {
      if (kept === undefined) continue;
      if (kept.isUsed) kept.isUsed = false;
      else this.#forget(place);
    }
    if (this.#count === 0) this.close();
  };
}

/** 32 bits of FNV-1a. */
function hashOf(url: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < url.length; at++) hash = Math.imul(hash ^ url.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
