#!/usr/bin/env node
/** The command line: flags, exit codes, signals. Flag names are etcd's where etcd has one. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULTS, LOG_LEVELS, type ServerConfig } from './config.ts';
import { parseListenUrl, type RunningServer, startServer } from './server.ts';
import { packageVersion } from './version.ts';

const FAILURE_EXIT_CODE = 1;

function flag(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable);
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

function wholeNumber(text: string): number {
  return text === '0' ? 0 : positiveInteger(text);
}

function urlList(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim());
  for (const url of urls) {
    try {
      parseListenUrl(url);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  }
  return urls;
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
      .argParser(urlList),
  )
  .addOption(flag('--in-memory', 'keep nothing on disk', 'ETCD_IN_MEMORY').default(DEFAULTS.inMemory))
  .addOption(flag('--data-dir <directory>', 'where data is kept (default: <name>.uetcd)', 'ETCD_DATA_DIR'))
  .addOption(
    flag('--snapshot-count <commands>', 'write commands between two snapshots', 'ETCD_SNAPSHOT_COUNT')
      .default(DEFAULTS.snapshotCount)
      .argParser(positiveInteger),
  )
  .addOption(
    flag(
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
    flag('--max-watchers <watchers>', 'open watches at a time', 'ETCD_MAX_WATCHERS')
      .default(DEFAULTS.maxWatchers)
      .argParser(positiveInteger),
  )
  .addOption(
    flag('--store-heap-mb <megabytes>', 'heap of the store', 'ETCD_STORE_HEAP_MB')
      .default(DEFAULTS.storeHeapMb, 'half of the memory')
      .argParser(positiveInteger),
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
  .action(async (options: ServerConfig) => run(options));

async function run(config: ServerConfig): Promise<void> {
  const server = await startServer(config);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(server));
}

let isStopping = false;

/** The first signal lets requests finish; the second ends the process at once. */
function stop(server: RunningServer): void {
  if (isStopping) process.exit(FAILURE_EXIT_CODE);
  isStopping = true;
  server.close().then(() => process.exit(0), fail);
}

function fail(error: unknown): void {
  process.stderr.write(`uetcd: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(FAILURE_EXIT_CODE);
}

program.parseAsync().catch(fail);
