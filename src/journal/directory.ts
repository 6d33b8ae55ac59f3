/**
 * What lies in a journal's directory, by name:
 *
 *   journal-<first sequence>.log    a segment; the last one is being written
 *   snapshot-<sequence>.snap        the state after that command
 *   *.tmp                           one of the two, not finished when its process ended: worthless
 *   damaged-<time>/                 what --force-recover has moved aside
 *
 * Sequences have 20 digits, so that names sort as they count. Other names are not ours, and left alone.
 */
import { dirname, join, resolve } from 'node:path';
import type { FileLayer } from './file-layer.ts';

export interface NamedFile {
  readonly path: string;
  /** Of a segment its first, of a snapshot its only one. */
  readonly sequence: number;
}

export interface DirectoryListing {
  /** In ascending order. */
  readonly segments: readonly NamedFile[];
  /** In ascending order. */
  readonly snapshots: readonly NamedFile[];
  readonly unfinished: readonly string[];
}

const NAME = /^(?:journal-(\d{20})\.log|snapshot-(\d{20})\.snap)(\.tmp)?$/;
export const UNFINISHED_SUFFIX = '.tmp';

export function segmentPath(directory: string, firstSequence: number): string {
  return join(directory, `journal-${digits(firstSequence)}.log`);
}

export function snapshotPath(directory: string, sequence: number): string {
  return join(directory, `snapshot-${digits(sequence)}.snap`);
}

export function listDirectory(directory: string, layer: FileLayer): DirectoryListing {
  const segments: NamedFile[] = [];
  const snapshots: NamedFile[] = [];
  const unfinished: string[] = [];
  for (const name of layer.readdir(directory).sort()) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const [, first, only, suffix] = match;
    const path = join(directory, name);
    if (suffix !== undefined) unfinished.push(path);
    else if (first !== undefined) segments.push({ path, sequence: Number(first) });
    else snapshots.push({ path, sequence: Number(only) });
  }
  return { segments, snapshots, unfinished };
}

/**
 * Makes the directory if it is not there, durably: with its name in the one above it, and so on. Those that are there
 * already may come from a process that died before it had synced their names, so these are synced too, where we may.
 */
export function prepareDirectory(directory: string, layer: FileLayer): void {
  const uppermost = layer.mkdir(directory);
  const path = resolve(directory);
  const lastCreatedIn = uppermost === undefined ? path : dirname(resolve(uppermost));
  for (let above = dirname(path); ; above = dirname(above)) {
    try {
      layer.fsyncDirectory(above);
    } catch (error) {
      if (above.startsWith(lastCreatedIn)) throw error;
    }
    if (above === dirname(above)) return;
  }
}

function digits(sequence: number): string {
  return String(sequence).padStart(20, '0');
}
