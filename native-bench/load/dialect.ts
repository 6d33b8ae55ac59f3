/**
 * The same operations in the three tongues the peers speak. A request is a Latin-1 string ready for the socket.
 * Keys and values are plain ASCII letters, digits and slashes, so nothing needs an escape in any of them, but for `setText`.
 */
import type { AnswerReader, AnswerSink } from './answer.ts';
import { HttpReader } from './http-reader.ts';
import { RespReader } from './resp-reader.ts';

/** `v2`: the whole API. `bare`: HTTP of the same shape, answered by a constant. `redis`: RESP 2. */
export type DialectName = 'v2' | 'bare' | 'redis';

/** Whom the load goes to; plain data, since it is sent to the workers. */
export interface Target {
  readonly port: number;
  readonly dialect: DialectName;
  /** The server's process, whose processor time and memory are read. */
  readonly pid: number;
  /** The header of that name, where the server asks who its clients are. */
  readonly authorization?: string;
}

export interface Dialect {
  readonly name: DialectName;
  /** Whether an answer carries the value and an index that can be checked. */
  readonly answersCanBeChecked: boolean;
  createReader(sink: AnswerSink): AnswerReader;
  set(key: string, value: string): string;
  /** The same for one key after the other, with a life if one is given: what is alike in all of these requests is made once. */
  setEach(value: string, ttlSeconds?: number): (key: string) => string;
  /** @param text may be any ASCII. */
  setText(key: string, text: string): string;
  setExpiring(key: string, value: string, ttlSeconds: number): string;
  get(key: string): string;
  swap(key: string, value: string, previousValue: string): string;
  createInOrder(directory: string, value: string): string;
  list(directory: string): string;
  deleteAll(directory: string): string;
  /** What a set must be for a watcher of `key` to hear it: a publication where watching is another mechanism. */
  announce(key: string, value: string): string;
  /** @param sinceIndex  etcd index, inclusive; 0 means from now on. */
  watch(key: string, sinceIndex: number): string;
  watchStream(key: string, isRecursive: boolean): string;
  /** A stream in which the expirations below the directory are heard. */
  watchExpirations(directory: string): string;
}

export function dialectOf(target: Target): Dialect {
  return target.dialect === 'redis' ? redis : http(target);
}

function http(target: Target): Dialect {
  const authorization = target.authorization === undefined ? '' : `Authorization: ${target.authorization}\r\n`;
  const host = ` HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n${authorization}`;
  const form = `${host}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: `;
  const behindPath = (body: string) => `${form}${body.length}\r\n\r\n${body}`;
  const send = (method: string, path: string, body: string) => `${method} /v2/keys${path}${behindPath(body)}`;
  const get = (path: string) => `GET /v2/keys${path}${host}\r\n`;
  const watchStream = (key: string, isRecursive: boolean) =>
    get(`${key}?wait=true&stream=true${isRecursive ? '&recursive=true' : ''}`);
  const set = (key: string, value: string) => send('PUT', key, `value=${value}`);
  return {
    name: target.dialect,
    answersCanBeChecked: target.dialect === 'v2',
    createReader: (sink) => new HttpReader(sink),
    set,
    setEach: (value, ttlSeconds) => {
      const tail = flat(behindPath(ttlSeconds === undefined ? `value=${value}` : `value=${value}&ttl=${ttlSeconds}`));
      return (key) => `PUT /v2/keys${key}${tail}`;
    },
    setText: (key, text) => set(key, encodeURIComponent(text)),
    setExpiring: (key, value, ttlSeconds) => send('PUT', key, `value=${value}&ttl=${ttlSeconds}`),
    get,
    swap: (key, value, previousValue) => send('PUT', `${key}?prevValue=${previousValue}`, `value=${value}`),
    createInOrder: (directory, value) => send('POST', directory, `value=${value}`),
    list: get,
    deleteAll: (directory) => `DELETE /v2/keys${directory}?dir=true&recursive=true${host}\r\n`,
    announce: set,
    watch: (key, sinceIndex) => get(`${key}?wait=true${sinceIndex === 0 ? '' : `&waitIndex=${sinceIndex}`}`),
    watchStream,
    watchExpirations: (directory) => watchStream(directory, true),
  };
}

const redis: Dialect = {
  name: 'redis',
  answersCanBeChecked: false,
  createReader: (sink) => new RespReader(sink),
  set: (key, value) => resp('SET', key, value),
  setEach: (value, ttlSeconds) => {
    if (ttlSeconds !== undefined) return (key) => redis.setExpiring(key, value, ttlSeconds);
    const tail = flat(`\r\n$${value.length}\r\n${value}\r\n`);
    return (key) => `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}${tail}`;
  },
  setText: (key, text) => resp('SET', key, text),
  setExpiring: (key, value, ttlSeconds) => resp('SET', key, value, 'EX', String(ttlSeconds)),
  get: (key) => resp('GET', key),
  swap: () => unsupported('compare-and-swap in one command'),
  createInOrder: () => unsupported('in-order keys'),
  list: () => unsupported('directories'),
  deleteAll: () => resp('FLUSHALL'),
  announce: (key, value) => resp('PUBLISH', key, value),
  watch: (key) => resp('SUBSCRIBE', key),
  watchStream: (key) => resp('SUBSCRIBE', key),
  watchExpirations: () => resp('SUBSCRIBE', '__keyevent@0__:expired'),
};

function resp(...words: readonly string[]): string {
  let request = `*${words.length}\r\n`;
  for (const word of words) request += `$${word.length}\r\n${word}\r\n`;
  return request;
}

/** In one piece: what a string was put together from would be walked through by each that it becomes a part of. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').latin1Slice();
}

function unsupported(what: string): never {
  throw new Error(`Redis has no ${what}`);
}
