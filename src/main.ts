#!/usr/bin/env node
/**
 * The command line: commands, exit codes, signals. Without a command it serves, as its flags say (`flags.ts`).
 */
import { Command, Option } from 'commander';
import { DEFAULTS, type ServerConfig } from './config.ts';
import { heapMegabytes, positiveInteger, SERVER_FLAGS } from './flags.ts';
import { type RunningServer, startServer } from './server.ts';
import type { DumpOptions } from './transfer/dump.ts';
import type { LoadOptions } from './transfer/load.ts';
import { ReaderGoneError } from './transfer/output.ts';
import { packageVersion } from './version.ts';

const FAILURE_EXIT_CODE = 1;
/** What a shell reports of a process that such a signal has ended. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;

const program = new Command('uetcd')
  .description('A fast server for the etcd v2 HTTP API.')
  .version(packageVersion(), '--version')
  .showSuggestionAfterError(false)
  .allowExcessArguments(false)
  // `--data-dir` before a command is the server's, behind it the command's.
  .enablePositionalOptions()
  .action(async (options: ServerConfig) => run(withoutEmpty(options)));
for (const flag of SERVER_FLAGS) program.addOption(flag);

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
      'endpoint',
      'lossy',
      'caFile',
      'certFile',
      'keyFile',
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
  // Unless somebody listens Node.js opens a debugger's port, to all users of the machine.
  process.on('SIGUSR1', () => {});
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
