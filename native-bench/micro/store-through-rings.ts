/**
 * The store worker's duty cycle by itself: command frames in a request ring become changes of the store and answers in
 * a reply ring. A ring is filled, then only the turns are timed, then the answers are taken out and checked; so this is
 * where the one writer becomes the limit, whatever number of front ends feed it. It flatters by what caches do for one
 * thread that is everybody.
 */
import { MessageChannel } from 'node:worker_threads';
import { commandSizeBytes, writeCommand, writeValues } from '../../src/frame/command-frame.ts';
import { LinkConsumer, LinkProducer } from '../../src/frame/link.ts';
import { ReadVersions } from '../../src/frame/read-versions.ts';
import { ReplyReader } from '../../src/frame/reply-frame.ts';
import { createSharedWords, SharedWords } from '../../src/frame/shared-words.ts';
import { Flag, Op } from '../../src/protocol/command.ts';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';
import { createRingMemory } from '../../src/ring/ring.ts';
import { Store } from '../../src/store/store.ts';
import { KeptReads } from '../../src/workers/kept-reads.ts';
import { ReplyWriter } from '../../src/workers/reply-writer.ts';
import { StoreDuty } from '../../src/workers/store-duty.ts';
import { Random } from '../load/random.ts';
import { alignColumns, formatNumber } from '../report/format.ts';
import { medianOf } from '../report/report.ts';
import { pathsOf } from './store-cases.ts';

const RING_BYTES = 16 * 1024 * 1024;
const COMMANDS_PER_FILL = 10_000;
const HISTORY_EVENTS = 1000;
const VALUE = 'x'.repeat(64);
const PLAIN = Flag.pathPlain | Flag.valuePlain;
const SEED = 7;

export function measureStoreThroughRings(fills: number, manyKeys: number): string {
  const many = `among ${manyKeys.toLocaleString('en-US')} keys`;
  const cases = [
    ['set, one key', Op.set, 1],
    [`set, ${many}`, Op.set, manyKeys],
    ['get, one key', Op.get, 1],
    [`get, ${many}`, Op.get, manyKeys],
  ] as const;
  const rows = cases.map(([name, op, keyCount]) => {
    const nanoseconds = measure(op, keyCount, fills);
    return [name, formatNumber(nanoseconds), formatNumber(1e9 / nanoseconds)];
  });
  return ['the store worker alone, through its rings', ...alignColumns([['', 'ns', '/s'], ...rows])].join('\n');
}

/** @returns median nanoseconds per command over the fills. */
function measure(op: Op, keyCount: number, fills: number): number {
  const rig = new Rig();
  const paths = pathsOf(keyCount);
  for (let first = 0; first < keyCount; first += COMMANDS_PER_FILL)
    rig.pass(Op.set, paths.slice(first, first + COMMANDS_PER_FILL));
  const random = new Random(SEED);
  const samples: number[] = [];
  for (let fill = 0; fill < fills; fill++) {
    const chosen = Array.from({ length: COMMANDS_PER_FILL }, () => paths[random.below(keyCount)] ?? '');
    samples.push((rig.pass(op, chosen) * 1e6) / COMMANDS_PER_FILL);
  }
  return medianOf(samples.toSorted((a, b) => a - b));
}

class Rig {
  readonly #requests: LinkProducer;
  readonly #replies: LinkConsumer;
  readonly #duty: StoreDuty;
  readonly #reply = new ReplyReader();

  constructor() {
    const [requests, replies] = [createLink(), createLink()];
    this.#requests = new LinkProducer(requests.producer, createDoorbell());
    this.#replies = new LinkConsumer(replies.consumer);
    this.#duty = new StoreDuty((onEvent) => new Store(HISTORY_EVENTS, false, onEvent), {
      frontEnds: [
        { requests: new LinkConsumer(requests.consumer), replies: new ReplyWriter(replies.producer, createDoorbell()) },
      ],
      words: new SharedWords(createSharedWords()),
      nowMs: Date.now,
      keptReads: new KeptReads(new ReadVersions(ReadVersions.createMemory())),
    });
  }

  /** Sends one command for each path through the store. @returns how many milliseconds the turns took. */
  pass(op: Op, paths: readonly string[]): number {
    for (const [slot, path] of paths.entries()) this.#send(op, slot, path);
    const startedAt = performance.now();
    while (this.#duty.turn() > 0);
    const elapsedMs = performance.now() - startedAt;
    for (let slot = 0; slot < paths.length; slot++) this.#requireAnswer(slot);
    this.#replies.release();
    return elapsedMs;
  }

  #send(op: Op, slot: number, path: string): void {
    const value = op === Op.set ? VALUE : '';
    const link = this.#requests;
    const at = link.tryClaim(commandSizeBytes(path.length, value.length, 0));
    if (at === -1) throw new Error('the request ring is too small for a fill');
    writeCommand(link.bytes, link.view, at, op, PLAIN, slot, Date.now(), path);
    if (value !== '') writeValues(link.bytes, link.view, at, value, '');
    link.publishQuietly();
  }

  #requireAnswer(slot: number): void {
    const replies = this.#replies;
    if (!replies.next()) throw new Error(`no answer in slot ${slot}`);
    const reply = this.#reply;
    reply.read(replies.bytes, replies.view, replies.frameOffset, replies.frameSizeBytes);
    if (reply.slot !== slot || (reply.status !== 200 && reply.status !== 201))
      throw new Error(`slot ${slot}: status ${reply.status} in slot ${reply.slot}`);
  }
}

function createLink() {
  const ring = createRingMemory(RING_BYTES);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.unref();
  return { producer: { ring, port: port1 }, consumer: { ring, port: port2 } };
}

function createDoorbell(): Doorbell {
  return new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)));
}
