/** The directory of a durable server: taken by one process, with a file that says who lives there. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareDirectory } from './journal/directory.ts';
import { lockDirectory } from './journal/directory-lock.ts';
import { nodeFileLayer, writeFully } from './journal/file-layer.ts';

/** Kept for the life of the directory, except the term, which grows by one with each start. */
export interface StoredIdentity {
  readonly clusterId: string;
  readonly memberId: string;
  readonly raftTerm: number;
}

export interface DataDirectory {
  readonly path: string;
  /** As of this start. */
  readonly identity: StoredIdentity;
  /** Makes the term of this start last. To be called once the start has succeeded: a refused one changes nothing. */
  keepIdentity(): void;
  release(): Promise<void>;
}

const IDENTITY_FILE = 'identity.json';
const FIRST_RAFT_TERM = 2;

/** Takes the directory, making it when needed. Throws when another process has it, or when it cannot be written. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  prepareDirectory(path, nodeFileLayer);
  const lock = await lockDirectory(path);
  try {
    const file = join(path, IDENTITY_FILE);
    const identity = nextIdentity(file);
    const keepIdentity = () => writeDurably(path, file, `${JSON.stringify(identity)}\n`);
    return { path, identity, keepIdentity, release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function nextIdentity(file: string): StoredIdentity {
  const stored = existsSync(file) ? readIdentity(file) : newIdentity();
  return { ...stored, raftTerm: stored.raftTerm + 1 };
}

function readIdentity(file: string): StoredIdentity {
  const text = readFileSync(file, 'utf8');
  const stored = identityIn(text);
  if (stored !== undefined) return stored;
  throw new Error(`${file} does not say who lives here: restore it, or move it away to get new ids`);
}

/** @returns undefined when it is damaged. */
function identityIn(text: string): StoredIdentity | undefined {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { clusterId, memberId, raftTerm } = (stored ?? {}) as Partial<Record<keyof StoredIdentity, unknown>>;
  if (!isId(clusterId) || !isId(memberId)) return undefined;
  if (typeof raftTerm !== 'number' || !Number.isSafeInteger(raftTerm) || raftTerm < FIRST_RAFT_TERM) return undefined;
  return { clusterId, memberId, raftTerm };
}

function isId(stored: unknown): stored is string {
  return typeof stored === 'string' && /^[0-9a-f]{1,16}$/.test(stored);
}

function newIdentity(): StoredIdentity {
  return { clusterId: newId(), memberId: newId(), raftTerm: FIRST_RAFT_TERM - 1 };
}

/** 64 bits as etcd prints them. */
function newId(): string {
  return randomBytes(8).readBigUInt64BE(0).toString(16);
}

/** Replaces a small file so that a crash leaves the old or the new one. */
function writeDurably(directory: string, file: string, text: string): void {
  const unfinished = `${file}.tmp`;
  const bytes = Buffer.from(text);
  const fd = nodeFileLayer.open(unfinished, 'w+');
  try {
    writeFully(nodeFileLayer, fd, bytes, bytes.length, 0);
    nodeFileLayer.fdatasync(fd);
  } finally {
    nodeFileLayer.close(fd);
  }
  nodeFileLayer.rename(unfinished, file);
  nodeFileLayer.fsyncDirectory(directory);
}
