#!/usr/bin/env node
/**
 * The command line: commands, flags, exit codes, signals. Without a command it serves; names of flags are etcd's where
 * etcd has one.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULTS, LIMITS, LOG_LEVELS, type ServerConfig } from './config.ts';
import { parseListenUrl } from './listen-options.ts';
import { parseCorsOrigins } from './protocol/cors.ts';
import { type RunningServer, startServer } from './server.ts';
import type { DumpOptions } from './transfer/dump.ts';
import type { LoadOptions } from './transfer/load.ts';
import { ReaderGoneError } from './transfer/output.ts';
import { packageVersion } from './version.ts';

const FAILURE_EXIT_CODE = 1;
/** What a shell reports of a process that such a signal has ended. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;

function flag(flags: string, description: string, variable: string): Option {
  // As with etcd, a variable without a value says nothing.
  if (process.env[variable] === '') delete process.env[variable];
  return new Option(flags, description).env(variable);
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

function wholeNumber(text: string): number {
  return text === '0' ? 0 : positiveInteger(text);
}

function frontEndCount(text: string): number {
  const count = positiveInteger(text);
  if (count > LIMITS.frontEndsMax) throw new InvalidArgumentError(`It must be 1 to ${LIMITS.frontEndsMax}.`);
  return count;
}

function heapMegabytes(text: string): number {
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
function claimFlag(name: string, description: string, variable: string): Option {
  return flag(`${name} [boolean]`, description, variable).preset('true').argParser(claim);
}

function checked(text: string, parse: (text: string) => unknown): void {
  try {
    parse(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const program = new Command('uetcd')
  .description('A fast server for the etcd v2 HTTP API.')
  .version(packageVersion(), '--version')
  .addOption(flag('--name <name>', 'name of this member', 'ETCD_NAME').default(DEFAULTS.name))
  .addOption(
    flag('--listen-client-urls <urls>', 'URLs to serve clients on, comma separated', 'ETCD_LISTEN_CLIENT_URLS')
      .default([...DEFAULTS.listenClientUrls], DEFAULTS.listenClientUrls.join(','))
      .argParser(urlList),
  )
  .addOption(
    flag('--advertise-client-urls <urls>', 'URLs that members and machines tell', 'ETCD_ADVERTISE_CLIENT_URLS')
      .default([], 'the URLs listened on')
      .argParser(urlList),
  )
  .addOption(
    flag('--listen-metrics-urls <urls>', 'further URLs to serve /metrics and /health on', 'ETCD_LISTEN_METRICS_URLS')
      .default([], 'none')
      .argParser(metricsUrlList),
  )
  .addOption(flag('--cert-file <file>', 'certificate for https URLs', 'ETCD_CERT_FILE'))
  .addOption(flag('--key-file <file>', 'key of the certificate', 'ETCD_KEY_FILE'))
  .addOption(
    flag('--trusted-ca-file <file>', 'CAs of clients, who must have a certificate then', 'ETCD_TRUSTED_CA_FILE'),
  )
  .addOption(
    claimFlag('--client-cert-auth', 'require a client certificate on https URLs', 'ETCD_CLIENT_CERT_AUTH').default(
      DEFAULTS.clientCertAuth,
    ),
  )
  .addOption(
    flag('--cors <origins>', 'origins whose scripts may read answers, comma separated; *: all', 'ETCD_CORS')
      .default(DEFAULTS.cors)
      .argParser(originList),
  )
  .addOption(claimFlag('--in-memory', 'keep nothing on disk', 'ETCD_IN_MEMORY').default(DEFAULTS.inMemory))
  .addOption(flag('--data-dir <directory>', 'where data is kept (default: <name>.uetcd)', 'ETCD_DATA_DIR'))
  .addOption(
    flag('--snapshot-count <commands>', 'write commands between two snapshots', 'ETCD_SNAPSHOT_COUNT')
      .default(DEFAULTS.snapshotCount)
      .argParser(positiveInteger),
  )
  .addOption(
    claimFlag(
      '--force-recover',
      'keep what is valid of a damaged journal, move the rest aside',
      'ETCD_FORCE_RECOVER',
    ).default(DEFAULTS.forceRecover),
  )
  .addOption(
    flag('--event-history <events>', 'how many events a watch can look back', 'ETCD_EVENT_HISTORY')
      .default(DEFAULTS.eventHistory)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--max-request-bytes <bytes>', 'greatest form body of a request', 'ETCD_MAX_REQUEST_BYTES')
      .default(DEFAULTS.maxRequestBytes)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--front-ends <threads>', 'threads that serve clients', 'ETCD_FRONT_ENDS')
      .default(DEFAULTS.frontEnds)
      .argParser(frontEndCount),
  )
  .addOption(
    flag('--max-connections <connections>', 'connections of clients at a time', 'ETCD_MAX_CONNECTIONS')
      .default(DEFAULTS.maxConnections)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--max-in-flight <requests>', 'requests without an answer, of each front end', 'ETCD_MAX_IN_FLIGHT')
      .default(DEFAULTS.maxInFlight)
      .argParser(positiveInteger),
  )
  .addOption(
    flag(
      '--max-body-bytes-in-flight <bytes>',
      'large forms at a time, of each front end',
      'ETCD_MAX_BODY_BYTES_IN_FLIGHT',
    )
      .default(DEFAULTS.maxBodyBytesInFlight)
      .argParser(positiveInteger),
  )
  .addOption(
    flag(
      '--max-answer-bytes-in-flight <bytes>',
      'large answers that their readers do not have yet',
      'ETCD_MAX_ANSWER_BYTES_IN_FLIGHT',
    )
      .default(DEFAULTS.maxAnswerBytesInFlight)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--max-watchers <watchers>', 'open watches at a time', 'ETCD_MAX_WATCHERS')
      .default(DEFAULTS.maxWatchers)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--max-watchers-per-client <watchers>', 'open watches of one client address', 'ETCD_MAX_WATCHERS_PER_CLIENT')
      .default(DEFAULTS.maxWatchersPerClient)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--max-stream-backlog-bytes <bytes>', 'how far a stream may be behind', 'ETCD_MAX_STREAM_BACKLOG_BYTES')
      .default(DEFAULTS.maxStreamBacklogBytes)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--max-stall-ms <ms>', 'how long a reader of a large answer may take nothing', 'ETCD_MAX_STALL_MS')
      .default(DEFAULTS.maxStallMs)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--gzip-from-bytes <bytes>', 'compress listings of this size for who asks; 0: never', 'ETCD_GZIP_FROM_BYTES')
      .default(DEFAULTS.gzipFromBytes)
      .argParser(wholeNumber),
  )
  .addOption(
    flag('--store-heap-mb <megabytes>', 'heap of the store', 'ETCD_STORE_HEAP_MB')
      .default(DEFAULTS.storeHeapMb, 'half of the memory')
      .argParser(heapMegabytes),
  )
  .addOption(
    flag('--slow-request-ms <ms>', 'log answers that take so long; 0: never', 'ETCD_SLOW_REQUEST_MS')
      .default(DEFAULTS.slowRequestMs)
      .argParser(wholeNumber),
  )
  .addOption(
    flag('--log-level <level>', 'how much to log', 'ETCD_LOG_LEVEL').default(DEFAULTS.logLevel).choices(LOG_LEVELS),
  )
  .showSuggestionAfterError(false)
  .allowExcessArguments(false)
  // `--data-dir` before a command is the server's, behind it the command's.
  .enablePositionalOptions()
  .action(async (options: ServerConfig) => run(withoutEmpty(options)));

const ENDPOINT = new Option('--endpoint <url>', 'the server').default(DEFAULTS.listenClientUrls[0]);
const LOSSY = new Option('--lossy', 'takes U+FFFD for bytes that the API of a server does not show');
/** etcdctl's names. */
const CA_FILE = new Option('--ca-file <file>', 'CAs of an https server, in place of the known ones');
const CERT_FILE = new Option('--cert-file <file>', 'certificate for a server that wants one');
const KEY_FILE = new Option('--key-file <file>', 'key of the certificate');
const CONCURRENCY_DEFAULT = 32;

program
  .command('dump')
  .description('Writes the whole key space as JSON lines, for backup and moving.')
  .addOption(ENDPOINT)
  .addOption(
    new Option('--data-dir <directory>', 'reads a data directory that no server has, hidden keys too').conflicts([
      ...['endpoint', 'lossy', 'caFile', 'certFile', 'keyFile'],
    ]),
  )
  .addOption(CA_FILE)
  .addOption(CERT_FILE)
  .addOption(KEY_FILE)
  .option('--output <file>', 'writes a file instead of stdout')
  .addOption(LOSSY)
  .addOption(
    new Option('--store-heap-mb <megabytes>', 'heap for the keys of a data directory')
      .default(DEFAULTS.storeHeapMb, 'half of the memory')
      .argParser(heapMegabytes),
  )
  .showSuggestionAfterError(false)
  .allowExcessArguments(false)
  .action(async (options: DumpOptions) => {
    // Lines of the dump and a line of progress on one screen would be neither.
    const isScreenTaken = options.output === undefined && process.stdout.isTTY;
    const progress = isScreenTaken ? { write: () => {} } : process.stderr;
    await transfer(import('./transfer/dump.ts').then(({ dump }) => dump(options, progress)));
  });

program
  .command('load')
  .description('Loads a dump, or the keys of another etcd v2, into a server.')
  .argument('[file]', 'a dump; stdin when left out')
  .addOption(ENDPOINT)
  .option('--from <url>', 'reads a server, uetcd or etcd, instead of a dump')
  .addOption(CA_FILE)
  .addOption(CERT_FILE)
  .addOption(KEY_FILE)
  .option('--prefix <directory>', 'puts all under a directory')
  .option('--if-absent', 'leaves alone what is there')
  .addOption(LOSSY)
  .addOption(
    new Option('--concurrency <requests>', 'requests at a time')
      .default(CONCURRENCY_DEFAULT)
      .argParser(positiveInteger),
  )
  .showSuggestionAfterError(false)
  .allowExcessArguments(false)
  .action(async (file: string | undefined, options: LoadOptions) => {
    const { from } = options;
    if (file !== undefined && from !== undefined) throw new Error('either a dump or --from, not both');
    if (file === undefined && from === undefined && process.stdin.isTTY) {
      throw new Error('name a dump, send one to stdin, or name a server with --from');
    }
    const source = file ?? process.stdin;
    await transfer(import('./transfer/load.ts').then(({ load }) => load(source, options, process.stderr)));
  });

/** The two commands are loaded by whom they concern only. @param work resolves to what is said at its end. */
async function transfer(work: Promise<string>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}uetcd: interrupted\n`);
      process.exit(SIGNAL_EXIT_CODES[signal]);
    });
  }
  process.stderr.write(`uetcd: ${await work}\n`);
}

/** As with etcd, an empty name of a file or a directory is none. */
function withoutEmpty(options: ServerConfig): Partial<ServerConfig> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== ''));
}

async function run(config: Partial<ServerConfig>): Promise<void> {
  let serving: RunningServer | undefined;
  let isReloadDue = false;
  const reload = () => {
    // While it starts it may have read them already, on some of its threads.
    isReloadDue = serving === undefined;
    serving?.reloadCertificates().catch(IS_LOGGED);
  };
  // Without certificates a server on a terminal ends with it.
  if (config.certFile !== undefined || !process.stdout.isTTY) process.on('SIGHUP', reload);
  const start = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(serving, start));
  try {
    serving = await startServer({ ...config, signal: start.signal });
  } catch (error) {
    if (start.signal.aborted) process.exit(0);
    throw error;
  }
  if (isReloadDue) reload();
}

const IS_LOGGED = () => {};

let isStopping = false;

/** The first signal lets requests finish, or gives up the start; the second ends the process at once. */
function stop(server: RunningServer | undefined, start: AbortController): void {
  if (isStopping) process.exit(FAILURE_EXIT_CODE);
  isStopping = true;
  if (server === undefined) start.abort();
  else server.close().then(() => process.exit(0), fail);
}

function fail(error: unknown): void {
  if (error instanceof ReaderGoneError) process.exit(SIGNAL_EXIT_CODES.SIGPIPE);
  process.stderr.write(`uetcd: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(FAILURE_EXIT_CODE);
}

program.parseAsync().catch(fail);
