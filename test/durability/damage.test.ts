/** Files that no crash could have left so: the start is refused, and --force-recover keeps what is sound. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { eventOf } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { removeTemporary } from '../support/temporary-directory.ts';
import {
  type DurableOptions,
  durableTest,
  logLines,
  runOn,
  segmentsIn,
  snapshotsIn,
  startOn,
} from './durable-server.ts';
import { leavesOf } from './ledger.ts';

const KEYS_PER_LIFE = 40;
const WARNING_LEVEL = 40;

interface Damage {
  readonly what: string;
  /** Does it. @returns the file that a refusal has to name. */
  readonly inflict: (directory: string) => string;
  /** 100000 unless told: no snapshot. */
  readonly snapshotCount?: keyof typeof sound;
}

/** Directories in good order, by snapshot count, of which each test damages a copy. */
const sound = { 50: '', 100000: '' };

/** What `afterAll` removes: only what was made here. */
const temporary: string[] = [];

beforeAll(async () => {
  for (const snapshotCount of [50, 100_000] as const) {
    const parent = mkdtempSync(join(tmpdir(), 'uetcd-sound-'));
    temporary.push(parent);
    sound[snapshotCount] = join(parent, 'data');
    await fillInThreeLives(sound[snapshotCount], optionsWith(snapshotCount));
  }
}, 300_000);

afterAll(() => {
  for (const parent of temporary) removeTemporary(parent);
});

function optionsWith(snapshotCount: number): DurableOptions {
  return { flags: ['--snapshot-count', String(snapshotCount)] };
}

const damages: readonly Damage[] = [
  {
    what: 'a byte flipped in the middle of a closed segment',
    inflict: (directory) => flip(segment(directory, 0), 0.5),
  },
  { what: 'a byte flipped in the header of a segment', inflict: (directory) => flip(segment(directory, 1), 0) },
  {
    what: 'a byte flipped in the last segment, not at its end',
    inflict: (directory) => flip(segment(directory, 2), 0.5),
  },
  {
    what: 'a byte flipped in the last group of a journal that was closed',
    inflict: (directory) => flip(segment(directory, 2), 0.95),
  },
  { what: 'zeros where a closed segment had its end', inflict: (directory) => wipe(segment(directory, 0), 0.7) },
  {
    what: 'a segment that is missing',
    inflict: (directory) => {
      rmSync(segment(directory, 1));
      return segment(directory, 0);
    },
  },
  {
    what: 'a byte flipped in the snapshot',
    snapshotCount: 50,
    inflict: (directory) => flip(snapshotsIn(directory)[0] ?? '', 0.5),
  },
];

describe.for(damages)('$what', ({ inflict, snapshotCount = 100_000 }) => {
  const options = optionsWith(snapshotCount);

  durableTest('refuses the start, names file and offset, and changes nothing', async ({ directory }) => {
    cpSync(sound[snapshotCount], directory, { recursive: true });
    const damaged = inflict(directory);
    const before = contentsOf(directory);
    for (let attempt = 0; attempt < 2; attempt++) {
      const run = runOn(directory, options);
      const { code } = await run.exited;
      const { stderr } = run.output();
      expect(code).toBeGreaterThan(0);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(stderr).toContain(damaged);
      expect(stderr).toMatch(/offset \d+/);
      expect(stderr).toContain('--force-recover');
    }
    const { 'identity.json': _, ...after } = contentsOf(directory);
    const { 'identity.json': __, ...expected } = before;
    expect(Object.keys(after)).toEqual(Object.keys(expected));
    for (const [name, bytes] of Object.entries(expected)) expect(after[name]?.equals(bytes), name).toBe(true);
  });

  durableTest('--force-recover keeps what is sound, moves the rest aside, and goes on', async ({ directory }) => {
    cpSync(sound[snapshotCount], directory, { recursive: true });
    inflict(directory);
    const before = contentsOf(directory);
    const server = await startOn(directory, { flags: [...(options.flags ?? []), '--force-recover'] });
    const api = new ApiClient(server.url);
    // A beginning of the writes, in order, and nothing besides.
    const answer = await api.get('/');
    const leaves = leavesOf(eventOf(answer.text).node);
    leaves.delete('/');
    expect([...leaves.values()].map(({ modifiedIndex }) => modifiedIndex).sort((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: leaves.size }, (_, position) => position + 2),
    );
    for (const [key, { value, modifiedIndex = 0 }] of leaves) {
      expect(key).toBe(keyOf(modifiedIndex - 2));
      expect(value).toBe(valueOfKey(key));
    }
    expect(leaves.size).toBeLessThan(3 * KEYS_PER_LIFE);
    expect(Number(answer.headers['x-etcd-index'])).toBe(leaves.size + 1);
    const warnings = logLines(server).filter(({ level }) => level >= WARNING_LEVEL);
    expect(warnings.length).toBeGreaterThan(0);

    // Nothing is lost: the damaged bytes are beside the journal.
    const folder = readdirSync(directory).find((name) => name.startsWith('damaged-'));
    expect(folder).toBeDefined();
    expect(warnings.some(({ msg }) => msg.includes(folder ?? ''))).toBe(true);
    const kept = { ...contentsOf(directory), ...contentsOf(join(directory, folder ?? '')) };
    for (const [name, bytes] of Object.entries(before)) {
      if (name !== 'identity.json') expect(kept[name]?.equals(bytes), name).toBe(true);
    }

    // And from here on all is well, without force.
    const index = eventOf((await api.put('/after', 'value=1')).text).node.modifiedIndex;
    expect(index).toBe(leaves.size + 2);
    await api.close();
    await server.kill();
    const next = await startOn(directory, options);
    const nextApi = new ApiClient(next.url);
    expect(eventOf((await nextApi.get('/after')).text).node.modifiedIndex).toBe(index);
    expect(leavesOf(eventOf((await nextApi.get('/')).text).node).size).toBe(leaves.size + 1);
    await nextApi.close();
    await next.stop();
  });
});

describe('a file that does not say who lives here', () => {
  const ids = { clusterId: 'a1', memberId: 'b2' };
  durableTest.for([
    ['is empty', ''],
    ['is cut', '{"clusterId":"a1"'],
    ['says nothing', 'null'],
    ['says what is no id', JSON.stringify({ ...ids, memberId: 'B2', raftTerm: 3 })],
    ['says what is no term', JSON.stringify({ ...ids, raftTerm: -3 })],
  ] as const)('%s: the start is refused, in one line that names it', async ([, text], { directory }) => {
    mkdirSync(directory);
    const file = join(directory, 'identity.json');
    writeFileSync(file, text);
    const run = runOn(directory);
    expect((await run.exited).code).toBe(1);
    const { stderr } = run.output();
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`${file} does not say who lives here`);
    expect(readdirSync(directory)).toEqual(['identity.json']);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});

describe('what a crash does leave', () => {
  durableTest('a torn write behind the last group is cut, with a word in the log', async ({ directory }) => {
    await live(directory, {}, 0, 'kill');
    const [path = ''] = segmentsIn(directory);
    const bytes = readFileSync(path);
    const end = writtenEnd(bytes);
    // As if the next group had begun to be written: its head is there in part.
    bytes.copy(bytes, end, 32, 32 + 100);
    writeFileSync(path, bytes);
    const server = await startOn(directory);
    const api = new ApiClient(server.url);
    expect(leavesOf(eventOf((await api.get('/')).text).node).size).toBe(KEYS_PER_LIFE);
    const warnings = logLines(server).filter(({ level }) => level >= WARNING_LEVEL);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.msg).toContain(basename(path));
    await api.close();
    await server.stop();
  });

  durableTest('unfinished files are removed, and others left alone', async ({ directory }) => {
    await live(directory, {}, 0, 'kill');
    const unfinished = [`snapshot-${'9'.repeat(20)}.snap.tmp`, `journal-${'9'.repeat(20)}.log.tmp`];
    for (const name of [...unfinished, 'notes.txt']) writeFileSync(join(directory, name), 'x');
    const server = await startOn(directory);
    const names = readdirSync(directory);
    for (const name of unfinished) expect(names).not.toContain(name);
    expect(names).toContain('notes.txt');
    await server.stop();
  });
});

/** Three processes one after the other, so that there are three segments with something in them. */
async function fillInThreeLives(directory: string, options: DurableOptions): Promise<void> {
  for (let life = 0; life < 3; life++) await live(directory, options, life, 'stop');
}

async function live(directory: string, options: DurableOptions, life: number, end: 'stop' | 'kill'): Promise<void> {
  const server = await startOn(directory, options);
  const [firstSegment] = segmentsIn(directory);
  const [lastSnapshot] = snapshotsIn(directory);
  const api = new ApiClient(server.url);
  for (let count = 0; count < KEYS_PER_LIFE; count++) {
    const key = keyOf(life * KEYS_PER_LIFE + count);
    await api.put(key, `value=${valueOfKey(key)}`);
  }
  const wantsSnapshot = options.flags?.includes('50') && life > 0;
  // Not expect.poll: this runs in beforeAll, where there is no test for it to belong to.
  if (wantsSnapshot) {
    await vi.waitFor(
      () => {
        const snapshots = snapshotsIn(directory);
        expect(snapshots).toHaveLength(1);
        expect(snapshots[0]).not.toBe(lastSnapshot);
        // What it replaces goes last; while that is there a damaged snapshot loses nothing.
        expect(segmentsIn(directory)).not.toContain(firstSegment);
      },
      { timeout: 60_000 },
    );
  }
  await api.close();
  await server[end]();
}

function keyOf(ordinal: number): string {
  return `/k${ordinal}`;
}

function valueOfKey(key: string): string {
  return `the value of ${key}`;
}

function segment(directory: string, ordinal: number): string {
  return segmentsIn(directory)[ordinal] ?? '';
}

/** Changes one byte, so far into what has been written. */
function flip(path: string, part: number): string {
  const bytes = readFileSync(path);
  const at = Math.floor(writtenEnd(bytes) * part);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
  return path;
}

/** Puts zeros from so far on. */
function wipe(path: string, part: number): string {
  const bytes = readFileSync(path);
  bytes.fill(0, Math.floor(writtenEnd(bytes) * part));
  writeFileSync(path, bytes);
  return path;
}

/** Behind the last byte that is not zero, on the next multiple of 8. */
function writtenEnd(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return Math.ceil(end / 8) * 8;
}

function contentsOf(directory: string): Record<string, Buffer> {
  const names = readdirSync(directory).filter((name) => statSync(join(directory, name)).isFile());
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name))]));
}
