/** What a program asks of a server. It is looked at here as a command line is by its parser: JavaScript knows no types. */
import { inspect } from 'node:util';
import { DEFAULTS, LOG_LEVELS, type ServerConfig } from './config.ts';

/** All of it optional: see `DEFAULTS`. */
export interface StartOptions extends Partial<ServerConfig> {
  /** Short for a listen URL on `host`; 0 for a free port. Wins over `listenClientUrls`. */
  readonly port?: number;
  /** 127.0.0.1 unless told. */
  readonly host?: string;
  /** Called when the server cannot go on (its store has crashed). Default: says so on stderr and ends the process. */
  readonly onFatal?: (error: Error) => void;
  /** Gives up a start: it rejects with the signal's reason, and leaves nothing behind. Of no meaning once the server serves. */
  readonly signal?: AbortSignal;
}

/**
 * @returns what the options say, and the defaults for all else: for an option that is undefined, too.
 * Throws a TypeError that names an option which there is not, or which is nothing of its kind.
 */
export function configOf(options: StartOptions): ServerConfig {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    // A mistyped `inMemory` would be a server on disk.
    if (!Object.hasOwn(KINDS, name)) throw new TypeError(`there is no option "${name}"`);
    const { words, holds } = KINDS[name as keyof StartOptions];
    if (!holds(value)) throw new TypeError(`the option ${name} must be ${words}, not ${inspect(value, { depth: 0 })}`);
  }
  return { ...DEFAULTS, logLevel: 'silent', ...Object.fromEntries(given) };
}

interface Kind {
  readonly words: string;
  readonly holds: (value: unknown) => boolean;
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const isText = (value: unknown): boolean => typeof value === 'string';

const TEXT: Kind = { words: 'a string', holds: isText };
const CLAIM: Kind = { words: 'true or false', holds: (value) => typeof value === 'boolean' };
const COUNT: Kind = { words: 'a whole number above 0', holds: (value) => isWhole(value) && value > 0 };
const COUNT_OR_NONE: Kind = { words: 'a whole number', holds: (value) => isWhole(value) && value >= 0 };
const URLS: Kind = { words: 'an array of URLs', holds: (value) => Array.isArray(value) && value.every(isText) };

const KINDS: { readonly [name in keyof Required<StartOptions>]: Kind } = {
  name: TEXT,
  listenClientUrls: {
    words: 'an array of one URL or more',
    holds: (value) => URLS.holds(value) && (value as unknown[]).length > 0,
  },
  advertiseClientUrls: URLS,
  listenMetricsUrls: URLS,
  certFile: TEXT,
  keyFile: TEXT,
  trustedCaFile: TEXT,
  clientCertAuth: CLAIM,
  cors: TEXT,
  inMemory: CLAIM,
  dataDir: TEXT,
  snapshotCount: COUNT,
  forceRecover: CLAIM,
  eventHistory: COUNT,
  maxRequestBytes: COUNT,
  frontEnds: COUNT,
  maxConnections: COUNT,
  maxInFlight: COUNT,
  maxBodyBytesInFlight: COUNT,
  maxAnswerBytesInFlight: COUNT,
  maxWatchers: COUNT,
  maxWatchersPerClient: COUNT,
  maxStreamBacklogBytes: COUNT,
  maxStallMs: COUNT,
  gzipFromBytes: COUNT_OR_NONE,
  storeHeapMb: COUNT,
  slowRequestMs: COUNT_OR_NONE,
  logLevel: {
    words: `one of ${LOG_LEVELS.join(', ')}`,
    holds: (value) => (LOG_LEVELS as readonly unknown[]).includes(value),
  },
  port: { words: 'a port, or 0 for a free one', holds: (value) => isWhole(value) && value >= 0 && value <= 65_535 },
  host: TEXT,
  onFatal: { words: 'a function', holds: (value) => typeof value === 'function' },
  // Not by its class: a test environment may have one of its own.
  signal: { words: 'an AbortSignal', holds: (value) => typeof (value as AbortSignal)?.addEventListener === 'function' },
};
