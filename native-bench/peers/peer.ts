/** What is measured side by side: how each server is found, started, spoken to and ended. */
import type { DialectName, Target } from '../load/dialect.ts';

export type PeerName =
  | 'uetcd'
  | 'uetcd-durable'
  | 'uetcd-auth'
  | 'uetcd-uncounted'
  | 'etcd-memory'
  | 'etcd-disk'
  | 'bare-uws'
  | 'node-http'
  | 'redis'
  | 'redis-always'
  | 'fdatasync';

export interface Peer {
  readonly name: PeerName;
  /** One line for the report: what it is and how it is set up. */
  readonly description: string;
  readonly dialect: DialectName;
  /** Why it cannot run here; undefined when it can. */
  missing(): string | undefined;
  start(context: PeerContext): Promise<RunningPeer>;
}

export interface PeerContext {
  /** A port nobody listens on. */
  nextPort(): Promise<number>;
  /** A fresh directory, on disk or in memory, removed at the end. */
  createDirectory(where: 'disk' | 'memory'): string;
  /** What the directories on disk are on: not always a disk. */
  readonly diskFileSystem: string;
}

export interface RunningPeer {
  readonly target: Target;
  /** The version it states of itself. */
  readonly version: string;
  /** Where its files are, for the scenarios that look at them. */
  readonly directory?: string;
  /** How it ended, and the last that it said; undefined while it runs. */
  lastWords(): Promise<string | undefined>;
  /** SIGTERM, and SIGKILL for whoever ignores it. */
  stop(): Promise<void>;
  /** Ends the process as a power cut would. */
  kill(): Promise<void>;
  /** Starts again on the same port and the same data; resolves as soon as it answers. After kill() only. */
  restart(): Promise<RunningPeer>;
}
