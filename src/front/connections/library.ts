/**
 * uWebSockets.js, loaded with our limit for the head of a request. It reads that from the environment, once, when it is loaded: so it is
 * required here, and nowhere imported but for its types. (An import would be loaded before anything is said, also before what stands
 * above it where modules are put together.) etcd takes heads of up to 1 MiB, the library by default 4 KiB, too little for long keys.
 */

import type Library from 'uWebSockets.js';
import { createRequire } from 'node:module';

const HEAD_SIZE_BYTES_MAX = 1024 * 1024;

export const uWS = load();

/** Throws when there is no binary for this Node.js. */
function load(): typeof Library {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(HEAD_SIZE_BYTES_MAX);
  try {
    return createRequire(import.meta.url)('uWebSockets.js');
  } catch (cause) {
    // Behind an empty line stands what the loader has said.
    const reason = /\n\n(.+)/.exec((cause as Error).message)?.[1] ?? (cause as Error).message;
    const where = `Node.js ${process.versions.node} on ${process.platform} ${process.arch}`;
    const advice = 'npm fetches the binary for the Node.js that it runs with, 20 or 22: install anew with this one';
    throw new Error(`uWebSockets.js cannot be loaded by ${where} (${reason}); ${advice}`, { cause });
  }
}
