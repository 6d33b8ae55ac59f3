import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { LinkConsumer } from '../../src/frame/link.ts';
import { createSharedWords, JournalState, SharedWords } from '../../src/frame/shared-words.ts';
import { type FileLayer, nodeFileLayer } from '../../src/journal/file-layer.ts';
import { JournalWriter } from '../../src/journal/journal-writer.ts';
import { JournalDuty } from '../../src/workers/journal-duty.ts';
import { JournalFeed } from '../../src/workers/journal-feed.ts';
import { aBell, linkEnds } from '../frame/links.ts';
import { NOON_MS } from '../store/store-fixture.ts';
import { systemError } from '../support/lossy-file-layer.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

const RING_SIZE_BYTES = 64 * 1024;

let directory: string;
beforeEach(() => {
  directory = makeTemporary('journal-duty');
});
afterEach(() => removeTemporary(directory));

describe('what a turn fails by', () => {
  test('a disk that takes nothing: writes are refused from now on, and frames thrown away', () => {
    let isFull = false;
    const bench = openBench({
      ...nodeFileLayer,
      write: (...parameters) => {
        if (isFull) throw systemError('ENOSPC', 'no space left on device, write');
        return nodeFileLayer.write(...parameters);
      },
    });
    bench.feed.tick(1, NOON_MS, 1);
    expect([bench.duty.turn(), bench.words.durableSequence]).toEqual([1, 1]);
    isFull = true;
    bench.feed.tick(2, NOON_MS, 1);
    bench.duty.turn();
    expect([bench.words.journalState, bench.words.durableSequence]).toEqual([JournalState.failed, 1]);
    expect(bench.words.failureReason).toContain('ENOSPC');
    bench.feed.tick(3, NOON_MS, 1);
    bench.duty.turn();
    expect([bench.duty.hasWork(), bench.words.durableSequence]).toEqual([false, 1]);
  });

  test('a sequence that was left out is our own mistake: no disk is blamed for it', () => {
    const { duty, feed, words } = openBench(nodeFileLayer);
    feed.tick(1, NOON_MS, 1);
    feed.tick(3, NOON_MS, 1);
    expect(() => duty.turn()).toThrow(InvariantError);
    expect([words.journalState, words.durableSequence]).toEqual([JournalState.running, 0]);
  });
});

function openBench(layer: FileLayer) {
  const words = new SharedWords(createSharedWords());
  words.journalState = JournalState.running;
  const { producerEnd, consumerEnd } = linkEnds(RING_SIZE_BYTES);
  const writer = JournalWriter.open(directory, layer, { nextSequence: 1, segmentSizeBytesMax: 1024 * 1024 });
  return {
    words,
    feed: new JournalFeed(producerEnd, aBell(), words, 1000, 0),
    duty: new JournalDuty(new LinkConsumer(consumerEnd), writer, words, [aBell()], aBell(), () => {}),
  };
}
