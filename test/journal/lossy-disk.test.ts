/**
 * Power cuts at random operations of a disk that keeps only a random part of what was not synced. Each history has
 * several lives; in each a process recovers, writes, makes snapshots and prunes, until the power goes. Whatever a
 * commit returned, and whatever a recovery handed out, has to be there in every later life, unchanged and in order.
 */
import { describe, expect, test } from 'vitest';
import type { FileLayer } from '../../src/journal/file-layer.ts';
import { JournalError } from '../../src/journal/journal-error.ts';
import { JournalWriter } from '../../src/journal/journal-writer.ts';
import { pruneBefore } from '../../src/journal/prune.ts';
import { recover } from '../../src/journal/recovery.ts';
import { replayClosed } from '../../src/journal/replay.ts';
import { SnapshotWriter } from '../../src/journal/snapshot-file.ts';
import { LossyFileLayer, SimulatedCrash } from '../support/lossy-file-layer.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const DIRECTORY = '/var/service/journal';
const LIVES = 4;
const OPERATIONS_PER_LIFE_MAX = 120;
const PAYLOADS_PER_CHUNK = 4;

/** The state that commands lead to: simply all of them, in order. */
class Commands {
  payloads: string[] = [];

  readonly onSnapshotChunk = (chunk: Buffer) => {
    this.payloads.push(...(JSON.parse(chunk.toString('latin1')) as string[]));
  };

  readonly onRecord = (sequence: number, timeMs: number, payload: Buffer, offset: number, lengthBytes: number) => {
    expect([sequence, timeMs]).toEqual([this.payloads.length + 1, this.payloads.length + 1]);
    this.payloads.push(payload.toString('latin1', offset, offset + lengthBytes));
  };
}

class Life {
  readonly #random: SeededRandom;
  readonly #layer: FileLayer;
  /** All that was ever appended, as it stands now: what was lost is overwritten by what came instead. */
  readonly ledger: string[];
  /** Up to here somebody was told. */
  promised: number;
  cuts = 0;

  constructor(random: SeededRandom, layer: FileLayer, ledger: string[], promised: number) {
    this.#random = random;
    this.#layer = layer;
    this.ledger = ledger;
    this.promised = promised;
  }

  /** Recovers and checks. */
  begin(): void {
    const commands = new Commands();
    const { lastSequence, tornBytes } = recover(DIRECTORY, this.#layer, { force: false, log: () => {}, ...commands });
    if (tornBytes > 0) this.cuts++;
    expect(lastSequence).toBe(commands.payloads.length);
    expect(lastSequence).toBeGreaterThanOrEqual(this.promised);
    expect(commands.payloads).toEqual(this.ledger.slice(0, lastSequence));
    this.ledger.length = lastSequence;
    this.promised = lastSequence; // It is served now.
  }

  /** Writes until the power goes. */
  work(): void {
    const writer = JournalWriter.open(DIRECTORY, this.#layer, {
      nextSequence: this.promised + 1,
      segmentSizeBytesMax: 700,
      growthStepBytes: 1024,
    });
    for (let step = 0; step < OPERATIONS_PER_LIFE_MAX; step++) {
      this.#appendSome(writer);
      const choice = this.#random.next();
      if (choice < 0.8) this.promised = writer.commit();
      else if (choice < 0.9) writer.seal();
      else this.#makeSnapshot(writer);
    }
    writer.close();
  }

  #appendSome(writer: JournalWriter): void {
    for (let count = this.#random.below(4); count > 0; count--) {
      const payload = this.#random.bytes(this.#random.chance(0.1) ? 900 : this.#random.below(60));
      this.ledger.push(payload.toString('latin1'));
      writer.append(payload, 0, payload.length, this.ledger.length, this.ledger.length);
    }
  }

  #makeSnapshot(writer: JournalWriter): void {
    this.promised = writer.commit();
    writer.rotate();
    const commands = new Commands();
    const { lastSequence } = replayClosed(DIRECTORY, this.#layer, { untilSequence: this.promised, ...commands });
    expect(commands.payloads).toEqual(this.ledger.slice(0, lastSequence));
    if (lastSequence === 0) return;
    const snapshot = new SnapshotWriter(DIRECTORY, this.#layer, lastSequence);
    for (let at = 0; at < lastSequence; at += PAYLOADS_PER_CHUNK) {
      const chunk = Buffer.from(JSON.stringify(commands.payloads.slice(at, at + PAYLOADS_PER_CHUNK)), 'latin1');
      snapshot.writeChunk(chunk, 0, chunk.length);
    }
    snapshot.finish();
    pruneBefore(DIRECTORY, this.#layer, lastSequence);
  }
}

/** What some build might make of the disk's calls. */
type Variant = (layer: FileLayer) => Partial<FileLayer>;

/** @returns how often the power went, and how often a torn end was cut. Throws when a promise was broken. */
function liveThrough(seed: number, variant: Variant = () => ({})): { crashes: number; cuts: number } {
  const random = new SeededRandom(seed);
  const disk = new LossyFileLayer(random);
  const life = new Life(random, variantOf(disk, variant), [], 0);
  let crashes = 0;
  for (let lives = 0; lives < LIVES; lives++) {
    disk.crashAtOperation = random.below(OPERATIONS_PER_LIFE_MAX);
    if (random.chance(0.1)) disk.loseSync(random.below(10));
    try {
      life.begin();
      life.work();
    } catch (error) {
      if (!isOfTheWorld(error)) throw error;
      crashes++;
    }
    // Mostly the machine goes down, sometimes only the process.
    if (random.chance(0.2)) disk.restartProcess();
    else disk.restart();
  }
  life.begin();
  return { crashes, cuts: life.cuts };
}

function variantOf(layer: FileLayer, variant: Variant): FileLayer {
  const replaced = variant(layer);
  return new Proxy(layer, {
    get: (target, name) => {
      const member: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** A power cut, or a disk that reports an error. */
function isOfTheWorld(error: unknown): boolean {
  const origin = error instanceof JournalError ? error.cause : error;
  return origin instanceof SimulatedCrash || (origin instanceof Error && 'code' in origin && origin.code === 'EIO');
}

/** Recovery opens the last segment for writing; what is written through that descriptor goes nowhere. */
function withoutRewriting(layer: FileLayer): Partial<FileLayer> {
  const descriptors = new Set<number>();
  return {
    open: (path, flags) => {
      const fd = layer.open(path, flags);
      if (flags === 'r+') descriptors.add(fd);
      return fd;
    },
    write: (fd, buffer, offset, lengthBytes, position) =>
      descriptors.has(fd) ? lengthBytes : layer.write(fd, buffer, offset, lengthBytes, position),
  };
}

describe('over a disk that loses, tears and reorders what is not synced', () => {
  test('nothing that was promised is lost, and what comes back is a beginning of what was written', () => {
    let crashes = 0;
    let cuts = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const lived = liveThrough(seed);
      crashes += lived.crashes;
      cuts += lived.cuts;
    }
    // The histories were as rough as they should be.
    expect(crashes).toBeGreaterThan(5000);
    expect(cuts).toBeGreaterThan(200);
  });

  test.each<[string, Variant]>([
    ['acknowledges before the sync', () => ({ fdatasync: () => {} })],
    ['does not sync the names', () => ({ fsyncDirectory: () => {} })],
    ['does not sync what recovery builds on', () => ({ fsync: () => {} })],
    ['believes in the page cache after a failed sync', withoutRewriting],
  ])('the test has teeth: a build that %s fails it', (_, variant) => {
    const fails = (seed: number) => {
      try {
        liveThrough(seed, variant);
        return false;
      } catch {
        return true;
      }
    };
    const seeds = Array.from({ length: 200 }, (_, position) => position + 1);
    expect(seeds.some(fails)).toBe(true);
  });
});
