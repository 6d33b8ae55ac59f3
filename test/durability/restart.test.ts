/** What comes back when a durable server starts again on its directory, and what it leaves there. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect } from 'vitest';
import { eventOf } from '../support/api-test.ts';
import { type Answer, ApiClient } from '../support/http.ts';
import { runCommandLine } from '../support/servers.ts';
import { removeTemporary } from '../support/temporary-directory.ts';
import {
  type DurableOptions,
  type DurableServer,
  durableTest,
  logLines,
  ready,
  runOn,
  segmentsIn,
  sizeOf,
  snapshotsIn,
  startOn,
} from './durable-server.ts';

/** A server that dies without a word, or stops in order, and is started again. */
class Restartable {
  server: DurableServer;
  api: ApiClient;
  readonly #directory: string;
  readonly #options: DurableOptions;

  static async start(directory: string, options: DurableOptions = {}): Promise<Restartable> {
    return new Restartable(directory, options, await startOn(directory, options));
  }

  private constructor(directory: string, options: DurableOptions, server: DurableServer) {
    this.#directory = directory;
    this.#options = options;
    this.server = server;
    this.api = new ApiClient(server.url);
  }

  async restart(how: 'kill' | 'stop', downMs = 0): Promise<void> {
    await this.end(how);
    await sleep(downMs);
    this.server = await startOn(this.#directory, this.#options);
    this.api = new ApiClient(this.server.url);
  }

  async end(how: 'kill' | 'stop' = 'stop'): Promise<void> {
    await this.api.close();
    await (how === 'kill' ? this.server.kill() : this.server.stop());
  }
}

const WAYS = ['stop', 'kill'] as const;

describe('after a restart', () => {
  durableTest.for(WAYS)(
    'by %s, keys have their values and indexes, hidden and large ones too',
    async (way, { directory }) => {
      const subject = await Restartable.start(directory);
      const { api } = subject;
      const large = 'ü€𝄞'.repeat(200_000);
      await api.put('/a', 'value=1');
      await api.put('/a', 'value=2');
      await api.put('/_hidden/key', 'value=seen+by+few');
      await api.put('/large', `value=${large}`);
      await api.put('/empty', 'value=');
      await api.put('/directory/below', 'dir=true');
      await api.put('/odd%20%22key%22/%C3%BC', 'value=%00%01%ff');
      await api.post('/queue', 'value=first');
      await api.put('/gone', 'value=x');
      await api.delete('/gone');
      const targets = ['/?recursive=true&sorted=true', '/_hidden/key', '/a', '/large', '/gone', '/none'];
      const before = await all(api, targets);
      await subject.restart(way);
      const after = await all(subject.api, targets);
      for (const [position, answer] of before.entries()) {
        expect(after[position]?.status).toBe(answer.status);
        expect(after[position]?.text).toBe(answer.text);
        expect(after[position]?.headers['x-etcd-index']).toBe(answer.headers['x-etcd-index']);
      }
      const next = eventOf((await subject.api.put('/a', 'value=3')).text);
      expect(next).toEqual({
        action: 'set',
        node: { key: '/a', value: '3', modifiedIndex: 12, createdIndex: 12 },
        prevNode: { key: '/a', value: '2', modifiedIndex: 3, createdIndex: 3 },
      });
      await subject.end();
    },
  );

  durableTest.for(WAYS)('by %s, watches look back as far as before', async (way, { directory }) => {
    const subject = await Restartable.start(directory, { flags: ['--event-history', '10', '--snapshot-count', '7'] });
    for (let count = 0; count < 25; count++) await subject.api.put(`/k${count % 3}`, `value=${count}`);
    const targets = [2, 16, 17, 18, 20, 26].flatMap((index) => [
      `/?wait=true&recursive=true&waitIndex=${index}`,
      `/k${(index - 2) % 3}?wait=true&waitIndex=${index}`,
    ]);
    const before = await all(subject.api, targets);
    await subject.restart(way);
    const after = await all(subject.api, targets);
    for (const [position, answer] of before.entries()) {
      expect(after[position]?.text, targets[position]).toBe(answer.text);
      expect(after[position]?.status).toBe(answer.status);
    }
    expect(eventOf(before.at(-1)?.text ?? '').node.value).toBe('24');
    expect(JSON.parse(before[0]?.text ?? '')).toMatchObject({
      errorCode: 401,
      cause: expect.stringContaining('[17/2]'),
      index: 26,
    });
    await subject.end();
  });

  durableTest.for(WAYS)('by %s, the term grows by one, the rest of the identity stays', async (way, { directory }) => {
    const subject = await Restartable.start(directory);
    await subject.api.put('/a', 'value=1');
    const before = await subject.api.get('/a');
    const members = await subject.api.fetch('/v2/members');
    const memberId = idOf(members);
    await subject.restart(way);
    const after = await subject.api.get('/a');
    expect(after.headers['x-etcd-cluster-id']).toBe(before.headers['x-etcd-cluster-id']);
    expect(Number(after.headers['x-raft-term'])).toBe(Number(before.headers['x-raft-term']) + 1);
    expect(Number(after.headers['x-raft-index'])).toBeGreaterThanOrEqual(Number(before.headers['x-raft-index']));
    const written = await subject.api.put('/a', 'value=2');
    expect(Number(written.headers['x-raft-index'])).toBe(Number(after.headers['x-raft-index']) + 1);
    expect(idOf(await subject.api.fetch('/v2/members'))).toBe(memberId);
    await subject.restart(way);
    expect(Number((await subject.api.get('/a')).headers['x-raft-term'])).toBe(
      Number(before.headers['x-raft-term']) + 2,
    );
    await subject.end();
  });

  durableTest.for(WAYS)('by %s, writes are counted on and reads anew', async (way, { directory }) => {
    const subject = await Restartable.start(directory, { flags: ['--snapshot-count', '5'] });
    const { api } = subject;
    await api.put('/a', 'value=1');
    await api.put('/a?prevExist=true', 'value=2');
    await api.put('/b?prevExist=false', 'value=1');
    await api.put('/a?prevValue=2', 'value=3');
    await api.put('/a?prevValue=2', 'value=4');
    await api.put('/none?prevExist=true', 'value=1');
    await api.delete('/b');
    await api.delete('/b');
    await api.delete('/a?prevValue=no');
    await api.put('/short', 'value=x&ttl=1');
    await api.get('/a');
    await api.get('/none');
    await expect.poll(async () => (await api.get('/short')).status, { timeout: 10_000 }).toBe(404);
    const before = await statistics(api);
    expect(before).toMatchObject({ expireCount: 1, setsSuccess: 2, compareAndSwapFail: 1 });
    await subject.restart(way);
    const after = await statistics(subject.api);
    expect({ ...after, getsSuccess: 0, getsFail: 0 }).toEqual({ ...before, getsSuccess: 0, getsFail: 0, watchers: 0 });
    expect(after['getsFail']).toBe(0);
    expect(after['getsSuccess']).toBeLessThan(before['getsSuccess'] ?? 0);
    await subject.end();
  });

  durableTest.for(WAYS)(
    'by %s, lifetimes have gone on: what has ended expires at the start',
    async (way, { directory }) => {
      const subject = await Restartable.start(directory);
      await subject.api.put('/lasting', 'value=1&ttl=300');
      await subject.api.put('/short', 'value=1&ttl=1');
      await subject.api.put('/shorter/below', 'value=1');
      await subject.api.put('/shorter', 'dir=true&ttl=1&prevExist=true');
      const expiration = eventOf((await subject.api.get('/lasting')).text).node.expiration;
      await subject.restart(way, 2_000);
      await expect.poll(async () => (await subject.api.get('/short')).status, { timeout: 10_000 }).toBe(404);
      await expect.poll(async () => (await subject.api.get('/shorter')).status, { timeout: 10_000 }).toBe(404);
      const events = await all(
        subject.api,
        [6, 7].map((index) => `/?wait=true&recursive=true&waitIndex=${index}`),
      );
      const expired = events.map(({ text }) => eventOf(text));
      expect(expired.map(({ action }) => action)).toEqual(['expire', 'expire']);
      expect(expired.map(({ node }) => [node.key, node.modifiedIndex])).toEqual([
        ['/short', 6],
        ['/shorter', 7],
      ]);
      const lasting = eventOf((await subject.api.get('/lasting')).text).node;
      expect(lasting.expiration).toBe(expiration);
      expect(lasting.ttl).toBeLessThan(300);
      await subject.restart(way);
      expect((await subject.api.get('/short')).status).toBe(404);
      expect((await subject.api.get('/')).headers['x-etcd-index']).toBe('7');
      await subject.end();
    },
  );

  durableTest('without a write, many times, nothing changes and nothing piles up', async ({ directory }) => {
    const subject = await Restartable.start(directory);
    await subject.api.put('/a', 'value=1');
    await subject.restart('stop');
    const before = readdirSync(directory);
    for (let count = 0; count < 3; count++) await subject.restart(count % 2 === 0 ? 'kill' : 'stop');
    expect(eventOf((await subject.api.get('/a')).text).node.modifiedIndex).toBe(2);
    expect(readdirSync(directory)).toEqual(before);
    await subject.end();
  });
});

describe('snapshots', () => {
  durableTest('a start from a snapshot and what came after it has everything', async ({ directory }) => {
    const subject = await Restartable.start(directory, { flags: ['--snapshot-count', '100'] });
    const { api } = subject;
    for (let count = 0; count < 350; count++) await api.put(`/d${count % 10}/k${count}`, `value=${count}`);
    await expect.poll(() => snapshotsIn(directory).length, { timeout: 20_000 }).toBeGreaterThan(0);
    await expect
      .poll(() => logLines(subject.server).filter(({ msg }) => msg === 'snapshot made').length)
      .toBeGreaterThan(0);
    for (let count = 0; count < 20; count++) await api.delete(`/d${count % 10}/k${count}`);
    const before = await api.get('/?recursive=true&sorted=true');
    await subject.restart('kill');
    const after = await subject.api.get('/?recursive=true&sorted=true');
    expect(after.text).toBe(before.text);
    // The look-back reaches over the snapshot.
    const event = eventOf((await subject.api.get('/?wait=true&recursive=true&waitIndex=2')).text);
    expect(event.node).toEqual({ key: '/d0/k0', value: '0', modifiedIndex: 2, createdIndex: 2 });
    // The kill may have come while the next snapshot was made.
    const warnings = logLines(subject.server).filter(({ level }) => level >= 40);
    expect(warnings.filter(({ msg }) => !/\.snap\.tmp: removed/.test(String(msg)))).toEqual([]);
    await subject.end();
  });

  durableTest(
    'an endless load of sets of one key needs no more than a bounded piece of disk, where others want all cores, too',
    { timeout: 300_000 },
    async ({ directory }) => {
      const subject = await Restartable.start(directory, {
        flags: ['--snapshot-count', '500', '--event-history', '100'],
      });
      const value = 'x'.repeat(10_000);
      const sizes = [sizeOf(directory)];
      let shrunk = 0;
      let sets = 0;
      const note = () => {
        const size = sizeOf(directory);
        if (size < (sizes.at(-1) as number)) shrunk++;
        sizes.push(size);
      };
      // However slow the machine is to run the task that makes snapshots: until the disk has been given back a few times.
      const goesOn = () => (sets < 10_000 || shrunk < 3) && sets < 40_000;
      const writers = Array.from({ length: 16 }, async (_, writer) => {
        const api = new ApiClient(subject.server.url);
        for (let count = 0; goesOn(); count++, sets++) {
          await api.put('/one', `value=${writer}-${count}${value}`);
          if (writer === 0 && count % 20 === 0) note();
        }
        await api.close();
      });
      // At the lowest priority the task was not done, beside these, before 400 MB were written: it took a gigabyte.
      const others = Array.from({ length: availableParallelism() }, () => new Worker('for (;;);', { eval: true }));
      await Promise.all(writers).finally(() => Promise.all(others.map((other) => other.terminate())));
      expect(shrunk).toBeGreaterThanOrEqual(3);
      // What lies between two snapshots is 5 MB. A few of them may wait for that task.
      await expect.poll(() => sizeOf(directory), { timeout: 30_000 }).toBeLessThan(20_000_000);
      console.log(
        `endless load: ${sets * value.length} bytes set, at most ${Math.max(...sizes)} on disk, ${sizeOf(directory)} after`,
      );
      // The latest one replaces the one before it when it is whole.
      await expect.poll(() => snapshotsIn(directory).length, { timeout: 30_000 }).toBe(1);
      await expect.poll(() => segmentsIn(directory).length, { timeout: 30_000 }).toBeLessThanOrEqual(3);
      expect(logLines(subject.server).filter(({ level }) => level >= 40)).toEqual([]);
      const before = await subject.api.get('/one');
      await subject.restart('kill');
      expect((await subject.api.get('/one')).text).toBe(before.text);
      await subject.end();
    },
  );
});

describe('a directory', () => {
  durableTest('that is in use is refused to a second process, in one clear line', async ({ directory }) => {
    const first = await startOn(directory);
    const second = runOn(directory);
    const { code } = await second.exited;
    expect(code).toBeGreaterThan(0);
    const lines = second.output().stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(directory);
    expect(lines[0]).toMatch(/in use/);
    // The first has not noticed.
    const api = new ApiClient(first.url);
    expect((await api.put('/a', 'value=1')).status).toBe(201);
    await api.close();
    await first.kill();
    const third = await startOn(directory);
    await third.stop();
  });

  durableTest('that cannot be made is refused in one clear line', async () => {
    const run = runOn('/dev/null/data');
    const { code } = await run.exited;
    expect(code).toBeGreaterThan(0);
    expect(run.output().stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.output().stderr).toContain('/dev/null/data');
  });

  durableTest('is named after the member when no flag says otherwise, and readable by its owner only', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'uetcd-default-'));
    try {
      const listen = ['--listen-client-urls', 'http://127.0.0.1:0'];
      const server = await ready(runCommandLine([...listen, '--name', 'here'], {}, cwd));
      expect(readdirSync(cwd)).toEqual(['here.uetcd']);
      expect(segmentsIn(join(cwd, 'here.uetcd'))).toHaveLength(1);
      await server.stop();
    } finally {
      removeTemporary(cwd);
    }
  });

  durableTest('is not made by --in-memory, nor is any other file', async ({ directory }) => {
    const cwd = mkdtempSync(join(tmpdir(), 'uetcd-memory-'));
    try {
      const flags = ['--in-memory', '--data-dir', directory, '--listen-client-urls', 'http://127.0.0.1:0'];
      const server = await ready(runCommandLine(flags, {}, cwd));
      const api = new ApiClient(server.url);
      expect((await api.put('/a', 'value=1')).status).toBe(201);
      await api.close();
      await server.stop();
      expect(readdirSync(cwd)).toEqual([]);
      expect(existsSync(directory)).toBe(false);
    } finally {
      removeTemporary(cwd);
    }
  });
});

async function all(api: ApiClient, targets: readonly string[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const target of targets) answers.push(await api.get(target));
  return answers;
}

async function statistics(api: ApiClient): Promise<Record<string, number>> {
  return JSON.parse((await api.fetch('/v2/stats/store')).text);
}

function idOf(members: Answer): string {
  return JSON.parse(members.text).members[0].id;
}
