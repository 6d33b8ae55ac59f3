/** Removes what a snapshot has made superfluous. */
import { assert, InvariantError } from '../base/assert.ts';
import { type CrashHook, noCrash } from './crash-point.ts';
import { listDirectory, type NamedFile } from './directory.ts';
import type { FileLayer } from './file-layer.ts';
import { JournalError } from './journal-error.ts';

/**
 * Deletes the snapshots before `sequence` and the segments that end at it or before. Call it when the snapshot of
 * `sequence` is finished; that its name is durable is made sure of here once more. The last segment always stays: a
 * directory with a snapshot and no segment to continue it has lost something.
 * @returns how many files went.
 * @throws JournalError when the disk does not let us; whatever is left over is no harm.
 */
export function pruneBefore(
  directory: string,
  layer: FileLayer,
  sequence: number,
  crashPoint: CrashHook = noCrash,
): number {
  try {
    layer.fsyncDirectory(directory);
    crashPoint('before-prune');
    const { segments, snapshots } = listDirectory(directory, layer);
    assert(
      snapshots.some((snapshot) => snapshot.sequence === sequence),
      'old files go only when the snapshot that replaces them is in its place',
    );
    const superfluous = [
      ...snapshots.filter((snapshot) => snapshot.sequence < sequence),
      ...segments.filter((_, position) => isCovered(segments, position, sequence)),
    ];
    for (const { path } of superfluous) {
      layer.unlink(path);
      crashPoint('mid-prune');
    }
    layer.fsyncDirectory(directory);
    return superfluous.length;
  } catch (cause) {
    if (cause instanceof InvariantError) throw cause;
    throw new JournalError(`cannot remove old files from ${directory}`, cause);
  }
}

/** A segment ends where the next begins. */
function isCovered(segments: readonly NamedFile[], position: number, sequence: number): boolean {
  const next = segments[position + 1];
  return next !== undefined && next.sequence <= sequence + 1;
}
