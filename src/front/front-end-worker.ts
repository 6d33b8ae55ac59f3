/**
 * Entry of a front end with a thread of its own. It has no listening socket: the main thread's App hands connections over.
 *
 * uWebSockets.js lets no thread end that has an open connection: the process aborts. So whatever ends this thread, its
 * connections are closed first; and an exception that nobody has caught does not end it, but is told to the main thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { SharedWords } from '../frame/shared-words.ts';
import { afterHandedOver } from './connections/listener.ts';
import type { AppDescriptors } from './connections/listeners.ts';
import type { FromFrontEnd, ToFrontEnd } from './front-end-message.ts';
import { type FrontEndSetup, OpenFrontEnd } from './open-front-end.ts';

assert(parentPort !== null, 'a front end that is not the first has its own thread');
const say = (message: FromFrontEnd) => parentPort?.postMessage(message);
const onFatal = (error: unknown) => say({ kind: 'failed', error });

const setup = workerData as FrontEndSetup;
const opened = new OpenFrontEnd(setup, {
  onError: (error) => say({ kind: 'error', error }),
  onWarning: (fields, text) => say({ kind: 'warning', fields, text }),
  onFatal,
});
const { frontEnd, listeners } = opened;
process.on('uncaughtException', onFatal);
process.on('exit', () => {
  opened.close();
  new SharedWords(setup.words).noteFrontEndClosed(setup.number);
});
parentPort.on('message', (message: ToFrontEnd) => {
  switch (message.kind) {
    case 'serve':
      frontEnd.tellClientUrls(message.clientUrls);
      return;
    case 'renew':
      say({ kind: 'renewed', outcome: renewed() });
      return;
    case 'drain':
      afterHandedOver(() => opened.drain(() => say({ kind: 'drained' })));
      return;
    case 'close':
      afterHandedOver(() => void close());
      return;
  }
});
say({ kind: 'ready', descriptors: listeners.descriptors });

async function close(): Promise<void> {
  opened.close();
  await opened.closed();
  process.exit(0);
}

function renewed(): AppDescriptors | Error {
  try {
    opened.renewCertificates();
    return listeners.descriptors;
  } catch (error) {
    return error as Error;
  }
}
