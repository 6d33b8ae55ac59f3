/** `uetcd load`: from JSON lines, or from another server, into a server. */
import { createReadStream } from 'node:fs';
import { type ByteString, byteStringOf, textOf } from '../base/byte-string.ts';
import { needsCleaning } from '../protocol/path.ts';
import { keysAndDirectories } from './counted.ts';
import { lossyPart } from './dump.ts';
import { readDump } from './dump-reader.ts';
import { type ClientTls, EtcdClient, parseEndpoint } from './etcd-client.ts';
import { openLiveSource } from './live-source.ts';
import { Loader } from './loader.ts';
import { Progress, type Terminal } from './progress.ts';
import type { TransferNode } from './transfer-node.ts';

/** The files are for both servers, where there are two. */
export interface LoadOptions extends ClientTls {
  /** The server to write into. */
  readonly endpoint: string;
  /** The server to read from, in place of a dump. */
  readonly from?: string;
  /** From a server, takes U+FFFD for bytes that its API does not show, instead of refusing. */
  readonly lossy?: boolean;
  /** Requests at a time. */
  readonly concurrency: number;
  /** A directory under which all is put. */
  readonly prefix?: string;
  /** Leaves alone what is there. */
  readonly ifAbsent?: boolean;
}

/**
 * @param dump a file, which is looked through before anything is written; or a stream, which cannot be.
 * @returns a summary, in one line. Throws with how much has been written when not all could be.
 */
export async function load(
  dump: string | AsyncIterable<Buffer>,
  options: LoadOptions,
  terminal: Terminal,
): Promise<string> {
  const prefix = parsePrefix(options.prefix);
  const endpoint = parseEndpoint(options.endpoint);
  if (options.from !== undefined) return loadFrom(parseEndpoint(options.from), endpoint, prefix, options, terminal);
  if (typeof dump !== 'string') return write(readDump(dump), undefined, endpoint, prefix, options, terminal);
  const nodeCount = await countNodes(dump);
  return write(readDump(createReadStream(dump)), nodeCount, endpoint, prefix, options, terminal);
}

async function loadFrom(
  from: URL,
  endpoint: URL,
  prefix: ByteString,
  options: LoadOptions,
  terminal: Terminal,
): Promise<string> {
  const source = await openLiveSource(from, options.lossy ?? false, options);
  try {
    const summary = await write(source.batches, undefined, endpoint, prefix, options, terminal);
    const { name, etcdIndex } = source;
    const lossy = lossyPart(source.lossyCount());
    return `${summary}, from ${name} at index ${etcdIndex}; its API does not list hidden keys${lossy}`;
  } finally {
    await source.close();
  }
}

/** Reads the whole dump, and throws when it is not whole. */
async function countNodes(path: string): Promise<number> {
  let count = 0;
  for await (const batch of readDump(createReadStream(path))) count += batch.length;
  return count;
}

async function write(
  batches: AsyncIterable<readonly TransferNode[]>,
  total: number | undefined,
  endpoint: URL,
  prefix: ByteString,
  { concurrency, ifAbsent = false, caFile, certFile, keyFile }: LoadOptions,
  terminal: Terminal,
): Promise<string> {
  const client = new EtcdClient(endpoint, concurrency, { caFile, certFile, keyFile });
  const loader = new Loader(client, { concurrency, prefix, isIfAbsent: ifAbsent });
  const progress = new Progress(terminal, total);
  try {
    await client.check();
    for await (const batch of batches) {
      await loader.take(batch);
      progress.report(loader.nodeCount);
    }
    await loader.finish();
  } catch (error) {
    await loader.settle();
    throw loader.nodeCount === 0 ? error : withCounts(error, loader);
  } finally {
    progress.clear();
    client.close();
  }
  return `loaded ${summaryOf(loader)} into ${client.name}${textOf(prefix)} in ${progress.elapsedSeconds().toFixed(1)} s`;
}

function summaryOf({ counts }: Loader): string {
  const { keys, directories, expired, existing } = counts;
  const skipped = [
    ...(expired === 0 ? [] : [`${expired} had expired`]),
    ...(existing === 0 ? [] : [`${existing} were there already`]),
  ];
  const suffix = skipped.length === 0 ? '' : ` (${skipped.join(', ')})`;
  return `${keysAndDirectories(keys, directories)}${suffix}`;
}

function withCounts(error: unknown, { counts }: Loader): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`${reason}; loaded before that: ${keysAndDirectories(counts.keys, counts.directories)}`, {
    cause: error,
  });
}

function parsePrefix(text = ''): ByteString {
  const prefix = byteStringOf(text).replace(/\/$/, '') as ByteString;
  if (prefix !== '' && needsCleaning(prefix)) throw new Error(`"${text}" is not a prefix: /DIRECTORY is`);
  return prefix;
}
