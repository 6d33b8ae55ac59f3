/** Who starts and stops whom. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { MessageChannel, type Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { DEFAULTS, LIMITS, type ServerConfig } from './config.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import type { LinkEnd } from './frame/link.ts';
import { createSharedWords, SharedWords } from './frame/shared-words.ts';
import { FrontEnd, type FrontEndOptions } from './front/front-end.ts';
import { type Identity, identityOf } from './front/identity.ts';
import { Pages } from './front/pages.ts';
import { Responder } from './front/responder.ts';
import { SlowRequests } from './front/slow-requests.ts';
import { StoreClient } from './front/store-client.ts';
import { createLog } from './log.ts';
import { FrontEndMetrics } from './metrics/front-end-metrics.ts';
import { Monitoring } from './monitoring.ts';
import { DOORBELL_WORDS, Doorbell } from './ring/doorbell.ts';
import { createRingMemory } from './ring/ring.ts';
import type { DurableSetup, WorkerMessage } from './workers/setup.ts';
import { SnapshotSchedule } from './workers/snapshot-schedule.ts';
import { spawnJournalWorker, spawnStoreWorker } from './workers/spawn.ts';

/** All of it optional: see `DEFAULTS`. */
export interface StartOptions extends Partial<ServerConfig> {
  /** Short for a listen URL on `host`; 0 for a free port. Wins over `listenClientUrls`. */
  readonly port?: number;
  /** 127.0.0.1 unless told. */
  readonly host?: string;
  /** Called when the server cannot go on (its store has crashed). Default: says so on stderr and ends the process. */
  readonly onFatal?: (error: Error) => void;
}

export interface RunningServer {
  /** Where clients are served: the first URL, with its real port. */
  readonly url: string;
  readonly urls: readonly string[];
  /** Where `listenMetricsUrls` are served, with their real ports. */
  readonly metricsUrls: readonly string[];
  /** Finishes what is in flight, closes watchers, and lets go of everything. */
  close(): Promise<void>;
}

/**
 * Starts a server and resolves when it serves. Rejects with one clear line when it cannot: a port in use, a bad URL.
 * Several can run in one process.
 */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const config: ServerConfig = { ...DEFAULTS, logLevel: 'silent', ...options };
  const log = await createLog(config.logLevel);
  const server = new Server(config, log, options.onFatal ?? endProcess);
  const urls =
    options.port === undefined ? config.listenClientUrls : [`http://${options.host ?? '127.0.0.1'}:${options.port}`];
  return server.start(urls.map(parseListenUrl));
}

interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Throws with the reason when `text` is no URL to listen on. */
export function parseListenUrl(text: string): ListenAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== 'http:' || url.pathname !== '/' || url.hostname === '') {
    throw new Error(`"${text}" is not a URL to listen on: http://HOST:PORT is`);
  }
  // URL drops port 80, the default of its scheme.
  const port = url.port === '' ? 80 : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

const FATAL_EXIT_CODE = 70;

function endProcess(error: Error): void {
  process.stderr.write(`uetcd: ${error.message}\n`);
  process.exit(FATAL_EXIT_CODE);
}

class Server {
  readonly #config: ServerConfig;
  readonly #log: Logger;
  readonly #onFatal: (error: Error) => void;
  readonly #wordsMemory = createSharedWords();
  readonly #words = new SharedWords(this.#wordsMemory);
  readonly #storeBell = createBell();
  readonly #frontEndBell = createBell();
  readonly #journalBell = createBell();
  readonly #monitoring = new Monitoring(this.#words);
  #storeWorker: Worker | undefined;
  #journalWorker: Worker | undefined;
  #directory: DataDirectory | undefined;
  #snapshots: SnapshotSchedule | undefined;
  #client: StoreClient | undefined;
  #frontEnd: FrontEnd | undefined;
  #metricsFrontEnd: FrontEnd | undefined;
  #isClosing = false;

  constructor(config: ServerConfig, log: Logger, onFatal: (error: Error) => void) {
    this.#config = config;
    this.#log = log;
    this.#onFatal = onFatal;
  }

  async start(addresses: readonly ListenAddress[]): Promise<RunningServer> {
    try {
      const requests = this.#createLink('requests', LIMITS.requestRingBytes);
      const replies = this.#createLink('replies', LIMITS.replyRingBytes);
      if (this.#config.inMemory) await this.#startStore(requests.consumer, replies.producer, undefined);
      else await this.#startDurably(requests.consumer, replies.producer);
      const urls = await this.#listen(addresses, requests.producer, replies.consumer);
      const metricsUrls = await this.#listenForMetrics();
      const told = metricsUrls.length === 0 ? { urls } : { urls, metricsUrls };
      this.#log.info(told, 'ready to serve client requests');
      return { url: urls[0] as string, urls, metricsUrls, close: () => this.#close() };
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #startDurably(requests: LinkEnd, replies: LinkEnd): Promise<void> {
    const { name, dataDir, snapshotCount, eventHistory, forceRecover } = this.#config;
    const directory = await openDataDirectory(resolve(dataDir ?? `${name}.uetcd`));
    this.#directory = directory;
    const journal = this.#createLink('journal', LIMITS.journalRingBytes);
    this.#snapshots = new SnapshotSchedule(directory.path, eventHistory, this.#log);
    this.#monitoring.watchSnapshots(this.#snapshots);
    const lastSequence = await this.#startStore(requests, replies, {
      directory: directory.path,
      mustForceRecovery: forceRecover,
      commandsPerCheckpoint: snapshotCount,
      journal: journal.producer,
      journalBell: this.#journalBell,
    });
    this.#journalWorker = spawnJournalWorker({
      words: this.#wordsMemory,
      bell: this.#journalBell,
      frontEndBells: [this.#frontEndBell],
      storeBell: this.#storeBell,
      journal: journal.consumer,
      directory: directory.path,
      lastSequence,
      segmentSizeBytesMax: LIMITS.segmentBytes,
      spinMs: unlessAlone(LIMITS.journalSpinMs),
      metrics: this.#monitoring.journalMemory,
    });
    await this.#untilReady(this.#journalWorker, 'the journal worker');
    directory.keepIdentity();
    ringBell(this.#storeBell);
  }

  /** @returns the sequence of the last command that was recovered. */
  #startStore(requests: LinkEnd, replies: LinkEnd, durable: DurableSetup | undefined): Promise<number> {
    const { eventHistory, storeHeapMb } = this.#config;
    const worker = spawnStoreWorker(
      {
        words: this.#wordsMemory,
        bell: this.#storeBell,
        frontEnds: [{ requests, replies, bell: this.#frontEndBell }],
        historyEventsMax: eventHistory,
        spinMs: unlessAlone(LIMITS.storeSpinMs),
        metrics: this.#monitoring.storeMemory,
        durable,
      },
      storeHeapMb,
    );
    this.#storeWorker = worker;
    return this.#untilReady(worker, 'the store worker');
  }

  /** Resolves when the worker says that it is ready; from then on its end is the server's end. */
  #untilReady(worker: Worker, name: string): Promise<number> {
    return new Promise((resolve, reject) => {
      let isReady = false;
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') {
          isReady = true;
          resolve(message.lastSequence);
        } else if (message.kind === 'log') this.#log[message.level](message.text);
        else this.#snapshots?.checkpoint(message.sequence);
      });
      worker.on('error', (cause: Error) => {
        if (isReady) this.#fail(new Error(`${name} has failed: ${cause.message}`, { cause }));
        else reject(cause);
      });
      worker.on('exit', (code) => {
        if (!isReady) reject(new Error(`${name} has ended with code ${code}`));
        else if (!this.#isClosing) this.#fail(new Error(`${name} has ended with code ${code}`));
      });
    });
  }

  async #listen(addresses: readonly ListenAddress[], requests: LinkEnd, replies: LinkEnd): Promise<string[]> {
    const { name, advertiseClientUrls, slowRequestMs } = this.#config;
    // The identity names the URLs, which are known once the ports are; the member is filled in below.
    const clientUrls: string[] = [...advertiseClientUrls];
    const stored = this.#directory?.identity;
    const identity = identityOf(name, clientUrls, ['http://localhost:2380'], stored);
    const raftTerm = stored?.raftTerm ?? IN_MEMORY_RAFT_TERM;
    const renderPage = this.#monitoring.rendererFor({ memberId: identity.member.id, raftTerm });
    const pages = new Pages(renderPage, LIMITS.storeReadingMsMax);
    const slowRequests = new SlowRequests((fields, text) => this.#log.warn(fields, text));
    const client = new StoreClient({
      requests,
      replies,
      storeBell: new Doorbell(new Int32Array(this.#storeBell)),
      ownBell: new Doorbell(new Int32Array(this.#frontEndBell)),
      words: this.#words,
      responder: new Responder(identity.clusterId, raftTerm),
      pollMs: unlessAlone(LIMITS.frontEndPollMs),
      streamBacklogBytesMax: LIMITS.streamBacklogBytesMax,
      largeAnswerStallMsMax: LIMITS.largeAnswerStallMsMax,
      metrics: new FrontEndMetrics(this.#monitoring.frontEndMemory),
      slowRequestMs: slowRequestMs === 0 ? Number.POSITIVE_INFINITY : slowRequestMs,
      onSlow: (slot, status, tookMs, isGone) => {
        const request = this.#frontEnd?.requestIn(slot);
        if (request !== undefined) slowRequests.note(request.method, request.path, status, tookMs, isGone);
      },
      onReading: (slot, response, body) => pages.tell(slot, response, body),
      onFatal: (error) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
    this.#client = client;
    const frontEnd = new FrontEnd(client, this.#frontEndOptions(identity, pages, false));
    this.#frontEnd = frontEnd;
    if (this.#config.listenMetricsUrls.length > 0)
      this.#metricsFrontEnd = new FrontEnd(client, this.#frontEndOptions(identity, pages, true));
    const urls = await listenOn(frontEnd, addresses);
    if (clientUrls.length === 0) clientUrls.push(...urls);
    return urls;
  }

  async #listenForMetrics(): Promise<string[]> {
    const addresses = this.#config.listenMetricsUrls.map(parseListenUrl);
    return this.#metricsFrontEnd === undefined ? [] : listenOn(this.#metricsFrontEnd, addresses);
  }

  #frontEndOptions(identity: Identity, pages: Pages, isForMetricsOnly: boolean): FrontEndOptions {
    const { maxRequestBytes, maxWatchers } = this.#config;
    return {
      identity,
      requestBytesMax: maxRequestBytes,
      watchersMax: maxWatchers,
      pathDepthMax: LIMITS.pathDepthMax,
      pages,
      isForMetricsOnly,
      onError: (error) => this.#log.error({ err: error }, 'a request could not be served'),
    };
  }

  /** A link whose ring is told of in `/metrics`. */
  #createLink(ringName: string, ringBytes: number): { producer: LinkEnd; consumer: LinkEnd } {
    const link = createLink(ringBytes);
    this.#monitoring.watchRing(ringName, link.producer.ring, ringBytes);
    return link;
  }

  #fail(error: Error): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#log.fatal({ err: error }, 'the server cannot go on');
    this.#onFatal(error);
  }

  async #close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#frontEnd?.stopListening();
    this.#metricsFrontEnd?.stopListening();
    await this.#drain();
    this.#frontEnd?.close();
    this.#metricsFrontEnd?.close();
    this.#monitoring.close();
    this.#client?.close();
    // The journal worker goes last: it must have all that the store worker has sent.
    this.#words.stopStore();
    await ended(this.#storeWorker, this.#storeBell);
    this.#words.stopJournal();
    await ended(this.#journalWorker, this.#journalBell);
    await this.#snapshots?.close();
    await this.#directory?.release();
    this.#log.info('stopped');
  }

  async #drain(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => client.drain(resolve)),
      new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          this.#log.warn({ unanswered: client.slots.waitingCount }, 'stopping with requests unanswered');
          resolve();
        }, LIMITS.drainMsMax);
      }),
    ]);
    clearTimeout(timer);
  }
}

/** @returns the URLs with their real ports. */
async function listenOn(frontEnd: FrontEnd, addresses: readonly ListenAddress[]): Promise<string[]> {
  const urls: string[] = [];
  for (const { host, port } of addresses) {
    const realPort = await frontEnd.listen(host, port);
    urls.push(`http://${host.includes(':') ? `[${host}]` : host}:${realPort}`);
  }
  return urls;
}

/** On a single core whoever spins keeps from running what it waits for. */
function unlessAlone(spinMs: number): number {
  return availableParallelism() > 1 ? spinMs : 0;
}

/** Wakes a worker that has been told to stop, and waits until it has. */
function ended(worker: Worker | undefined, bell: SharedArrayBuffer): Promise<unknown> | undefined {
  if (worker === undefined || worker.threadId === -1) return undefined;
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  ringBell(bell);
  return exited;
}

function ringBell(bell: SharedArrayBuffer): void {
  new Doorbell(new Int32Array(bell)).ring();
}

/** A store that begins anew with each start has one term for ever. */
const IN_MEMORY_RAFT_TERM = 2;

function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT);
}

/** The two ends of a one-way connection between threads. */
function createLink(ringBytes: number): { producer: LinkEnd; consumer: LinkEnd } {
  const ring = createRingMemory(ringBytes);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.unref();
  return { producer: { ring, port: port1 }, consumer: { ring, port: port2 } };
}
