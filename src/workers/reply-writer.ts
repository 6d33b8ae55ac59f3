/**
 * Says things to one front end: writes reply frames into its reply ring, waiting for room when there is none.
 *
 * Why this waiting cannot deadlock: a front end always drains its reply ring. What it holds back at the durability gate
 * it holds back for the journal worker, which needs nothing from the store worker but the frames it already has; and
 * when the disk fails the gate opens, since everything behind it is refused instead.
 */
import '../base/latin1.ts';
import { copyBytes, sizeBytesOf } from '../base/bytes.ts';
import { type LinkEnd, LinkProducer } from '../frame/link.ts';
import {
  HEAD_BIT,
  KEEP_BIT,
  KEEP_WORDS,
  REPLY_HEAD_SIZE_BYTES,
  ReplyFormat,
  ReplyKind,
  replySizeBytes,
  writeReplyHead,
} from '../frame/reply-frame.ts';
import { sizeKbOf } from '../frame/shared-words.ts';
import type { Doorbell } from '../ring/doorbell.ts';
import { RingGauge } from '../ring/ring.ts';
import type { StoreEvent } from '../store/event.ts';
import type { Node } from '../store/node.ts';
import { writeEvent, writeGetOfKey } from '../store/render-bytes.ts';
import { waitForRoom } from './room-wait.ts';

/** More slots than these are split over several frames. */
const EVENT_SLOTS_MAX = 8192;
/** Bodies beyond this leave the ring to others and travel beside it. */
const RING_BODY_SIZE_BYTES_MAX = 64 * 1024;
const FRAMES_PER_PUBLICATION = 4;

/** Where the store stands. */
export interface Stamp {
  /** The sequence that must be durable before what is said may leave. */
  readonly gate: number;
  readonly etcdIndex: number;
  readonly raftIndex: number;
}

export class ReplyWriter implements Stamp {
  readonly #link: LinkProducer;
  readonly #gauge: RingGauge;
  /** Written into each frame; the duty cycle keeps them up to date. */
  gate = 0;
  etcdIndex = 0;
  raftIndex = 0;
  /** KB of listings that were handed over beside the ring since the start; the low 32 bits. */
  listedKb = 0;
  /** Called before the front end is shown anything. */
  onPublish: () => void = () => {};
  #unannouncedGate: number | undefined;
  #unpublishedCount = 0;

  constructor(end: LinkEnd, frontEndBell: Doorbell) {
    this.#link = new LinkProducer(end, frontEndBell);
    this.#gauge = new RingGauge(end.ring);
  }

  /** How many bytes of frames the front end has not yet taken: what is said now comes after them. */
  get backlogBytes(): number {
    return this.#gauge.usedBytes;
  }

  /**
   * The gate of the first frame since the front end was last woken, behind which all others wait; undefined when there
   * is none.
   */
  get unannouncedGate(): number | undefined {
    return this.#unannouncedGate;
  }

  /** Wakes the front end if it sleeps. To be called after every few frames: once each would wake it for the first alone. */
  wakeFrontEnd(): void {
    this.publish();
    this.#unannouncedGate = undefined;
    this.#link.wakeConsumer();
  }

  /** Shows the front end, if it is awake, what was said. Must follow what is said, after every few frames at the latest. */
  publish(): void {
    if (this.#unpublishedCount === 0) return;
    this.#unpublishedCount = 0;
    this.onPublish();
    this.#link.publishFinished();
  }

  #finish(parts?: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#link.finish(parts);
    if (++this.#unpublishedCount === FRAMES_PER_PUBLICATION) this.publish();
  }

  /** A whole answer. @param format with HEAD_BIT only the size of the body goes out. */
  answer(slot: number, format: number, status: number, body: string): void {
    this.#frame(ReplyKind.answer, format, status, slot, (format & HEAD_BIT) === 0 ? body : String(body.length));
  }

  /** The answer to a write, or to a watch that looks back, told as bytes. @param sizeBytes of it: `eventSizeBytes`. */
  answerWithEvent(slot: number, format: number, status: number, event: StoreEvent, sizeBytes: number): void {
    const link = this.#link;
    const at = this.#claim(replySizeBytes(0, sizeBytes));
    this.#head(at, ReplyKind.answer, format, status, slot, sizeBytes);
    writeEvent(link.bytes, link.view, at + REPLY_HEAD_SIZE_BYTES, event);
    this.#finish();
  }

  /** The answer to a GET of a key, told as bytes. @param sizeBytes of it: `getOfKeySizeBytes`. */
  answerWithKey(slot: number, node: Node, nowMs: number, sizeBytes: number): void {
    const link = this.#link;
    const at = this.#claim(replySizeBytes(0, sizeBytes));
    this.#head(at, ReplyKind.answer, ReplyFormat.keys, 200, slot, sizeBytes);
    writeGetOfKey(link.bytes, link.view, at + REPLY_HEAD_SIZE_BYTES, node, nowMs);
    this.#finish();
  }

  /** The answer to a HEAD of a key. @param sizeBytes of what a GET would get. */
  answerWithSize(slot: number, sizeBytes: number): void {
    this.#frame(ReplyKind.answer, ReplyFormat.keys | HEAD_BIT, 200, slot, String(sizeBytes));
  }

  /** The answer to a GET, which its front end may keep while the version at `position` is this. */
  answerToKeep(slot: number, node: Node, nowMs: number, sizeBytes: number, position: number, version: number): void {
    const link = this.#link;
    const at = this.#claim(replySizeBytes(KEEP_WORDS, sizeBytes));
    this.#head(at, ReplyKind.answer, ReplyFormat.keys | KEEP_BIT, 200, slot, sizeBytes);
    const wordsAt = at + REPLY_HEAD_SIZE_BYTES;
    link.view.setUint32(wordsAt, position, true);
    link.view.setInt32(wordsAt + 4, version, true);
    writeGetOfKey(link.bytes, link.view, wordsAt + 4 * KEEP_WORDS, node, nowMs);
    this.#finish();
  }

  watchOpened(slot: number): void {
    this.#frame(ReplyKind.watchOpened, ReplyFormat.keys, 200, slot, '');
  }

  /** @param isOfClient whether it is for one client's watches that there is no place. */
  watchRefused(slot: number, isOfClient: boolean): void {
    const kind = isOfClient ? ReplyKind.clientWatchRefused : ReplyKind.watchRefused;
    this.#frame(kind, ReplyFormat.plainJson, 503, slot, '');
  }

  /** There is no memory for it. */
  listingRefused(slot: number): void {
    this.#frame(ReplyKind.listingRefused, ReplyFormat.plainJson, 503, slot, '');
  }

  /** What is new of users and roles; see `SecurityNews`. */
  security(version: number, news: string): void {
    this.#frame(ReplyKind.security, ReplyFormat.plainJson, 200, version, news);
  }

  released(slot: number): void {
    this.#frame(ReplyKind.released, ReplyFormat.plainJson, 200, slot, '');
  }

  rolledBack(): void {
    this.#frame(ReplyKind.rolledBack, ReplyFormat.plainJson, 200, 0, '');
  }

  /** An answer rendered in parts, as of `stamp`. */
  answerInParts(slot: number, format: number, parts: readonly Uint8Array<ArrayBuffer>[], stamp: Stamp): void {
    const sizeBytes = sizeBytesOf(parts);
    if ((format & HEAD_BIT) !== 0) this.#partsInRing(slot, format, [Buffer.from(String(sizeBytes))], stamp);
    else if (sizeBytes <= RING_BODY_SIZE_BYTES_MAX) this.#partsInRing(slot, format, parts, stamp);
    else this.#partsBesideRing(slot, format, parts, stamp);
  }

  #partsInRing(slot: number, format: number, parts: readonly Uint8Array[], stamp: Stamp): void {
    const link = this.#link;
    const sizeBytes = sizeBytesOf(parts);
    const at = this.#claim(replySizeBytes(0, sizeBytes));
    this.#head(at, ReplyKind.answer, format, 200, slot, sizeBytes, stamp);
    let partAt = at + REPLY_HEAD_SIZE_BYTES;
    for (const part of parts) {
      partAt = copyBytes(part, 0, part.length, link.bytes, partAt);
    }
    this.#finish();
  }

  #partsBesideRing(slot: number, format: number, parts: readonly Uint8Array<ArrayBuffer>[], stamp: Stamp): void {
    const at = this.#claimDetached();
    this.#head(at, ReplyKind.answer, format, 200, slot, 0, stamp);
    this.listedKb = (this.listedKb + sizeKbOf(parts)) | 0;
    this.#finish(parts);
  }

  /** One event for many slots: encoded once, listed as often as needed. */
  event(slots: readonly number[], body: string): void {
    for (let first = 0; first < slots.length; first += EVENT_SLOTS_MAX) {
      const bodyAt = this.#eventHead(slots, first, body.length);
      this.#link.bytes.latin1Write(body, bodyAt, body.length);
      this.#finish();
    }
  }

  /** The same, told as bytes. @param sizeBytes of it: `eventSizeBytes`. */
  eventAsBytes(slots: readonly number[], event: StoreEvent, sizeBytes: number): void {
    const link = this.#link;
    for (let first = 0; first < slots.length; first += EVENT_SLOTS_MAX) {
      const bodyAt = this.#eventHead(slots, first, sizeBytes);
      writeEvent(link.bytes, link.view, bodyAt, event);
      this.#finish();
    }
  }

  /** Of an event for the slots from `first` on, as many as go into one frame. @returns where its body begins. */
  #eventHead(slots: readonly number[], first: number, sizeBytes: number): number {
    const count = Math.min(slots.length - first, EVENT_SLOTS_MAX);
    const link = this.#link;
    const at = this.#claim(replySizeBytes(count, sizeBytes));
    this.#head(at, ReplyKind.event, ReplyFormat.keys, 200, count, sizeBytes);
    let slotAt = at + REPLY_HEAD_SIZE_BYTES;
    for (let position = first; position < first + count; position++, slotAt += 4) {
      link.view.setUint32(slotAt, slots[position] as number, true);
    }
    return slotAt;
  }

  #frame(kind: number, format: number, status: number, slot: number, body: string): void {
    const link = this.#link;
    const at = this.#claim(replySizeBytes(0, body.length));
    this.#head(at, kind, format, status, slot, body.length);
    if (body.length > 0) link.bytes.latin1Write(body, at + REPLY_HEAD_SIZE_BYTES, body.length);
    this.#finish();
  }

  #head(
    at: number,
    kind: number,
    format: number,
    status: number,
    slotOrCount: number,
    sizeBytes: number,
    { gate, etcdIndex, raftIndex }: Stamp = this,
  ): void {
    const { bytes, view } = this.#link;
    this.#unannouncedGate ??= gate;
    writeReplyHead(bytes, view, at, kind, format, status, slotOrCount, gate, sizeBytes, etcdIndex, raftIndex);
  }

  #claim(sizeBytes: number): number {
    const link = this.#link;
    let at = link.tryClaim(sizeBytes);
    while (at === -1) {
      this.#waitForRoom();
      at = link.tryClaim(sizeBytes);
    }
    return at;
  }

  #claimDetached(): number {
    let at = this.#link.tryClaimDetached(REPLY_HEAD_SIZE_BYTES);
    while (at === -1) {
      this.#waitForRoom();
      at = this.#link.tryClaimDetached(REPLY_HEAD_SIZE_BYTES);
    }
    return at;
  }

  #waitForRoom(): void {
    this.wakeFrontEnd();
    waitForRoom(this.#link);
  }
}
