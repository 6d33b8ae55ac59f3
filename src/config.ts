/** Every limit and default of the server, with its unit and its reason. Handed down; no lower room reads it. */
import { totalmem } from 'node:os';
import { FRONT_ENDS_MAX } from './frame/shared-words.ts';
import { readDescriptorsMax } from './metrics/process-reading.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ServerConfig {
  /** Name of the member. */
  readonly name: string;
  /** Where clients are served; `http://host:port` or `https://host:port`, port 0 for a free one. */
  readonly listenClientUrls: readonly string[];
  /** What /v2/members and /v2/machines tell clients; empty: the URLs listened on. */
  readonly advertiseClientUrls: readonly string[];
  /** Where `/metrics` and `/health` are served beside the clients' URLs; in the same form. */
  readonly listenMetricsUrls: readonly string[];
  /** PEM files of the certificate, with what is between it and its CA, and of its key: for https URLs. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** PEM file of the CAs whose client certificates are taken. With it one is required, as with etcd. */
  readonly trustedCaFile: string | undefined;
  /** Requires a client certificate on https URLs; needs `trustedCaFile`. */
  readonly clientCertAuth: boolean;
  /** Origins that scripts in browsers may come from, comma separated; `*` for all. */
  readonly cors: string;
  /** Keeps nothing on disk; wins over `dataDir`. */
  readonly inMemory: boolean;
  /** Where a durable server keeps its data; undefined: `<name>.uetcd` in the working directory. */
  readonly dataDir: string | undefined;
  /** Commands between two snapshots. */
  readonly snapshotCount: number;
  /** Of a damaged journal, keeps what is valid and moves the rest aside, instead of refusing to start. */
  readonly forceRecover: boolean;
  /** How many events a watch can look back. etcd: 1000, fixed. */
  readonly eventHistory: number;
  /** Greatest form body of a request. etcd: 10 MiB, which is Go's limit. */
  readonly maxRequestBytes: number;
  /** Threads that serve clients, the main thread included. */
  readonly frontEnds: number;
  /** Connections of clients, those to `listenMetricsUrls` left out. */
  readonly maxConnections: number;
  /** Requests of each front end that have no answer yet, open watches left out. */
  readonly maxInFlight: number;
  /** Bytes of forms that came in pieces, of each front end, until their requests are answered. */
  readonly maxBodyBytesInFlight: number;
  /** Bytes of large answers until their readers have them: listings of all front ends; large values of each. */
  readonly maxAnswerBytesInFlight: number;
  /** Open watches of all clients together. */
  readonly maxWatchers: number;
  /** Open watches of one client address; of an IPv6 one those of its /64. */
  readonly maxWatchersPerClient: number;
  /** How far one stream's client may be behind, in bytes, before it is dropped. */
  readonly maxStreamBacklogBytes: number;
  /** A reader of a large answer that takes nothing for so long, in ms, is dropped. */
  readonly maxStallMs: number;
  /** From this size on a listing is compressed for a client that asks for it; 0: never. */
  readonly gzipFromBytes: number;
  /** V8 heap of the store worker. */
  readonly storeHeapMb: number;
  /** An answer that takes so long is told in the log, in ms; 0: never. */
  readonly slowRequestMs: number;
  readonly logLevel: LogLevel;
}

const MB = 1024 * 1024;

/** What is left of the descriptors for everything that is no client's connection: files, threads, scrapes, a burst. */
const DESCRIPTORS_KEPT = 100;
/** A tenth more, for connections that are accepted and not yet counted. */
const DESCRIPTORS_SHARE = 0.9;
/** Where the kernel does not say how many there may be. */
const CONNECTIONS_MAX_UNKNOWN = 10_000;

/**
 * How many connections leave the process descriptors enough. Out of them, it would spin on a connection that it cannot
 * accept, and the journal could not begin its next segment.
 */
export function connectionsFor(descriptorsMax: number | undefined): number {
  if (descriptorsMax === undefined) return CONNECTIONS_MAX_UNKNOWN;
  return Math.max(1, Math.floor(Math.min(descriptorsMax, 2 ** 30) * DESCRIPTORS_SHARE) - DESCRIPTORS_KEPT);
}

export const DEFAULTS: ServerConfig = {
  name: 'default',
  listenClientUrls: ['http://127.0.0.1:2379'],
  advertiseClientUrls: [],
  listenMetricsUrls: [],
  certFile: undefined,
  keyFile: undefined,
  trustedCaFile: undefined,
  clientCertAuth: false,
  cors: '*',
  inMemory: false,
  dataDir: undefined,
  // As etcd. Recovery replays at most about twice as many commands: well under a second.
  snapshotCount: 100_000,
  forceRecover: false,
  eventHistory: 1000,
  maxRequestBytes: 10 * MB,
  // With one there is nothing to hand over; more need cores that machines with few do not have.
  frontEnds: 1,
  maxConnections: connectionsFor(readDescriptorsMax()),
  // More than a single address has ports to connect from, and a second of work at full speed: who comes later would not
  // wait for its answer any more.
  maxInFlight: 65_536,
  // 25 of the largest forms at a time. Ordinary forms come in one piece, and are not counted.
  maxBodyBytesInFlight: 256 * MB,
  // Five listings of a million keys, fifty of 10 MiB. A reader in health has one within a second.
  maxAnswerBytesInFlight: 512 * MB,
  maxWatchers: 100_000,
  // As many as of all: behind a proxy all clients have one address.
  maxWatchersPerClient: 100_000,
  // etcd drops a stream after 100 events.
  maxStreamBacklogBytes: 4 * MB,
  maxStallMs: 60_000,
  // The real etcd compresses nothing, and clients of it ask for gzip without a thought (Go's do).
  gzipFromBytes: 0,
  // Half of the machine: the other half is for the rings, the kernel's buffers and whoever else lives there.
  storeHeapMb: Math.max(256, Math.floor(totalmem() / MB / 2)),
  // Far beyond what a server in health does, on a slow disk too: a line is always news. etcd warns from 100 ms on, and is
  // known for it on busy disks.
  slowRequestMs: 1000,
  logLevel: 'info',
};

/** What no flag changes. */
export const LIMITS = {
  /** One store worker serves them all, and each costs two rings and a heap. */
  frontEndsMax: FRONT_ENDS_MAX,
  /** With 1 or 2 the engine ends the process before its first line of code (Node 22). */
  storeHeapMbMin: 16,
  /** One buffer holds all forms that come in pieces; Node 20 has none that is larger. */
  bodyBytesMax: 4096 * MB,
  /** The history is one array. What fits the heap is far less. */
  historyEventsMax: 2 ** 32 - 1,
  /** Of each front end. Room for a burst of 64 connections' largest ordinary requests; a frame takes a quarter at most, larger ones go beside. */
  requestRingBytes: 4 * MB,
  /** Of each front end. A fan-out of an event to all watchers of a busy key must fit many times. */
  replyRingBytes: 8 * MB,
  /** While the disk syncs one group the next gathers here. */
  journalRingBytes: 16 * MB,
  /** A segment ends at a checkpoint or here, so that a snapshot frees disk in pieces. */
  segmentBytes: 64 * MB,
  /** Elements of a key. Each costs a look-up of all that is before it, so the work grows with the square. */
  pathDepthMax: 2000,
  /** How long the front end polls for a reply that is due, before it sleeps: native-bench, "set-1". */
  frontEndPollMs: 0.2,
  /**
   * How long the store worker spins at most for a command that is expected soon (`SpinPolicy`): "set-1", "watch-stream". Far
   * longer than that takes, since a spinner that goes on is left a core of its own (`SpinTrial`).
   */
  storeSpinMs: 2,
  /**
   * At longer intervals commands are not waited for: a core would be burnt for little. Without spins a single client of a slow
   * machine has longer ones than with them, so with half of this there was never a first spin where waking a thread takes
   * 0.1 ms ("set-1": its p50 was 2.5 times as long).
   */
  waitedIntervalMsMax: 0.4,
  /** The same with a journal. A single client waits for the disk each time: "durable-1" gains nothing. */
  durableWaitedIntervalMsMax: 0.2,
  /** How long the journal worker spins at most. */
  journalSpinMs: 0.2,
  /** How long a page about this server waits for what the store says; then it is told without. */
  storeReadingMsMax: 1000,
  /** Of each front end: checks of passwords, and passwords to be hashed, that may wait. Each takes a tenth of a second. */
  passwordQueueMax: 64,
  /** The same of one user, so that guesses at its password do not fill the line of all others. */
  passwordQueuePerUserMax: 8,
  /** Of each front end: credentials that were right, and how long after their last use they are remembered. */
  rememberedPasswordsMax: 10_000,
  rememberedPasswordMsMax: 300_000,
  /** SIGTERM: how long requests in flight may take. */
  drainMsMax: 4000,
  /** After that: how long the store worker may go on with what was asked of it, for which nobody waits any more. */
  storeStopMsMax: 500,
} as const;

/** Why no server can be like this; undefined when one can. */
export function faultOf(config: ServerConfig): string | undefined {
  const { frontEnds, maxRequestBytes, maxBodyBytesInFlight, eventHistory, storeHeapMb } = config;
  const { frontEndsMax, bodyBytesMax, historyEventsMax, storeHeapMbMin } = LIMITS;
  if (!Number.isInteger(frontEnds) || frontEnds < 1 || frontEnds > frontEndsMax) {
    return `there can be 1 to ${frontEndsMax} front ends (--front-ends), not ${frontEnds}`;
  }
  if (maxBodyBytesInFlight < maxRequestBytes) {
    const room = `${maxBodyBytesInFlight} bytes for all (--max-body-bytes-in-flight)`;
    return `a request of ${maxRequestBytes} bytes (--max-request-bytes) could never be taken with ${room}`;
  }
  if (maxBodyBytesInFlight > bodyBytesMax) return `--max-body-bytes-in-flight can be ${bodyBytesMax} at most`;
  if (!(storeHeapMb >= storeHeapMbMin)) return `--store-heap-mb must be ${storeHeapMbMin} MB or more`;
  return eventHistory > historyEventsMax ? `--event-history can be ${historyEventsMax} at most` : undefined;
}
