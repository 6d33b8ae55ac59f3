/**
 * A one-way connection between two threads that keeps frames of any size in order: a ring for those that fit, and for
 * the rare larger one (a 200 MB listing, a 10 MB value) a message that is transferred, not copied, with an empty frame
 * in the ring to hold its place.
 *
 * The producer posts the message before it publishes the empty frame, so whoever finds the frame finds the message by
 * a synchronous look into the port, in order: nothing is awaited and nothing can be overtaken.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import type { Doorbell } from '../ring/doorbell.ts';
import { RingConsumer, RingProducer } from '../ring/ring.ts';

/** What a thread is given to open its end; `port` is one end of a MessageChannel and must be transferred. */
export interface LinkEnd {
  readonly ring: SharedArrayBuffer;
  readonly port: MessagePort;
}

interface OversizeMessage {
  readonly frame: ArrayBuffer;
  readonly attachments: readonly Uint8Array<ArrayBuffer>[];
}

const NO_ATTACHMENTS: readonly Uint8Array<ArrayBuffer>[] = [];

export class LinkProducer {
  /** Where the claimed frame is to be written; changes with each claim. */
  bytes: Buffer;
  view: DataView;
  readonly #ring: RingProducer;
  readonly #port: MessagePort;
  readonly #doorbell: Doorbell;
  #oversize: ArrayBuffer | undefined;

  /** @param doorbell of the consuming thread. */
  constructor(end: LinkEnd, doorbell: Doorbell) {
    this.#ring = new RingProducer(end.ring);
    this.#port = end.port;
    this.#doorbell = doorbell;
    this.bytes = this.#ring.bytes;
    this.view = this.#ring.view;
  }

  /** Claims room for a frame. @returns its offset in `bytes` and `view`; -1 when the ring is full. */
  tryClaim(sizeBytes: number): number {
    if (sizeBytes > this.#ring.frameSizeBytesMax) return this.#claimOversize(sizeBytes);
    return this.#ring.tryClaim(sizeBytes);
  }

  /** Claims a frame that travels beside the ring whatever its size, because parts will be attached to it. */
  tryClaimDetached(sizeBytes: number): number {
    return this.#claimOversize(sizeBytes);
  }

  /**
   * Hands the claimed frame over, and wakes the consumer if it sleeps.
   * @param attachments go with a detached frame; each owns its whole buffer, which is transferred and lost to the caller.
   */
  publish(attachments: readonly Uint8Array<ArrayBuffer>[] = NO_ATTACHMENTS): void {
    this.publishQuietly(attachments);
    this.#doorbell.ring();
  }

  /** The same without waking the consumer: whoever publishes several frames rings once, by `wakeConsumer`. */
  publishQuietly(attachments: readonly Uint8Array<ArrayBuffer>[] = NO_ATTACHMENTS): void {
    this.finish(attachments);
    this.publishFinished();
  }

  /**
   * The claimed frame is complete; `publishFinished` must follow, after this one or after a few. To publish is to wait for
   * all that was written, among it memory that the other thread has just read: once for several frames costs less
   * (native-bench, "set, 64 connections").
   */
  finish(attachments: readonly Uint8Array<ArrayBuffer>[] = NO_ATTACHMENTS): void {
    if (this.#oversize === undefined) return;
    const message: OversizeMessage = { frame: this.#oversize, attachments };
    this.#port.postMessage(message, [this.#oversize, ...attachments.map((part) => part.buffer)]);
    this.#backToRing();
  }

  /** Hands all finished frames over. */
  publishFinished(): void {
    this.#ring.publish();
  }

  wakeConsumer(): void {
    this.#doorbell.ring();
  }

  #claimOversize(sizeBytes: number): number {
    if (this.#ring.tryClaim(0) === -1) return -1;
    this.#oversize = new ArrayBuffer(sizeBytes);
    this.bytes = Buffer.from(this.#oversize);
    this.view = new DataView(this.#oversize);
    return 0;
  }

  #backToRing(): void {
    this.#oversize = undefined;
    this.bytes = this.#ring.bytes;
    this.view = this.#ring.view;
  }
}

export class LinkConsumer {
  /** Where the current frame is; changes with each frame. */
  bytes: Buffer;
  view: DataView;
  frameOffset = 0;
  frameSizeBytes = 0;
  /** What came with the current frame; the consumer's to keep. */
  attachments: readonly Uint8Array<ArrayBuffer>[] = NO_ATTACHMENTS;
  readonly #ring: RingConsumer;
  readonly #port: MessagePort;
  /** An oversize frame that was stepped back over. */
  #held: OversizeMessage | undefined;

  constructor(end: LinkEnd) {
    this.#ring = new RingConsumer(end.ring);
    this.#port = end.port;
    this.bytes = this.#ring.bytes;
    this.view = this.#ring.view;
  }

  /** Whether the current frame came beside the ring: then its memory is the consumer's to keep. */
  get isOversize(): boolean {
    return this.bytes !== this.#ring.bytes;
  }

  /** Steps to the next frame; false when there is none yet. */
  next(): boolean {
    const ring = this.#ring;
    if (!ring.next()) return false;
    this.frameSizeBytes = ring.frameSizeBytes;
    if (this.frameSizeBytes === 0) {
      this.#nextOversize();
      return true;
    }
    this.bytes = ring.bytes;
    this.view = ring.view;
    this.frameOffset = ring.frameOffset;
    this.attachments = NO_ATTACHMENTS;
    return true;
  }

  /**
   * Looks at the frames to come, those left out that travel beside the ring.
   * @param offsets is filled with where they begin in `ringBytes`. @returns how many these are.
   */
  lookAhead(offsets: Int32Array): number {
    return this.#ring.lookAhead(offsets);
  }

  get ringBytes(): Buffer {
    return this.#ring.bytes;
  }
  get ringView(): DataView {
    return this.#ring.view;
  }

  /** Steps back, so that `next` gives the current frame again. */
  unread(): void {
    if (this.isOversize) this.#held = { frame: this.view.buffer as ArrayBuffer, attachments: this.attachments };
    this.#ring.unread();
  }

  /** Frees all frames stepped over. */
  release(): void {
    this.#ring.release();
  }

  isEmpty(): boolean {
    return this.#ring.isEmpty();
  }

  #nextOversize(): void {
    const message = this.#held ?? (receiveMessageOnPort(this.#port)?.message as OversizeMessage | undefined);
    this.#held = undefined;
    assert(message !== undefined, 'the message of an oversize frame was posted before its frame');
    const { frame } = message;
    this.attachments = message.attachments;
    this.bytes = Buffer.from(frame);
    this.view = new DataView(frame);
    this.frameOffset = 0;
    this.frameSizeBytes = frame.byteLength;
  }
}
