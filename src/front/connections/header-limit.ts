/**
 * uWebSockets.js reads its limit for the head of a request from the environment, once, when it is loaded; so this file
 * must be imported before it. etcd takes heads of up to 1 MiB, uWebSockets.js by default 4 KiB, too little for long keys.
 */
const HEAD_SIZE_BYTES_MAX = 1024 * 1024;

process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(HEAD_SIZE_BYTES_MAX);
