/**
 * uWebSockets.js alone: `node uws-responder.ts PORT`. A GET gets a constant, a PUT or POST has its body read and gets
 * a constant. With `wait` a GET waits for the next write to its path: just enough of a watch hub, in the same thread,
 * to show what the kernel and the library cost when nothing else does. It keeps no store and no history; a long poll
 * that comes too late (`waitIndex` at or below the last index) is given the last event of its path. Heads may be as large
 * as with uetcd, since that is what large ones cost.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { uWS } from '../../../src/front/connections/library.ts';
import { CONSTANT_ANSWER } from './constant-answer.ts';

interface Watch {
  readonly response: HttpResponse;
  readonly isStream: boolean;
}

const watchesByPath = new Map<string, Set<Watch>>();
const lastEventByPath = new Map<string, { index: number; text: string }>();
let index = 1;

uWS
  .App()
  .get('/*', (response, request) => {
    const query = request.getQuery();
    if (query?.includes('wait=true')) acceptWatch(response, request, query);
    else answer(response);
  })
  .any('/*', readBody)
  .listen('127.0.0.1', Number(process.argv[2]), (socket) => {
    if (!socket) process.exit(1);
  });

function answer(response: HttpResponse): void {
  response.writeHeader('Content-Type', 'application/json').end(CONSTANT_ANSWER);
}

function readBody(response: HttpResponse, request: HttpRequest): void {
  const path = request.getUrl();
  let body = '';
  response.onAborted(() => {});
  response.onData((chunk, isLast) => {
    body += Buffer.from(chunk).latin1Slice();
    if (!isLast) return;
    answer(response);
    index++;
    const watches = watchesByPath.get(path);
    // After the handler: inside it the library's one cork buffer is the setter's, and every write to a watcher would
    // leave in several pieces; and the setter need not wait for the watchers.
    if (watches !== undefined) setImmediate(notify, path, watches, body, index);
  });
}

function acceptWatch(response: HttpResponse, request: HttpRequest, query: string): void {
  const path = request.getUrl();
  const watches = watchesByPath.get(path) ?? new Set<Watch>();
  watchesByPath.set(path, watches);
  const watch: Watch = { response, isStream: query.includes('stream=true') };
  response.onAborted(() => watches.delete(watch));
  response.writeHeader('Content-Type', 'application/json');
  // The first byte of the event makes the headers leave.
  response.write('{');
  const waitIndex = Number(/waitIndex=(\d+)/.exec(query)?.[1] ?? index + 1);
  const last = lastEventByPath.get(path);
  if (last !== undefined && waitIndex <= last.index) response.end(last.text.slice(1));
  else watches.add(watch);
}

function notify(path: string, watches: Set<Watch>, body: string, index: number): void {
  const key = path.slice('/v2/keys'.length);
  const value = body.slice('value='.length);
  const text = `{"action":"set","node":{"key":"${key}","value":"${value}","modifiedIndex":${index},"createdIndex":${index}}}\n`;
  lastEventByPath.set(path, { index, text });
  const rest = text.slice(1);
  const restAndNext = `${rest}{`;
  for (const watch of watches) {
    if (watch.isStream) watch.response.cork(() => watch.response.write(restAndNext));
    else {
      watches.delete(watch);
      watch.response.cork(() => watch.response.end(rest));
    }
  }
}
