/**
 * The library of thread pools, piscina. It is loaded by whoever needs a pool, when one is needed: most servers never do.
 *
 * By `require`, which forgets that it has failed: Node.js 20 answers a second `import()` with the error of the first, and
 * descriptors that were used up for a moment would cost a server all its snapshots. And by the path of its file, which is
 * looked up when there are descriptors still: that its package could not be read is remembered, too.
 */
import { createRequire } from 'node:module';

const requireFile = createRequire(import.meta.url);
const file = requireFile.resolve('piscina');

/** Throws when there are no descriptors; may be called again. */
export function loadThreadPools(): typeof import('piscina') {
  return requireFile(file);
}
