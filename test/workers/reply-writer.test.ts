import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { HEAD_BIT, ReplyFormat, ReplyKind } from '../../src/frame/reply-frame.ts';
import { ReplyWriter } from '../../src/workers/reply-writer.ts';
import { aBell, linkEnds } from '../frame/links.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { DutyBench } from './duty-bench.ts';
import type { Arrival, SlowFrontEndSetup } from './slow-front-end.ts';

const RING_SIZE_BYTES = 1024;

/** Starts a second thread that drains, slowly, what the writer writes. */
function slowFrontEnd(framesCount: number, pauseMs: number) {
  const { producerEnd, consumerEnd } = linkEnds(RING_SIZE_BYTES);
  const workerData: SlowFrontEndSetup = { replies: consumerEnd, framesCount, pauseMs };
  const worker = new Worker(new URL('./slow-front-end.ts', import.meta.url), {
    workerData,
    transferList: [consumerEnd.port],
  });
  const arrivals = once(worker, 'message').then(([message]) => message as Arrival[]);
  return { writer: new ReplyWriter(producerEnd, aBell()), arrivals };
}

const sha1 = (text: string) => createHash('sha1').update(text, 'latin1').digest('hex');

describe('a full reply ring', () => {
  test('makes the store wait, and loses, doubles and reorders nothing, whatever the sizes', async () => {
    const FRAMES = 400;
    const { writer, arrivals } = slowFrontEnd(FRAMES, 1);
    const random = new SeededRandom(3);
    const expected: Arrival[] = [];
    for (let slot = 0; slot < FRAMES; slot++) {
      const kind = random.below(4) === 0 ? ReplyKind.event : ReplyKind.answer;
      // Up to three times the ring: every tenth frame does not fit.
      const body = random.bytes(random.chance(0.1) ? 3 * RING_SIZE_BYTES : random.below(150)).toString('latin1');
      if (kind === ReplyKind.answer) writer.answer(slot, ReplyFormat.keys, 200, body);
      else writer.event([slot], body);
      expected.push({
        kind,
        slot: kind === ReplyKind.event ? 1 : slot,
        bodySizeBytes: body.length,
        bodySha1: sha1(body),
      });
    }
    writer.publish();
    expect(await arrivals).toEqual(expected);
  });

  test('lets a body in parts take its place in order', async () => {
    const { writer, arrivals } = slowFrontEnd(30, 2);
    const parts = () => [new Uint8Array(70_000).fill(1), new Uint8Array(70_000).fill(2)];
    for (let slot = 0; slot < 30; slot++) {
      if (slot % 3 === 1) writer.answerInParts(slot, ReplyFormat.keys, parts(), writer);
      else writer.answer(slot, ReplyFormat.keys, 200, 'x'.repeat(200));
    }
    writer.publish();
    const received = await arrivals;
    expect(received.map(({ slot }) => slot)).toEqual(Array.from({ length: 30 }, (_, slot) => slot));
    const large = sha1(Buffer.concat(parts()).toString('latin1'));
    expect(received.map(({ bodySha1 }) => bodySha1 === large)).toEqual(received.map(({ slot }) => slot % 3 === 1));
  });
});

describe('a body in parts', () => {
  const written = (sizeBytes: number, format: number) => {
    const bench = new DutyBench();
    const parts = [new Uint8Array(sizeBytes / 2).fill(0x61), new Uint8Array(sizeBytes / 2).fill(0x62)];
    bench.first.replies.answerInParts(3, format, parts, { gate: -7, etcdIndex: 5, raftIndex: 6 });
    bench.first.replies.publish();
    return { reply: bench.first.received()[0], isGivenAway: parts.every(({ byteLength }) => byteLength === 0) };
  };

  test.each([
    [1000, false],
    [64 * 1024, false],
    [64 * 1024 + 2, true],
  ])('of %i bytes is given away whole: %s', (sizeBytes, isGivenAway) => {
    const result = written(sizeBytes, ReplyFormat.keys);
    expect(result.isGivenAway).toBe(isGivenAway);
    expect(result.reply).toMatchObject({ slot: 3, status: 200, gate: -7, etcdIndex: 5, raftIndex: 6 });
    expect(result.reply?.body).toBe('a'.repeat(sizeBytes / 2) + 'b'.repeat(sizeBytes / 2));
  });

  test.each([1000, 100_000, 20_000_000])(
    'of %i bytes for a HEAD stays here: its size is all that goes',
    (sizeBytes) => {
      const { reply, isGivenAway } = written(sizeBytes, ReplyFormat.keys | HEAD_BIT);
      expect(reply).toMatchObject({ isHead: true, format: ReplyFormat.keys, body: String(sizeBytes) });
      expect(reply).toMatchObject({ gate: -7, etcdIndex: 5, raftIndex: 6 });
      expect(isGivenAway).toBe(false);
    },
  );
});

describe('what is said', () => {
  const say = (writer: ReplyWriter, times: number) => {
    for (let slot = 0; slot < times; slot++) writer.answer(slot, ReplyFormat.keys, 200, 'body');
  };

  test.each([
    ['is seen after a few frames', (writer: ReplyWriter) => say(writer, 4)],
    [
      'is seen when its front end is woken',
      (writer: ReplyWriter) => {
        say(writer, 1);
        writer.wakeFrontEnd();
      },
    ],
  ])('%s, and what it is about is shown before', (_, act) => {
    const { first } = new DutyBench();
    let seenBefore = -1;
    first.replies.onPublish = () => {
      seenBefore = first.received().length;
    };
    act(first.replies);
    expect(seenBefore).toBe(0);
    expect(first.received().length).toBeGreaterThan(0);
  });
});
