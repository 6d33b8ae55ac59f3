/**
 * uWebSockets.js, loaded with our limit for the head of a request. It reads that from the environment, once, when it is loaded: so it is
 * required here, and nowhere imported but for its types. (An import would be loaded before anything is said, also before what stands
 * above it where modules are put together.) etcd takes heads of up to 1 MiB, the library by default 4 KiB, too little for long keys.
 */

import type Library from 'uWebSockets.js';
import { createRequire } from 'node:module';

const HEAD_SIZE_BYTES_MAX = 1024 * 1024;

process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(HEAD_SIZE_BYTES_MAX);

export const uWS: typeof Library = createRequire(import.meta.url)('uWebSockets.js');
