/**
 * Puts commands into the request ring; keeps them in order in a queue while the ring is full. Each connection has at
 * most one request in flight, so the queue is bounded by the connections and the size of a request.
 */
import {
  type ControlOp,
  commandSizeBytes,
  writeCommand,
  writeExpiration,
  writeIndex,
  writeLookUps,
  writePrevValue,
  writeValueBytes,
  writeValues,
} from '../../frame/command-frame.ts';
import { type LinkEnd, LinkProducer } from '../../frame/link.ts';
import { Flag } from '../../protocol/command.ts';
import type { ValueBytes } from '../../protocol/value-form.ts';
import type { Doorbell } from '../../ring/doorbell.ts';

const COMMANDS_PER_PUBLICATION = 4;

interface QueuedCommand {
  readonly op: number;
  readonly flags: number;
  readonly slot: number;
  readonly timeMs: number;
  readonly path: string;
  readonly value: string;
  readonly prevValue: string;
  readonly index: bigint;
  readonly expirationMs: number;
  readonly lookUps: number;
}

export class CommandSender {
  readonly #link: LinkProducer;
  #queue: QueuedCommand[] = [];
  /** Commands in the ring since the store was last woken, and those that it cannot see yet. */
  unannouncedCount = 0;
  #unpublishedCount = 0;

  constructor(end: LinkEnd, storeBell: Doorbell) {
    this.#link = new LinkProducer(end, storeBell);
  }

  /** How many commands wait for room in the ring. */
  get queuedCount(): number {
    return this.#queue.length;
  }

  /**
   * Sends a command, now or when there is room; `wakeStore` must follow.
   * @param index prevIndex or waitIndex; 0n without.
   * @param expirationMs counts with Flag.hasExpiration.
   * @param lookUps what its rights have cost: `packLookUps`.
   */
  send(
    op: number,
    flags: number,
    slot: number,
    timeMs: number,
    path: string,
    value: string,
    prevValue: string,
    index: bigint,
    expirationMs: number,
    lookUps: number,
  ): void {
    const mustQueue = this.#queue.length > 0;
    if (!mustQueue && this.#trySend(op, flags, slot, timeMs, path, value, prevValue, index, expirationMs, lookUps))
      return;
    this.#queue.push({ op, flags, slot, timeMs, path, value, prevValue, index, expirationMs, lookUps });
  }

  /** Sends a write whose value is bytes still. */
  sendValueBytes(
    op: number,
    flags: number,
    slot: number,
    timeMs: number,
    path: string,
    { bytes: source, start, end }: ValueBytes,
    prevValue: string,
    prevIndex: bigint,
    expirationMs: number,
    lookUps: number,
  ): void {
    const link = this.#link;
    const sizeBytes = commandSizeBytes(path.length, end - start, prevValue.length);
    const at = this.#queue.length > 0 ? -1 : link.tryClaim(sizeBytes);
    if (at === -1) {
      const value = Buffer.from(source.buffer, source.byteOffset, source.length).latin1Slice(start, end);
      this.send(op, flags, slot, timeMs, path, value, prevValue, prevIndex, expirationMs, lookUps);
      return;
    }
    const { bytes, view } = link;
    writeCommand(bytes, view, at, op, flags, slot, timeMs, path);
    writeValueBytes(bytes, view, at, source, start, end);
    if (prevValue !== '') writePrevValue(bytes, view, at, prevValue);
    if (prevIndex !== 0n) writeIndex(view, at, prevIndex);
    if (expirationMs !== 0) writeExpiration(view, at, expirationMs);
    if (lookUps !== 0) writeLookUps(view, at, lookUps);
    this.#finish();
  }

  /** Sends a command that has nothing but a slot. */
  sendControl(op: ControlOp, slot: number, timeMs: number): void {
    this.send(op, 0, slot, timeMs, '', '', '', 0n, 0, 0);
  }

  /**
   * Wakes the store worker if it sleeps. Once for all requests that one turn of the event loop has brought, not once
   * each: waking costs as much as reading a request (native-bench, "set, 64 connections"). Not for nothing either: on the
   * core of a front end that has just answered, the store would run before the next request is read ("durable-1").
   */
  wakeStore(): void {
    if (this.unannouncedCount === 0) return;
    this.publish();
    this.unannouncedCount = 0;
    this.#link.wakeConsumer();
  }

  /** Shows the store worker, if it is awake, what the ring holds. */
  publish(): void {
    if (this.#unpublishedCount === 0) return;
    this.#unpublishedCount = 0;
    this.#link.publishFinished();
  }

  /** The first command at once, for a store worker that looks for it; of a crowd's a few at a time. */
  #finish(): void {
    this.#link.finish();
    this.#unpublishedCount++;
    if (this.unannouncedCount++ === 0 || this.#unpublishedCount === COMMANDS_PER_PUBLICATION) this.publish();
  }

  /** Sends what waits, as far as there is room. */
  flush(): void {
    let sent = 0;
    for (const c of this.#queue) {
      const { op, flags, slot, timeMs, path, value, prevValue, index, expirationMs, lookUps } = c;
      if (!this.#trySend(op, flags, slot, timeMs, path, value, prevValue, index, expirationMs, lookUps)) break;
      sent++;
    }
    if (sent > 0) this.#queue = this.#queue.slice(sent);
  }

  #trySend(
    op: number,
    flags: number,
    slot: number,
    timeMs: number,
    path: string,
    value: string,
    prevValue: string,
    index: bigint,
    expirationMs: number,
    lookUps: number,
  ): boolean {
    const link = this.#link;
    const at = link.tryClaim(commandSizeBytes(path.length, value.length, prevValue.length));
    if (at === -1) return false;
    const { bytes, view } = link;
    writeCommand(bytes, view, at, op, flags, slot, timeMs, path);
    if (value !== '' || prevValue !== '') writeValues(bytes, view, at, value, prevValue);
    if (index !== 0n) writeIndex(view, at, index);
    if ((flags & Flag.hasExpiration) !== 0) writeExpiration(view, at, expirationMs);
    if (lookUps !== 0) writeLookUps(view, at, lookUps);
    this.#finish();
    return true;
  }
}
