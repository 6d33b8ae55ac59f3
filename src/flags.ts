/** The flags of the server: their names, which are etcd's where etcd has one, their variables, and what may stand behind them. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULTS, LIMITS, LOG_LEVELS } from './config.ts';
import { parseListenUrl } from './listen-options.ts';
import { parseCorsOrigins } from './protocol/cors.ts';

export const SERVER_FLAGS: readonly Option[] = [
  flag('--name <name>', 'name of this member').default(DEFAULTS.name),
  flag('--listen-client-urls <urls>', 'URLs to serve clients on, comma separated')
    .default([...DEFAULTS.listenClientUrls], DEFAULTS.listenClientUrls.join(','))
    .argParser(urlList),
  flag('--advertise-client-urls <urls>', 'URLs that members and machines tell')
    .default([], 'the URLs listened on')
    .argParser(urlList),
  flag('--listen-metrics-urls <urls>', 'further URLs to serve /metrics and /health on')
    .default([], 'none')
    .argParser(metricsUrlList),
  flag('--cert-file <file>', 'certificate for https URLs'),
  flag('--key-file <file>', 'key of the certificate'),
  flag('--trusted-ca-file <file>', 'CAs of clients, who must have a certificate then'),
  claimFlag('--client-cert-auth', 'require a client certificate on https URLs').default(DEFAULTS.clientCertAuth),
  flag('--cors <origins>', 'origins whose scripts may read answers, comma separated; *: all')
    .default(DEFAULTS.cors)
    .argParser(originList),
  claimFlag('--in-memory', 'keep nothing on disk').default(DEFAULTS.inMemory),
  flag('--data-dir <directory>', 'where data is kept (default: <name>.uetcd)'),
  count('--snapshot-count <commands>', 'write commands between two snapshots', DEFAULTS.snapshotCount),
  claimFlag('--force-recover', 'keep what is valid of a damaged journal, move the rest aside').default(
    DEFAULTS.forceRecover,
  ),
  count('--event-history <events>', 'how many events a watch can look back', DEFAULTS.eventHistory),
  count('--max-request-bytes <bytes>', 'greatest form body of a request', DEFAULTS.maxRequestBytes),
  count('--front-ends <threads>', 'threads that serve clients', DEFAULTS.frontEnds),
  count('--max-connections <connections>', 'connections of clients at a time', DEFAULTS.maxConnections),
  count('--max-in-flight <requests>', 'requests without an answer, of each front end', DEFAULTS.maxInFlight),
  count(
    '--max-body-bytes-in-flight <bytes>',
    'large forms at a time, of each front end',
    DEFAULTS.maxBodyBytesInFlight,
  ),
  count(
    '--max-answer-bytes-in-flight <bytes>',
    'large answers that their readers do not have yet',
    DEFAULTS.maxAnswerBytesInFlight,
  ),
  count('--max-watchers <watchers>', 'open watches at a time', DEFAULTS.maxWatchers),
  count('--max-watchers-per-client <watchers>', 'open watches of one client address', DEFAULTS.maxWatchersPerClient),
  count('--max-stream-backlog-bytes <bytes>', 'how far a stream may be behind', DEFAULTS.maxStreamBacklogBytes),
  count('--max-stall-ms <ms>', 'how long a reader of a large answer may take nothing', DEFAULTS.maxStallMs),
  count(
    '--gzip-from-bytes <bytes>',
    'compress listings of this size for who asks; 0: never',
    DEFAULTS.gzipFromBytes,
    wholeNumber,
  ),
  flag('--store-heap-mb <megabytes>', 'heap of the store')
    .default(DEFAULTS.storeHeapMb, 'half of the memory')
    .argParser(positiveInteger),
  count('--slow-request-ms <ms>', 'log answers that take so long; 0: never', DEFAULTS.slowRequestMs, wholeNumber),
  flag('--log-level <level>', 'how much to log').default(DEFAULTS.logLevel).choices(LOG_LEVELS),
];

/** `--like-this`, or ETCD_LIKE_THIS in the environment. */
function flag(flags: string, description: string): Option {
  const option = new Option(flags, description);
  const variable = `ETCD_${option.name().replaceAll('-', '_').toUpperCase()}`;
  // As with etcd, a variable without a value says nothing.
  if (process.env[variable] === '') delete process.env[variable];
  return option.env(variable);
}

/** @param parse gives the number, or throws. */
function count(flags: string, description: string, usual: number, parse = positiveInteger): Option {
  return flag(flags, description).default(usual).argParser(parse);
}

export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

function wholeNumber(text: string): number {
  return text === '0' ? 0 : positiveInteger(text);
}

/** For a command that starts no server: of a server's flags `faultOf` knows the bounds. */
export function heapMegabytes(text: string): number {
  const megabytes = positiveInteger(text);
  if (megabytes >= LIMITS.storeHeapMbMin) return megabytes;
  throw new InvalidArgumentError(`It must be ${LIMITS.storeHeapMbMin} or more.`);
}

function urlList(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim());
  for (const url of urls) checked(url, parseListenUrl);
  return urls;
}

/** As with etcd, an empty list is none. */
function metricsUrlList(text: string): string[] {
  return text === '' ? [] : urlList(text);
}

function originList(text: string): string {
  checked(text, parseCorsOrigins);
  return text;
}

/** Go's words for a claim, as they stand behind etcd's flags and in its variables. */
const YES: readonly string[] = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const NO: readonly string[] = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

function claim(text: string): boolean {
  if (YES.includes(text)) return true;
  if (NO.includes(text)) return false;
  throw new InvalidArgumentError('It must be true or false.');
}

/** A flag that says yes by being there, and takes etcd's `--flag=false`; a variable has to say which. */
function claimFlag(name: string, description: string): Option {
  return flag(`${name} [boolean]`, description).preset('true').argParser(claim);
}

function checked(text: string, parse: (text: string) => unknown): void {
  try {
    parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
