/**
 * The clients of the kill loop. Each works until its server is gone, remembers what it was told and what it does not
 * know, and checks both against the tree that comes back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EventShape, eventOf, type NodeShape } from '../support/api-test.ts';
import { type Answer, ApiClient } from '../support/http.ts';
import type { Ledger } from './ledger.ts';

export interface LedgerClient {
  /** Resolves when the server is gone. */
  run(url: string): Promise<void>;
  /** Compares what it knows with a tree at rest. */
  check(leaves: ReadonlyMap<string, NodeShape>): void;
}

/** Something that is retried until the connection breaks. Any answer is an answer; no answer is not knowing. */
async function untilGone(url: string, step: (api: ApiClient) => Promise<void>): Promise<void> {
  const api = new ApiClient(url);
  try {
    for (;;) await step(api);
  } catch (error) {
    if (!isConnectionError(error)) throw error;
  } finally {
    await api.close();
  }
}

function isConnectionError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^(ECONN|EPIPE|UND_ERR_SOCKET|UND_ERR_CLOSED|HPE_)/.test(code);
}

function succeeded(answer: Answer): boolean {
  return answer.status === 200 || answer.status === 201;
}

/** Sets keys that nobody has set before. */
export class UniqueWriter implements LedgerClient {
  readonly #ledger: Ledger;
  readonly #prefix: string;
  readonly #acknowledged = new Map<string, number>();
  readonly #unknown = new Set<string>();
  #count = 0;

  constructor(ledger: Ledger, name: string) {
    this.#ledger = ledger;
    this.#prefix = `/unique/${name}/`;
  }

  run(url: string): Promise<void> {
    return untilGone(url, async (api) => {
      const key = `${this.#prefix}${++this.#count}`;
      this.#unknown.add(key);
      const answer = await api.put(key, `value=${uniqueValue(key)}`);
      if (!succeeded(answer)) this.#ledger.violate(`a set of ${key}: ${answer.status} ${answer.text}`);
      const event = eventOf(answer.text);
      this.#ledger.acknowledge(event);
      this.#acknowledged.set(key, event.node.modifiedIndex ?? 0);
      this.#unknown.delete(key);
    });
  }

  check(leaves: ReadonlyMap<string, NodeShape>): void {
    for (const [key, index] of this.#acknowledged) {
      const node = leaves.get(key);
      if (node?.value !== uniqueValue(key) || node.modifiedIndex !== index || node.createdIndex !== index) {
        this.#ledger.violate(`${key} was acknowledged at ${index}, and is ${JSON.stringify(node)}`);
      }
    }
    for (const [key, node] of leaves) {
      if (!key.startsWith(this.#prefix) || this.#acknowledged.has(key)) continue;
      // A write that was under way may be there, whole.
      if (!this.#unknown.delete(key) || node.value !== uniqueValue(key)) {
        this.#ledger.violate(`nobody has set ${JSON.stringify(node)}`);
      }
      this.#acknowledged.set(key, node.modifiedIndex ?? 0);
    }
    this.#unknown.clear();
  }
}

function uniqueValue(key: string): string {
  return `the value of ${key}`;
}

/** Sets the same few keys to ever higher numbers. */
export class Overwriter implements LedgerClient {
  readonly #ledger: Ledger;
  readonly #lastAcknowledged = new Map<string, { number: number; index: number }>();
  #number = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  run(url: string): Promise<void> {
    return untilGone(url, async (api) => {
      const number = ++this.#number;
      const key = `/overwritten/${number % 5}`;
      const event = eventOf((await api.put(key, `value=${number}`)).text);
      this.#ledger.acknowledge(event);
      this.#lastAcknowledged.set(key, { number, index: event.node.modifiedIndex ?? 0 });
    });
  }

  check(leaves: ReadonlyMap<string, NodeShape>): void {
    for (const [key, { number, index }] of this.#lastAcknowledged) {
      const node = leaves.get(key);
      const found = Number(node?.value);
      const isSame = found === number && node?.modifiedIndex === index;
      const isUnderWay = found === this.#number && (node?.modifiedIndex ?? 0) > index;
      // What has come back is known from now on.
      if (isUnderWay) this.#lastAcknowledged.set(key, { number: found, index: node?.modifiedIndex ?? 0 });
      else if (!isSame) {
        this.#ledger.violate(`${key} was acknowledged as ${number} at ${index}, and is ${JSON.stringify(node)}`);
      }
    }
  }
}

/** Several clients that count the same key up by compare-and-swap. */
export class Counter implements LedgerClient {
  static readonly KEY = '/counter';
  readonly #ledger: Ledger;
  readonly #contenders: number;
  #acknowledged = 0;
  #unknown = 0;
  #highestSeen = 0;

  constructor(ledger: Ledger, contenders: number) {
    this.#ledger = ledger;
    this.#contenders = contenders;
  }

  async run(url: string): Promise<void> {
    const contend = () => untilGone(url, (api) => this.#increment(api));
    await Promise.all(Array.from({ length: this.#contenders }, contend));
  }

  check(leaves: ReadonlyMap<string, NodeShape>): void {
    const node = leaves.get(Counter.KEY);
    const found = Number(node?.value ?? 0);
    if (found < this.#acknowledged || found > this.#acknowledged + this.#unknown || found < this.#highestSeen) {
      this.#ledger.violate(
        `the counter is ${found}; ${this.#acknowledged} increments were acknowledged, ` +
          `${this.#unknown} may have been done, and ${this.#highestSeen} was seen`,
      );
    }
    this.#acknowledged = found;
    this.#unknown = 0;
  }

  async #increment(api: ApiClient): Promise<void> {
    const read = await api.get(Counter.KEY);
    this.#ledger.tellOfIndex(read);
    const value = read.status === 404 ? 0 : Number(eventOf(read.text).node.value);
    this.#highestSeen = Math.max(this.#highestSeen, value);
    const condition = value === 0 ? 'prevExist=false' : `prevValue=${value}`;
    this.#unknown++;
    const answer = await api.put(`${Counter.KEY}?${condition}`, `value=${value + 1}`);
    this.#unknown--;
    if (!succeeded(answer)) return; // Another was faster.
    this.#acknowledged++;
    this.#ledger.acknowledge(eventOf(answer.text));
  }
}

/** One client adds items to a queue, another takes the oldest. */
export class Queue implements LedgerClient {
  static readonly KEY = '/queue';
  readonly #ledger: Ledger;
  readonly #added = new Map<string, string>();
  readonly #taken = new Set<string>();
  #unknownAdded = new Set<string>();
  #unknownTaken = new Set<string>();
  #count = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async run(url: string): Promise<void> {
    await Promise.all([untilGone(url, (api) => this.#add(api)), untilGone(url, (api) => this.#take(api))]);
  }

  check(leaves: ReadonlyMap<string, NodeShape>): void {
    const keyOfItem = new Map<string, string>();
    for (const [key, node] of leaves) {
      if (!key.startsWith(`${Queue.KEY}/`)) continue;
      const item = node.value ?? '';
      if (keyOfItem.has(item)) this.#ledger.violate(`${item} is in the queue twice, at ${key} too`);
      keyOfItem.set(item, key);
      if (this.#taken.has(item)) this.#ledger.violate(`${item} was taken, and is in the queue again`);
      if (Number(key.slice(Queue.KEY.length + 1)) !== node.createdIndex) {
        this.#ledger.violate(`a queue item is named ${key}, and was created at ${node.createdIndex}`);
      }
      if (this.#unknownAdded.has(item)) this.#added.set(item, key);
      else if (!this.#added.has(item)) this.#ledger.violate(`nobody has added ${item}`);
    }
    for (const [item, key] of this.#added) {
      if (this.#taken.has(item) || keyOfItem.get(item) === key) continue;
      if (this.#unknownTaken.has(item)) this.#taken.add(item);
      else this.#ledger.violate(`${item} was added as ${key}, and is gone`);
    }
    this.#unknownAdded = new Set();
    this.#unknownTaken = new Set();
  }

  async #add(api: ApiClient): Promise<void> {
    const item = `item-${++this.#count}`;
    this.#unknownAdded.add(item);
    const event = eventOf((await api.post(Queue.KEY, `value=${item}`)).text);
    this.#ledger.acknowledge(event);
    this.#added.set(item, event.node.key ?? '');
    this.#unknownAdded.delete(item);
  }

  async #take(api: ApiClient): Promise<void> {
    const listing = await api.get(`${Queue.KEY}?sorted=true`);
    this.#ledger.tellOfIndex(listing);
    const oldest = listing.status === 200 ? eventOf(listing.text).node.nodes?.[0] : undefined;
    // Slower than the other, so that some are left when the end comes.
    await sleep(3);
    if (oldest?.key === undefined || oldest.value === undefined) return;
    const item = oldest.value;
    if (this.#taken.has(item)) this.#ledger.violate(`${item} was taken, and is offered again`);
    // A read that shows an item is a promise like any other.
    this.#ledger.tellOfNode(oldest);
    this.#unknownTaken.add(item);
    const answer = await api.delete(`${oldest.key}?prevIndex=${oldest.modifiedIndex}`);
    this.#unknownTaken.delete(item);
    if (answer.status !== 200) return;
    this.#ledger.acknowledge(eventOf(answer.text));
    this.#taken.add(item);
  }
}

/** Sets keys that live for a second. */
export class ShortLives implements LedgerClient {
  readonly #ledger: Ledger;
  readonly #indexOf = new Map<string, number>();
  #count = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  run(url: string): Promise<void> {
    return untilGone(url, async (api) => {
      const key = `/short/${++this.#count}`;
      const event = eventOf((await api.put(key, 'value=x&ttl=1')).text);
      this.#ledger.acknowledge(event);
      this.#indexOf.set(key, event.node.modifiedIndex ?? 0);
      await sleep(20);
    });
  }

  check(): void {
    // Only the events can tell.
  }

  compareWithEvents(events: ReadonlyMap<number, EventShape>): void {
    const expiries = new Map<string, number>();
    for (const { action, node } of events.values()) {
      if (action === 'expire') expiries.set(node.key ?? '', (expiries.get(node.key ?? '') ?? 0) + 1);
    }
    for (const key of this.#indexOf.keys()) {
      const count = expiries.get(key) ?? 0;
      if (count !== 1) this.#ledger.violate(`${key} was to live a second, and has expired ${count} times`);
    }
  }
}
