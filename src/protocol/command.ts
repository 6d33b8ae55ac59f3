/**
 * The commands of the v2 key space: what the front end has understood of a request once the grammar of
 * `request.ts` is satisfied, and all that the store is told. Which request becomes which operation: etcd v2 API and
 * server/etcdserver/v2_server.go of etcd 3.4.
 */
import type { ByteString } from '../base/byte-string.ts';

/** Operation codes as they stand in command frames; append only, since journals keep them. From 16 on: `AuthOp`. */
export const Op = {
  get: 1,
  watch: 2,
  set: 3,
  create: 4,
  createInOrder: 5,
  update: 6,
  compareAndSwap: 7,
  delete: 8,
  compareAndDelete: 9,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** Flag bits of a command, as they stand in command frames; append only. */
export const Flag = {
  dir: 1,
  recursive: 2,
  sorted: 4,
  stream: 8,
  refresh: 16,
  noValueOnSuccess: 32,
  /** The path needs no JSON escape: printable ASCII without `" \ < > &`. */
  pathPlain: 64,
  /** The same of the value. */
  valuePlain: 128,
  /** The request is a HEAD: the answer's body is measured but not sent. */
  head: 256,
  /** prevIndex was given and is not 0. */
  hasPrevIndex: 512,
  /** expirationMs is meant. */
  hasExpiration: 1024,
  /** A change of users and roles, the first since the process began to get so far, makes sure of their directories. */
  ensureAuth: 2048,
  /** The query of a request for users or roles is malformed, which etcd looks at late. */
  badQuery: 4096,
  /** A read whose answer the front end would keep, if it may (`ReplyReader.isKeepable`). */
  keep: 8192,
} as const;

/**
 * One validated request on the key space.
 * `path` is cleaned and absolute, without trailing slash; the root is `''`.
 */
export interface KeysCommand {
  op: Op;
  /** A union of `Flag` bits. */
  flags: number;
  path: ByteString;
  /** Empty when absent: the API does not tell the two apart. */
  value: ByteString;
  /** Empty when absent: the API refuses an empty one. */
  prevValue: ByteString;
  /** 0 when absent, which is no condition. The whole of 64 bits. */
  prevIndex: bigint;
  /** etcd index from which a watch looks, inclusive; 0 means from now on. */
  waitIndex: bigint;
  /** Whether all below the path is meant, by the words of the request: its rights depend on it, whatever its operation does. */
  isRecursive: boolean;
  /** Remaining life in nanoseconds as the signed 64-bit product that Go computes (ttl * 1e9, wrapped); undefined without ttl. */
  ttlNs: bigint | undefined;
}
