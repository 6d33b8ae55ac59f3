/** Who starts and stops whom. */
import { isIPv6 } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { MessageChannel, type Worker } from 'node:worker_threads';
import { CertificateReload } from './certificate-reload.ts';
import { connectionsFor, faultOf, LIMITS, type ServerConfig } from './config.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import { ReadVersions } from './frame/read-versions.ts';
import { createSharedWords, SharedWords } from './frame/shared-words.ts';
import type { TlsFiles } from './front/connections/certificates.ts';
import type { ListenAddress } from './front/connections/listeners.ts';
import type { FrontEndLimits } from './front/exchange/front-end-limits.ts';
import type { FrontEnds } from './front/front-ends.ts';
import type { FrontEndSetup } from './front/open-front-end.ts';
import { identityOf } from './front/requests/identity.ts';
import { createBell, createFrontEndLinks, createLink, type FrontEndLinks } from './links.ts';
import { parseListenUrl, tlsFilesOf } from './listen-options.ts';
import { createLog, type Log } from './log.ts';
import { readDescriptorsMax } from './metrics/process-reading.ts';
import { Monitoring } from './monitoring.ts';
import { parseCorsOrigins } from './protocol/cors.ts';
import { ServerWorker } from './server-worker.ts';
import { configOf, type StartOptions } from './start-options.ts';
import type { DurableSetup, JournalBegin } from './workers/setup.ts';
import { SnapshotSchedule } from './workers/snapshot-schedule.ts';
import { spawnJournalWorker, spawnStoreWorker } from './workers/spawn.ts';

export interface RunningServer {
  /** Where clients are served: the first URL, with its real port. */
  readonly url: string;
  readonly urls: readonly string[];
  /** Where `listenMetricsUrls` are served, with their real ports. */
  readonly metricsUrls: readonly string[];
  /**
   * Reads the files of the certificates anew, for connections to https URLs that come from now on; others go on. Rejects
   * when they are of no use, or no https URL is served: then nothing has changed.
   */
  reloadCertificates(): Promise<void>;
  /** Finishes what is in flight, closes watchers, and lets go of everything. */
  close(): Promise<void>;
}

/**
 * Starts a server and resolves when it serves. Rejects with one clear line when it cannot: an option that is none (a TypeError),
 * a port in use, a bad URL; and when `signal` says so.
 * Several can run in one process.
 */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const config = configOf(options);
  const fault = faultOf(config);
  if (fault !== undefined) throw new Error(fault);
  const log = await createLog(config.logLevel);
  const { port, host = '127.0.0.1' } = options;
  const urls = port === undefined ? config.listenClientUrls : [`http://${isIPv6(host) ? `[${host}]` : host}:${port}`];
  const addresses = urls.map(parseListenUrl);
  const metricsAddresses = config.listenMetricsUrls.map(parseListenUrl);
  const tls = tlsFilesOf(config, [...addresses, ...metricsAddresses], log);
  const corsOrigins = parseCorsOrigins(config.cors);
  const server = new Server(config, { tls, corsOrigins }, log, options.onFatal ?? endProcess);
  return server.start(addresses, metricsAddresses, options.signal);
}

const MB = 1024 * 1024;
const FATAL_EXIT_CODE = 70;

function endProcess(error: Error): void {
  process.stderr.write(`uetcd: ${error.message}\n`);
  process.exit(FATAL_EXIT_CODE);
}

/** What becomes of some options when the server starts. */
interface ReadOptions {
  readonly tls: TlsFiles | undefined;
  readonly corsOrigins: readonly string[] | undefined;
}

class Server {
  readonly #config: ServerConfig;
  readonly #read: ReadOptions;
  readonly #log: Log;
  readonly #onFatal: (error: Error) => void;
  readonly #wordsMemory = createSharedWords();
  readonly #words = new SharedWords(this.#wordsMemory);
  readonly #readVersionsMemory = ReadVersions.createMemory();
  readonly #links: readonly FrontEndLinks[];
  readonly #storeBell = createBell();
  readonly #journalBell = createBell();
  readonly #monitoring: Monitoring;
  #storeWorker: ServerWorker | undefined;
  #journalWorker: ServerWorker | undefined;
  /** Whether it has been told where the journal goes on. Before that it looks at no word, and is simply ended. */
  #hasJournalBegun = false;
  #directory: DataDirectory | undefined;
  #snapshots: SnapshotSchedule | undefined;
  #frontEnds: FrontEnds | undefined;
  /** Once it is being closed. */
  #closed: Promise<void> | undefined;
  #hasFailed = false;

  constructor(config: ServerConfig, read: ReadOptions, log: Log, onFatal: (error: Error) => void) {
    this.#config = config;
    this.#read = read;
    this.#log = log;
    this.#onFatal = onFatal;
    this.#links = Array.from({ length: config.frontEnds }, createFrontEndLinks);
    this.#monitoring = new Monitoring(config.frontEnds);
    for (const [number, { requests, replies }] of this.#links.entries()) {
      this.#monitoring.watchRing('requests', requests.producer.ring, number);
      this.#monitoring.watchRing('replies', replies.producer.ring, number);
    }
  }

  async start(
    addresses: readonly ListenAddress[],
    metricsAddresses: readonly ListenAddress[],
    signal: AbortSignal | undefined,
  ): Promise<RunningServer> {
    // It may be at it for a while, with all that a directory holds. To the disk this is no worse than a power cut.
    const giveUp = () => {
      this.#storeWorker?.giveUp();
      this.#journalWorker?.giveUp();
    };
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', giveUp);
      const storeReady = this.#config.inMemory ? this.#startStore(undefined) : this.#startDurably(signal);
      // Loaded while the store comes back: the library and the rooms of a front end take as long as the rest of a start. And not
      // before: whoever only wants `--help` or a dump needs no library, and one that is not there can be told.
      const [room] = await Promise.all([import('./front/front-ends.ts'), storeReady]);
      signal?.throwIfAborted();
      const frontEnds = this.#openFrontEnds(room.FrontEnds);
      const urls = await frontEnds.listen(addresses, this.#config.advertiseClientUrls);
      const metricsUrls = await frontEnds.listenForMetrics(metricsAddresses);
      signal?.throwIfAborted();
      const told = metricsUrls.length === 0 ? { urls } : { urls, metricsUrls };
      this.#log.info(told, 'ready to serve client requests');
      const renew = () => this.#renewCertificates(frontEnds);
      const certificates = new CertificateReload(this.#read.tls, renew, this.#log);
      return {
        url: urls[0] as string,
        urls,
        metricsUrls,
        reloadCertificates: () => certificates.reload(),
        close: () => this.#close(),
      };
    } catch (error) {
      await this.#close();
      throw signal?.aborted === true ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  async #startDurably(signal: AbortSignal | undefined): Promise<void> {
    const { name, dataDir, snapshotCount, eventHistory, forceRecover, storeHeapMb } = this.#config;
    const directory = await openDataDirectory(resolve(dataDir ?? `${name}.uetcd`));
    this.#directory = directory;
    signal?.throwIfAborted();
    const journal = createLink(LIMITS.journalRingBytes);
    this.#monitoring.watchRing('journal', journal.producer.ring);
    const { snapshots } = this.#monitoring;
    this.#snapshots = new SnapshotSchedule(directory.path, eventHistory, storeHeapMb, this.#log, snapshots);
    const helper = new MessageChannel();
    const said = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const storeReady = this.#startStore({
      directory: directory.path,
      mustForceRecovery: forceRecover,
      commandsPerCheckpoint: snapshotCount,
      journal: journal.producer,
      journalBell: this.#journalBell,
      snapshotHelper: { port: helper.port1, said },
    });
    // Started beside the store worker, so that it has nothing left to load when it learns where the journal goes on.
    const worker = spawnJournalWorker({
      words: this.#wordsMemory,
      bell: this.#journalBell,
      frontEndBells: this.#links.map(({ bell }) => bell),
      storeBell: this.#storeBell,
      journal: journal.consumer,
      snapshotHelper: { port: helper.port2, said },
      directory: directory.path,
      segmentSizeBytesMax: LIMITS.segmentBytes,
      spinMs: unlessAlone(LIMITS.journalSpinMs),
      waitedIntervalMsMax: LIMITS.durableWaitedIntervalMsMax,
      metrics: this.#monitoring.isCounting ? this.#monitoring.journalMemory : undefined,
    });
    this.#journalWorker = this.#serverWorker(worker, 'the journal worker', this.#journalBell);
    const journalBegun = storeReady.then((lastSequence) => {
      this.#hasJournalBegun = true;
      worker.postMessage({ lastSequence } satisfies JournalBegin);
    });
    await Promise.all([journalBegun, this.#journalWorker.ready]);
    directory.keepIdentity();
    this.#storeWorker?.wake();
  }

  /** @returns the sequence of the last command that was recovered. */
  #startStore(durable: DurableSetup | undefined): Promise<number> {
    const { eventHistory, maxAnswerBytesInFlight, maxWatchers, maxWatchersPerClient, storeHeapMb } = this.#config;
    const worker = spawnStoreWorker(
      {
        words: this.#wordsMemory,
        readVersions: this.#readVersionsMemory,
        bell: this.#storeBell,
        frontEnds: this.#links.map(({ bell, requests, replies }) => {
          return { bell, requests: requests.consumer, replies: replies.producer };
        }),
        historyEventsMax: eventHistory,
        watchersMax: maxWatchers,
        clientWatchersMax: maxWatchersPerClient,
        listingBytesMax: maxAnswerBytesInFlight,
        heapBytes: storeHeapMb * MB,
        spinMs: unlessAlone(LIMITS.storeSpinMs),
        waitedIntervalMsMax: durable === undefined ? LIMITS.waitedIntervalMsMax : LIMITS.durableWaitedIntervalMsMax,
        metrics: this.#monitoring.isCounting ? this.#monitoring.storeMemory : undefined,
        durable,
      },
      storeHeapMb,
    );
    this.#storeWorker = this.#serverWorker(worker, 'the store worker', this.#storeBell);
    return this.#storeWorker.ready.catch((cause: Error) => {
      throw this.#explained(cause);
    });
  }

  /** From when it is ready its end is the server's end. */
  #serverWorker(worker: Worker, name: string, bell: SharedArrayBuffer): ServerWorker {
    return new ServerWorker(worker, name, bell, {
      onMessage: (message) => {
        if (message.kind === 'log') this.#log[message.level](message.text);
        else this.#snapshots?.checkpoint(message.sequence);
      },
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Why a worker could not start, in words for who has to do something about it. */
  #explained(cause: Error): Error {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return cause;
    const where = this.#directory === undefined ? 'the store' : `what ${this.#directory.path} holds`;
    const text = `${where} needs more memory than ${this.#config.storeHeapMb} MB: give it more with --store-heap-mb`;
    return new Error(text, { cause });
  }

  #openFrontEnds(Opened: typeof FrontEnds): FrontEnds {
    const { name, advertiseClientUrls, slowRequestMs } = this.#config;
    const { tls, corsOrigins } = this.#read;
    const stored = this.#directory?.identity;
    const raftTerm = stored?.raftTerm ?? IN_MEMORY_RAFT_TERM;
    // The member's URLs are filled in when their ports are known.
    const identity = identityOf(name, advertiseClientUrls, ['http://localhost:2380'], stored);
    const monitored = this.#monitoring.describe({ memberId: identity.member.id, raftTerm }, stored !== undefined);
    const startedMs = Date.now();
    const { passwordQueueMax, passwordQueuePerUserMax, rememberedPasswordsMax, rememberedPasswordMsMax } = LIMITS;
    const limits = this.#frontEndLimits();
    const setups = this.#links.map(({ bell, requests, replies }, number): FrontEndSetup => {
      return {
        number,
        words: this.#wordsMemory,
        readVersions: this.#readVersionsMemory,
        storeBell: this.#storeBell,
        bell,
        requests: requests.producer,
        replies: replies.consumer,
        tls,
        corsOrigins,
        identity,
        raftTerm,
        startedMs,
        limits,
        pollMs: unlessAlone(LIMITS.frontEndPollMs),
        metrics: this.#monitoring.frontEndMemories[number] as SharedArrayBuffer,
        isCounting: this.#monitoring.isCounting,
        monitored,
        storeReadingMsMax: LIMITS.storeReadingMsMax,
        passwords: { passwordQueueMax, passwordQueuePerUserMax, rememberedPasswordsMax, rememberedPasswordMsMax },
        slowRequestMs: slowRequestMs === 0 ? Number.POSITIVE_INFINITY : slowRequestMs,
      };
    });
    this.#frontEnds = new Opened(setups, {
      onError: (error) => this.#log.error({ err: error }, 'a request could not be served'),
      onWarning: (fields, text) => this.#log.warn(fields, text),
      onFatal: (error) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
    return this.#frontEnds;
  }

  async #renewCertificates(frontEnds: FrontEnds): Promise<void> {
    if (this.#closed !== undefined) throw new Error('the server is stopping');
    await frontEnds.renewCertificates();
  }

  #frontEndLimits(): FrontEndLimits {
    const config = this.#config;
    const possible = connectionsFor(readDescriptorsMax());
    if (config.maxConnections > possible) {
      const told = { maxConnections: config.maxConnections, possible };
      this.#log.warn(told, 'there are too few descriptors for so many connections: less of them are taken');
    }
    return {
      connectionsMax: Math.min(config.maxConnections, possible),
      inFlightMax: config.maxInFlight,
      requestBytesMax: config.maxRequestBytes,
      bodyBytesMax: config.maxBodyBytesInFlight,
      answerBytesMax: config.maxAnswerBytesInFlight,
      pathDepthMax: LIMITS.pathDepthMax,
      watchersMax: config.maxWatchers,
      clientWatchersMax: config.maxWatchersPerClient,
      streamBacklogBytesMax: config.maxStreamBacklogBytes,
      largeAnswerStallMsMax: config.maxStallMs,
      gzipFromBytes: config.gzipFromBytes === 0 ? Number.POSITIVE_INFINITY : config.gzipFromBytes,
    };
  }

  #fail(error: Error): void {
    const isKnown = this.#hasFailed;
    this.#hasFailed = true;
    if (this.#closed !== undefined) this.#log.error({ err: error }, 'something has failed while the server stops');
    if (this.#closed !== undefined || isKnown) return;
    this.#log.fatal({ err: error }, 'the server cannot go on');
    this.#onFatal(error);
  }

  /** Also of one that has failed, and of one that is being closed already. */
  #close(): Promise<void> {
    this.#closed ??= this.#letGo();
    return this.#closed;
  }

  async #letGo(): Promise<void> {
    this.#frontEnds?.stopListening();
    // What has failed may owe answers that never come.
    if (this.#frontEnds !== undefined && !this.#hasFailed) await this.#drain(this.#frontEnds);
    await this.#frontEnds?.close();
    // The journal worker goes last: it must have all that the store worker has sent.
    this.#words.stopStore();
    await this.#storeWorker?.stopped(LIMITS.storeStopMsMax);
    this.#words.stopJournal();
    if (this.#hasJournalBegun) await this.#journalWorker?.stopped();
    else await this.#journalWorker?.terminate();
    await this.#snapshots?.close();
    await this.#directory?.release();
    this.#log.info('stopped');
  }

  async #drain(frontEnds: FrontEnds): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      frontEnds.drain(),
      new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          this.#log.warn('stopping with requests unanswered');
          resolve();
        }, LIMITS.drainMsMax);
      }),
    ]);
    clearTimeout(timer);
  }
}

/** On a single core whoever spins keeps from running what it waits for. */
function unlessAlone(spinMs: number): number {
  return availableParallelism() > 1 ? spinMs : 0;
}

/** A store that begins anew with each start has one term for ever. */
const IN_MEMORY_RAFT_TERM = 2;
