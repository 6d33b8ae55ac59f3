/** Segments are read through a window: groups that lie across its end, and groups larger than it. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { segmentsIn } from '../durability/durable-server.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { openWriter, recoverAll, temporaryDirectory, unsyncedFileLayer } from './journal-fixture.ts';

/** The window has 1 MiB. Each is a group. */
const SIZES = [10, 300_000, 700_000, 40, 3_000_000, 500, 900_000, 1_048_500, 1_048_576, 20, 2_000_000, 64 * 1024, 7];

/** @returns the path of the one segment, and where each of its groups begins. */
function writeGroups(directory: string): { path: string; offsets: number[]; payloads: Buffer[] } {
  const random = new SeededRandom(7);
  const writer = openWriter(directory, { segmentSizeBytesMax: 2 ** 25 }, unsyncedFileLayer);
  const payloads = SIZES.map((size) => Buffer.alloc(size, `${random.below(1e9)} GRP\x01 `));
  for (const [position, payload] of payloads.entries()) {
    writer.append(payload, 0, payload.length, position + 1, 1_700_000_000_000);
    writer.commit();
  }
  writer.close();
  const [path] = segmentsIn(directory).slice(-1) as [string];
  const bytes = readFileSync(path);
  const offsets: number[] = [];
  // A head: its marker, and its own offset eight bytes behind.
  for (let at = 32; at < bytes.length - 32; at += 8)
    if (bytes.readUInt32LE(at) === 0x01505247 && bytes.readUInt32LE(at + 8) === at) offsets.push(at);
  return { path, offsets, payloads };
}

function recordTexts(payloads: readonly Buffer[]): string[] {
  return payloads.map((payload, position) => `${position + 1}@1700000000000:${payload.toString('latin1')}`);
}

test('all of them come back', () => {
  const directory = temporaryDirectory();
  const { offsets, payloads } = writeGroups(directory);
  // And the seal.
  expect(offsets).toHaveLength(SIZES.length + 1);
  const { records, tornBytes } = recoverAll(directory);
  expect(records.every((record, position) => record === recordTexts(payloads)[position])).toBe(true);
  expect([records.length, tornBytes]).toEqual([SIZES.length, 0]);
});

test.each([3, 5, 8, 11])(
  'one that is torn, number %i, is cut, and those before it come back, also the next time',
  (torn) => {
    const directory = temporaryDirectory();
    const { path, offsets, payloads } = writeGroups(directory);
    const offset = offsets[torn] as number;
    truncateSync(path, offset + Math.ceil((SIZES[torn] as number) / 2) + 32);
    const { records, tornBytes } = recoverAll(directory);
    expect(records.length).toBe(torn);
    expect(records.at(-1)).toBe(recordTexts(payloads)[torn - 1]);
    expect(tornBytes).toBeGreaterThan(0);
    const again = recoverAll(directory);
    expect([again.records.length, again.tornBytes]).toEqual([torn, 0]);
  },
);

test.each([1, 4, 7, 10])('damage to one, number %i, is told with the next head behind it, however far', (damaged) => {
  const directory = temporaryDirectory();
  const { path, offsets } = writeGroups(directory);
  const bytes = readFileSync(path);
  const at = (offsets[damaged] as number) + 40;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
  expect(() => recoverAll(directory)).toThrow(`follows at ${offsets[damaged + 1]}`);
});
