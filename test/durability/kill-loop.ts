/**
 * A server that is killed again and again, at random moments and at each named point of the journal's work, while
 * clients work against it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../src/journal/crash-point.ts';
import { eventOf } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { type DurableServer, ready, runOn, sizeOf, startOn } from './durable-server.ts';
import { Ledger, leavesOf } from './ledger.ts';
import { Counter, type LedgerClient, Overwriter, Queue, ShortLives, UniqueWriter } from './ledger-clients.ts';
import { LedgerWatcher } from './ledger-watchers.ts';

const SNAPSHOT_COUNT = 500;
/** A named point is reached within this, or never. */
const REACHED_WITHIN_MS = 180_000;
/** Hidden keys that make a snapshot so large that it is synced in steps. */
const BALLAST_KEYS = 8;
const BALLAST_VALUE = 'b'.repeat(700_000);
const FLAGS = ['--snapshot-count', String(SNAPSHOT_COUNT), '--event-history', '20000'];

/** How often a point is met before the process ends there. Those of a snapshot are counted anew with each. */
const TIMES_MAX: Record<CrashPoint, number> = {
  'before-append': 400,
  'after-append': 400,
  'after-fdatasync': 400,
  'before-rotate': 2,
  'mid-rotate': 2,
  'after-rotate': 2,
  'mid-snapshot': 1,
  'before-rename': 1,
  'after-rename': 1,
  'before-prune': 1,
  'mid-prune': 3,
};

/** @param flags beside those that the loop needs. */
export async function expectNothingLost(
  directory: string,
  killsTotal: number,
  seed: number,
  flags: readonly string[] = [],
): Promise<void> {
  console.log(`kill loop: UETCD_SEED=${seed}`);
  const loop = new KillLoop(directory, new SeededRandom(seed), flags);
  await loop.prepare();
  for (let kill = 0; kill < killsTotal && loop.ledger.violations.length === 0; kill++) await loop.round(kill);
  await loop.finish();
  console.log(`kill loop: ${loop.summary()}`);
  expect(loop.ledger.violations).toEqual([]);
  expect(loop.ledger.acknowledgedCount).toBeGreaterThan(killsTotal);
}

class KillLoop {
  readonly ledger = new Ledger();
  readonly #directory: string;
  readonly #random: SeededRandom;
  readonly #flags: readonly string[];
  readonly #shortLives = new ShortLives(this.ledger);
  readonly #clients: readonly LedgerClient[] = [
    new UniqueWriter(this.ledger, 'a'),
    new UniqueWriter(this.ledger, 'b'),
    new UniqueWriter(this.ledger, 'c'),
    new Overwriter(this.ledger),
    new Counter(this.ledger, 3),
    new Queue(this.ledger),
    this.#shortLives,
  ];
  #all = new LedgerWatcher(this.ledger, '/', true, 0);
  #queue = new LedgerWatcher(this.ledger, Queue.KEY, false, 0);
  readonly #killedAt: string[] = [];
  #nextPoint: number;
  #lastTerm = 0;

  constructor(directory: string, random: SeededRandom, flags: readonly string[]) {
    this.#directory = directory;
    this.#random = random;
    this.#flags = [...FLAGS, ...flags];
    this.#nextPoint = random.below(CRASH_POINTS.length);
  }

  async prepare(): Promise<void> {
    const server = await startOn(this.#directory, { flags: this.#flags });
    const api = new ApiClient(server.url);
    for (let count = 0; count < BALLAST_KEYS; count++) await api.put(`/_ballast/${count}`, `value=${BALLAST_VALUE}`);
    const index = Number((await api.get('/')).headers['x-etcd-index']);
    this.#all = new LedgerWatcher(this.ledger, '/', true, index);
    this.#queue = new LedgerWatcher(this.ledger, Queue.KEY, false, index);
    await api.close();
    await server.stop();
  }

  /** One life of the server: started, checked, worked with, killed. */
  async round(kill: number): Promise<void> {
    if (kill % 5 === 4) await this.#killAtStart();
    const point = kill % 3 === 0 ? undefined : this.#point();
    const server = await this.#startAndCheck(point);
    if (server === undefined) return;
    const running = [...this.#clients, this.#all, this.#queue].map((client) => client.run(server.url));
    if (point === undefined) await this.#killAtRandom(server);
    else await this.#waitForCrash(server, point);
    await Promise.all(running);
  }

  async finish(): Promise<void> {
    const server = await startOn(this.#directory, { flags: this.#flags });
    await this.#check(server);
    const running = [this.#all, this.#queue].map((watcher) => watcher.run(server.url));
    await sleep(1_500); // Until the last short lives are over.
    const api = new ApiClient(server.url);
    const index = Number((await api.get('/')).headers['x-etcd-index']);
    const isComplete = await Promise.race([this.#all.reaches(index), sleep(60_000, false)]);
    if (!isComplete) this.ledger.violate(`the watcher of everything has stopped at ${this.#all.lastIndex} of ${index}`);
    this.#compareWatchers();
    await api.close();
    await server.stop();
    await Promise.all(running);
  }

  summary(): string {
    return (
      `${this.ledger.acknowledgedCount} writes acknowledged, ${this.#all.events.size} events seen, ` +
      `killed at ${this.#killedAt.join(', ')}`
    );
  }

  /**
   * Keys that have expired and a snapshot that is due are work from the start on, so a point may be reached before
   * anybody works with the server: then there is none.
   */
  async #startAndCheck(point: string | undefined): Promise<DurableServer | undefined> {
    const environment = point === undefined ? {} : { UETCD_CRASH_AT: point };
    const started = runOn(this.#directory, { flags: this.#flags, environment });
    try {
      const server = await ready(started);
      await this.#check(server);
      return server;
    } catch (error) {
      const end = await Promise.race([started.exited, sleep(10_000, undefined)]);
      if (point === undefined || end?.signal !== 'SIGKILL') throw error;
      this.#killedAt.push(`${point} before it was worked with`);
      return undefined;
    }
  }

  /** What came back must be what was told. Nobody writes meanwhile; keys may expire. */
  async #check(server: DurableServer): Promise<void> {
    const api = new ApiClient(server.url);
    const answer = await api.get('/?recursive=true');
    const { 'x-etcd-index': index, 'x-raft-term': term } = answer.headers;
    if (Number(index) < this.ledger.highestIndex) {
      this.ledger.violate(`the index is ${index}, and somebody was told of ${this.ledger.highestIndex}`);
    }
    if (Number(term) <= this.#lastTerm) this.ledger.violate(`the term is ${term} after ${this.#lastTerm}`);
    this.#lastTerm = Number(term);
    const leaves = leavesOf(eventOf(answer.text).node);
    for (const client of this.#clients) client.check(leaves);
    for (const node of leaves.values()) this.ledger.tellOfNode(node);
    await this.#checkBallast(api);
    await api.close();
    // A snapshot may be in the making beside the one before, and the segments that led to it.
    const limitBytes = 60 * 1024 * 1024;
    const sizeBytes = sizeOf(this.#directory);
    if (sizeBytes > limitBytes) this.ledger.violate(`the directory has grown to ${sizeBytes} bytes`);
  }

  async #checkBallast(api: ApiClient): Promise<void> {
    const { text } = await api.get(`/_ballast/${this.#random.below(BALLAST_KEYS)}`);
    if (!text.includes(BALLAST_VALUE)) this.ledger.violate(`the ballast is ${text.slice(0, 200)}`);
  }

  #point(): string {
    const point = CRASH_POINTS[this.#nextPoint++ % CRASH_POINTS.length] as CrashPoint;
    return `${point}:${1 + this.#random.below(TIMES_MAX[point])}`;
  }

  async #killAtStart(): Promise<void> {
    const server = runOn(this.#directory, { flags: this.#flags });
    const afterMs = 200 + this.#random.below(800);
    await Promise.race([ready(server).catch(() => {}), sleep(afterMs)]);
    server.child.kill('SIGKILL');
    await server.exited;
    this.#killedAt.push('its start');
  }

  async #killAtRandom(server: DurableServer): Promise<void> {
    await sleep(100 + this.#random.below(900));
    await server.kill();
    this.#killedAt.push('random');
  }

  async #waitForCrash(server: DurableServer, point: string): Promise<void> {
    const end = await Promise.race([server.exited, sleep(REACHED_WITHIN_MS, undefined)]);
    if (end === undefined) this.ledger.violate(`${point} was never reached`);
    else if (end.signal !== 'SIGKILL') {
      const { stdout, stderr } = server.output();
      this.ledger.violate(`the server has ended by itself: code ${end.code}\n${stdout}${stderr}`);
    }
    await server.kill();
    this.#killedAt.push(point);
  }

  #compareWatchers(): void {
    this.ledger.compareWithEvents(this.#all.events);
    this.#shortLives.compareWithEvents(this.#all.events);
    const ofQueue = [...this.#all.events.values()].filter(({ node }) => node.key?.startsWith(Queue.KEY));
    for (const event of ofQueue) {
      const index = event.node.modifiedIndex ?? 0;
      if (index > this.#queue.lastIndex) continue; // It comes event by event, and may not have come that far.
      if (JSON.stringify(this.#queue.events.get(index)) !== JSON.stringify(event)) {
        this.ledger.violate(`the long poll has missed ${JSON.stringify(event)}`);
      }
    }
  }
}
