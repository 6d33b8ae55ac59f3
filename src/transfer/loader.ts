/**
 * Writes nodes into a server, so many at a time. Nodes are begun in their order, and one whose directory is still being
 * made waits for it: nothing is made along the way of a key, where it would lack its TTL.
 *
 * All that stands in the way of a write, but what `isIfAbsent` spares, is written over: a key by a key or a directory. A
 * directory that is there stays with what is in it, and gets the TTL that it should have. A directory in the place of a
 * key is the user's to remove.
 */
import type { ByteString } from '../base/byte-string.ts';
import { type EtcdClient, RefusedError, targetOf } from './etcd-client.ts';
import type { TransferNode } from './transfer-node.ts';

export interface LoaderOptions {
  /** Requests at a time. */
  readonly concurrency: number;
  /** Path of a directory under which all is put; empty for none. */
  readonly prefix: ByteString;
  /** Leaves alone what is there. */
  readonly isIfAbsent: boolean;
}

export interface LoadCounts {
  keys: number;
  directories: number;
  /** Not written: their time, or that of a directory above them, has come. */
  expired: number;
  /** Left alone. */
  existing: number;
}

const NOT_A_FILE = 102;
const KEY_EXISTS = 105;

export class Loader {
  readonly counts: LoadCounts = { keys: 0, directories: 0, expired: 0, existing: 0 };
  readonly #client: EtcdClient;
  readonly #options: LoaderOptions;
  /** Directories that are being made, by path. */
  readonly #pending = new Map<string, Promise<void>>();
  /** When directories go, and all in them: by path, those that have a TTL. */
  readonly #expirations = new Map<string, number>();
  #inFlight = 0;
  #failure: unknown;
  #wake: () => void = () => {};

  constructor(client: EtcdClient, options: LoaderOptions) {
    this.#client = client;
    this.#options = options;
  }

  get nodeCount(): number {
    const { keys, directories, expired, existing } = this.counts;
    return keys + directories + expired + existing;
  }

  /** Writes a batch, but for the last few, which are still on their way. Throws the first failure. */
  async take(batch: readonly TransferNode[]): Promise<void> {
    for (const node of batch) {
      while (this.#inFlight >= this.#options.concurrency) await this.#untilOneEnds();
      if (this.#failure !== undefined) throw this.#failure;
      this.#begin(node);
    }
  }

  /** Waits for all that is on its way. Throws the first failure. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The same, without complaint: the counts are final then. */
  async settle(): Promise<void> {
    while (this.#inFlight > 0) await this.#untilOneEnds();
  }

  #untilOneEnds(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #begin(node: TransferNode): void {
    const isDirectory = node.value === undefined;
    if (isDirectory && node.expirationMs !== undefined) this.#expirations.set(node.key, node.expirationMs);
    const ending = this.#load(node)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#inFlight--;
        if (isDirectory) this.#pending.delete(node.key);
        this.#wake();
      });
    this.#inFlight++;
    if (isDirectory) this.#pending.set(node.key, ending);
  }

  async #load(node: TransferNode): Promise<void> {
    const { key, value } = node;
    await this.#pending.get(key.slice(0, key.lastIndexOf('/')));
    if (this.#failure !== undefined) return;
    const nowMs = Date.now();
    if (this.#isExpired(node, nowMs)) {
      this.counts.expired++;
      return;
    }
    const ttl = node.expirationMs === undefined ? '' : `&ttl=${Math.ceil((node.expirationMs - nowMs) / 1000)}`;
    const target = targetOf(`${this.#options.prefix}${key}` as ByteString);
    const isWritten =
      value === undefined ? await this.#putDirectory(target, ttl) : await this.#putKey(target, ttl, value);
    if (!isWritten) this.counts.existing++;
    else if (value === undefined) this.counts.directories++;
    else this.counts.keys++;
  }

  #isExpired({ key, expirationMs }: TransferNode, nowMs: number): boolean {
    if (expirationMs !== undefined && expirationMs <= nowMs) return true;
    if (this.#expirations.size === 0) return false;
    for (let end = key.lastIndexOf('/'); end > 0; end = key.lastIndexOf('/', end - 1)) {
      const directoryMs = this.#expirations.get(key.slice(0, end));
      if (directoryMs !== undefined && directoryMs <= nowMs) return true;
    }
    return false;
  }

  /** @returns false when it was there and is left alone. */
  #putKey(target: string, ttl: string, value: ByteString): Promise<boolean> {
    const condition = this.#options.isIfAbsent ? '&prevExist=false' : '';
    // The body is the value and nothing else, with the fewest escapes: what fitted a server's limit once fits again.
    return this.#put(`${target}?noValueOnSuccess=true${ttl}${condition}`, `value=${escapeValue(value)}` as ByteString);
  }

  async #putDirectory(target: string, ttl: string): Promise<boolean> {
    if (this.#options.isIfAbsent) return this.#put(`${target}?dir=true&prevExist=false${ttl}`, NO_BODY);
    try {
      return await this.#put(`${target}?dir=true${ttl}`, NO_BODY);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== NOT_A_FILE) throw error;
      // It is there. An update changes the TTL of a directory, or takes it away.
      return this.#put(`${target}?dir=true&prevExist=true${ttl}`, NO_BODY);
    }
  }

  async #put(target: string, body: ByteString): Promise<boolean> {
    try {
      await this.#client.put(target, body);
      return true;
    } catch (error) {
      const isSpared = this.#options.isIfAbsent && error instanceof RefusedError && error.code === KEY_EXISTS;
      if (!isSpared) throw error;
      return false;
    }
  }
}

const NO_BODY = '' as ByteString;

/** Other bytes mean themselves in a form. */
function escapeValue(value: ByteString): string {
  return value.replace(/[%&+;]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
}
