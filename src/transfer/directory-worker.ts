/** Entry of the worker that reads a data directory: says what it has found, then sends a batch each time it is asked. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { readDirectory } from './directory-reader.ts';
import type { DirectoryMessage } from './directory-source.ts';

assert(parentPort !== null, 'the reader of a directory is a worker');
const port = parentPort;
const say = (message: DirectoryMessage) => port.postMessage(message);

const { etcdIndex, batches } = readDirectory(workerData as string);
const iterator = batches[Symbol.iterator]();
port.on('message', () => {
  const { done, value } = iterator.next();
  say({ kind: 'batch', nodes: done === true ? undefined : value });
  if (done === true) port.close();
});
say({ kind: 'ready', etcdIndex });
