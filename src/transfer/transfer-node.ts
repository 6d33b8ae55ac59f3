/** What goes from a source to a dump or into a server: nodes, in batches, each directory before what is in it. */
import type { ByteString } from '../base/byte-string.ts';

export interface TransferNode {
  /** Absolute, without trailing slash; never the root, which is always there. */
  readonly key: ByteString;
  /** Undefined for a directory. */
  readonly value: ByteString | undefined;
  /** Epoch ms; undefined for a permanent node. */
  readonly expirationMs: number | undefined;
  /** Both are undefined where the source does not tell: a directory read over HTTP. For the reader only; never loaded. */
  readonly modifiedIndex: number | undefined;
  readonly createdIndex: number | undefined;
}

/** The key space at one etcd index. */
export interface Source {
  /** A URL or a directory, for people. */
  readonly name: string;
  readonly etcdIndex: number;
  /** Whether nodes whose name begins with `_` are among the nodes. */
  readonly includesHidden: boolean;
  /** Can be read once. Batches are of a bounded size, and none is made before it is asked for. */
  readonly batches: AsyncIterable<readonly TransferNode[]>;
  /** Lets go of whatever the source holds; to be called however the reading ended. */
  close(): Promise<void>;
}

/** Of one key or value as JSON: the greatest form body that a server takes by default, 10 MiB, can be six times as long. */
export const JSON_SIZE_BYTES_MAX = 128 * 1024 * 1024;
