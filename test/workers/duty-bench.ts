/** A store duty with hand-made links, driven turn by turn in one thread: what the front ends send, and what they get. */
import type { ByteString } from '../../src/base/byte-string.ts';
import { CommandReader } from '../../src/frame/command-frame.ts';
import { LinkConsumer } from '../../src/frame/link.ts';
import { ReadVersions } from '../../src/frame/read-versions.ts';
import { FORMAT_MASK, HEAD_BIT, ReplyKind, ReplyReader, STREAM_BIT, WRITE_BIT } from '../../src/frame/reply-frame.ts';
import { createSharedWords, JournalState, SharedWords } from '../../src/frame/shared-words.ts';
import { CommandSender } from '../../src/front/exchange/command-sender.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import type { Doorbell } from '../../src/ring/doorbell.ts';
import { Store } from '../../src/store/store.ts';
import type { WatcherBounds } from '../../src/store/watcher-hub.ts';
import { Applier } from '../../src/workers/apply.ts';
import { JOURNAL_FRAME_HEAD_SIZE_BYTES, JournalFeed } from '../../src/workers/journal-feed.ts';
import { KeptReads } from '../../src/workers/kept-reads.ts';
import { ReplyWriter } from '../../src/workers/reply-writer.ts';
import { StoreDuty } from '../../src/workers/store-duty.ts';
import { aBell, linkEnds } from '../frame/links.ts';
import { NOON_MS } from '../store/store-fixture.ts';

const RING_SIZE_BYTES = 1 << 20;
const HISTORY_EVENTS_MAX = 1000;

export interface Reply {
  readonly kind: keyof typeof ReplyKind;
  readonly format: number;
  readonly isHead: boolean;
  readonly isWrite: boolean;
  readonly status: number;
  readonly slot: number;
  /** Of an event. */
  readonly slots: readonly number[];
  /** Those of the slots whose watch goes on. */
  readonly streams: readonly number[];
  readonly gate: number;
  readonly etcdIndex: number;
  readonly raftIndex: number;
  readonly body: string;
}

export interface SendFields {
  readonly flags?: number;
  readonly value?: string;
  readonly prevValue?: string;
  readonly index?: bigint;
  readonly expirationMs?: number;
  readonly timeMs?: number;
  readonly lookUps?: number;
}

/** The other ends of one front end's links. */
export class BenchFrontEnd {
  readonly requests: LinkConsumer;
  readonly replies: ReplyWriter;
  readonly bell = aBell();
  readonly #sender: CommandSender;
  readonly #received: LinkConsumer;
  readonly #reader = new ReplyReader();

  constructor() {
    const toStore = linkEnds(RING_SIZE_BYTES);
    const fromStore = linkEnds(RING_SIZE_BYTES);
    this.#sender = new CommandSender(toStore.producerEnd, aBell());
    this.requests = new LinkConsumer(toStore.consumerEnd);
    this.replies = new ReplyWriter(fromStore.producerEnd, this.bell);
    this.#received = new LinkConsumer(fromStore.consumerEnd);
  }

  send(op: number, slot: number, path: string, fields: SendFields = {}): void {
    const { flags = 0, value = '', prevValue = '', index = 0n, expirationMs, timeMs = NOON_MS, lookUps = 0 } = fields;
    const allFlags = flags | Flag.pathPlain | Flag.valuePlain | (expirationMs === undefined ? 0 : Flag.hasExpiration);
    this.#sender.send(op, allFlags, slot, timeMs, path, value, prevValue, index, expirationMs ?? 0, lookUps);
    this.#sender.publish();
  }

  set(slot: number, path: string, value = 'v', fields: SendFields = {}): void {
    this.send(Op.set, slot, path, { ...fields, value });
  }

  watch(slot: number, path: string, flags = 0, index = 0n, client = ''): void {
    this.send(Op.watch, slot, path, { flags, index, value: client });
  }

  /** All that has come since the last call. */
  received(): Reply[] {
    const replies: Reply[] = [];
    while (this.#received.next()) replies.push(this.#read());
    this.#received.release();
    return replies;
  }

  #read(): Reply {
    const { bytes, view, frameOffset, frameSizeBytes, attachments } = this.#received;
    const reader = this.#reader;
    reader.read(bytes, view, frameOffset, frameSizeBytes);
    const { kind, format, status, slot, slotCount, gate, etcdIndex, raftIndex, bodyOffset, bodySizeBytes } = reader;
    const entries = Array.from({ length: slotCount }, (_, position) => reader.slotAt(position));
    const inFrame = bytes.toString('latin1', bodyOffset, bodyOffset + bodySizeBytes);
    return {
      kind: nameOfKind(kind),
      format: format & FORMAT_MASK,
      isHead: (format & HEAD_BIT) !== 0,
      isWrite: (format & WRITE_BIT) !== 0,
      status,
      slot,
      slots: entries.map((entry) => entry & ~STREAM_BIT),
      streams: entries.filter((entry) => (entry & STREAM_BIT) !== 0).map((entry) => entry & ~STREAM_BIT),
      gate,
      etcdIndex,
      raftIndex,
      body: inFrame + attachments.map((part) => Buffer.from(part).toString('latin1')).join(''),
    };
  }
}

/** Whether someone who sleeps on this bell is woken meanwhile. */
export async function isWokenBy(bell: Doorbell, deed: () => void): Promise<boolean> {
  const sleep = bell.parkAsync(() => false);
  const wakes = bell.wakes;
  deed();
  const isWoken = bell.wakes > wakes;
  bell.ring();
  await sleep;
  return isWoken;
}

function nameOfKind(kind: number): keyof typeof ReplyKind {
  const names = Object.keys(ReplyKind) as (keyof typeof ReplyKind)[];
  return names.find((name) => ReplyKind[name] === kind) as keyof typeof ReplyKind;
}

/** The journal worker's place: takes what is journaled, and may say that it is durable. */
class BenchJournal {
  readonly sequences: number[] = [];
  readonly replica = new Store(HISTORY_EVENTS_MAX, true);
  readonly feed: JournalFeed;
  readonly bell = aBell();
  readonly #link: LinkConsumer;
  readonly #applier = new Applier(this.replica);
  readonly #command = new CommandReader();

  constructor(words: SharedWords, commandsPerCheckpoint: number) {
    const { producerEnd, consumerEnd } = linkEnds(RING_SIZE_BYTES);
    this.feed = new JournalFeed(producerEnd, this.bell, words, commandsPerCheckpoint, 0);
    this.#link = new LinkConsumer(consumerEnd);
  }

  /** Applies to the replica what has come; a checkpoint compares the hashes. */
  replay(): void {
    const link = this.#link;
    while (link.next()) {
      this.sequences.push(link.view.getFloat64(link.frameOffset, true));
      const at = link.frameOffset + JOURNAL_FRAME_HEAD_SIZE_BYTES;
      this.#command.read(link.bytes, link.view, at, link.frameSizeBytes - JOURNAL_FRAME_HEAD_SIZE_BYTES);
      this.#applier.replay(this.#command);
    }
    link.release();
  }
}

export class DutyBench {
  readonly words = new SharedWords(createSharedWords());
  readonly duty: StoreDuty;
  readonly frontEnds: BenchFrontEnd[];
  nowMs = NOON_MS;

  constructor(frontEndsCount = 1, bounds: WatcherBounds = {}, listingBytesMax = Number.POSITIVE_INFINITY) {
    this.frontEnds = Array.from({ length: frontEndsCount }, () => new BenchFrontEnd());
    this.duty = new StoreDuty((onEvent) => new Store(HISTORY_EVENTS_MAX, true, onEvent, bounds), {
      frontEnds: this.frontEnds,
      words: this.words,
      nowMs: () => this.nowMs,
      listingBytesMax,
      keptReads: new KeptReads(new ReadVersions(ReadVersions.createMemory())),
    });
  }

  get first(): BenchFrontEnd {
    return this.frontEnds[0] as BenchFrontEnd;
  }

  get second(): BenchFrontEnd {
    return this.frontEnds[1] as BenchFrontEnd;
  }

  /** Turns until there is nothing left to do. @returns how many turns did something. */
  run(): number {
    let turns = 0;
    while (this.duty.turn() > 0) turns++;
    return turns;
  }

  /** From now on what changes the state is journaled. */
  journal(commandsPerCheckpoint = 1000): BenchJournal {
    const journal = new BenchJournal(this.words, commandsPerCheckpoint);
    this.words.journalState = JournalState.running;
    this.duty.journalTo(journal.feed, 0);
    return journal;
  }

  valueAt(path: string): string | undefined {
    return this.duty.store.tree.find(path as ByteString)?.value;
  }
}
