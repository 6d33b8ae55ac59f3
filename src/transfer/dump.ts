/** `uetcd dump`: from a source to JSON lines. */
import type { ByteString } from '../base/byte-string.ts';
import { keysAndDirectories } from './counted.ts';
import { openDirectorySource } from './directory-source.ts';
import { type ClientTls, parseEndpoint } from './etcd-client.ts';
import { encodeEnd, encodeHeader, encodeNode } from './json-lines.ts';
import { openLiveSource } from './live-source.ts';
import { FileOutput, type Output, StdoutOutput } from './output.ts';
import { Progress, type Terminal } from './progress.ts';
import type { Source } from './transfer-node.ts';

export interface DumpOptions extends ClientTls {
  /** A server; unless there is a `dataDir`. */
  readonly endpoint: string;
  /** A data directory that no server has. */
  readonly dataDir?: string;
  /** stdout unless there is one. */
  readonly output?: string;
  /** From a server, takes U+FFFD for bytes that its API does not show, instead of refusing. */
  readonly lossy?: boolean;
  /** V8 heap for the keys of a data directory. */
  readonly storeHeapMb: number;
}

/** @returns a summary, in one line. Throws when the dump is not whole; then nothing has the name of `output`. */
export async function dump(options: DumpOptions, terminal: Terminal): Promise<string> {
  const { endpoint, dataDir, output, lossy = false, storeHeapMb } = options;
  if (dataDir !== undefined) {
    const source = await openDirectorySource(dataDir, storeHeapMb);
    return writeDump(source, output, terminal);
  }
  const source = await openLiveSource(parseEndpoint(endpoint), lossy, options);
  const summary = await writeDump(source, output, terminal);
  return `${summary}; the API does not list hidden keys${lossyPart(source.lossyCount())}`;
}

export function lossyPart(count: number): string {
  return count === 0 ? '' : `; ${count} times U+FFFD stands for bytes that it does not show`;
}

async function writeDump(source: Source, path: string | undefined, terminal: Terminal): Promise<string> {
  try {
    if (path === undefined) return await writeLines(source, new StdoutOutput(), terminal);
    const file = new FileOutput(path);
    try {
      return await writeLines(source, file, terminal);
    } catch (error) {
      file.abandon();
      throw error;
    }
  } finally {
    await source.close();
  }
}

async function writeLines(source: Source, output: Output, terminal: Terminal): Promise<string> {
  const progress = new Progress(terminal);
  const { name, etcdIndex, includesHidden } = source;
  let nodeCount = 0;
  let directoryCount = 0;
  try {
    await output.write(bytesOf(encodeHeader({ source: name, etcdIndex, includesHidden, timeMs: Date.now() })));
    for await (const batch of source.batches) {
      await output.write(bytesOf(batch.map(encodeNode).join('') as ByteString));
      nodeCount += batch.length;
      for (const { value } of batch) if (value === undefined) directoryCount++;
      progress.report(nodeCount);
    }
    await output.write(bytesOf(encodeEnd(nodeCount)));
    await output.finish();
  } finally {
    progress.clear();
  }
  const what = keysAndDirectories(nodeCount - directoryCount, directoryCount);
  return `dumped ${what} of ${name} at index ${etcdIndex} in ${progress.elapsedSeconds().toFixed(1)} s`;
}

function bytesOf(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}
