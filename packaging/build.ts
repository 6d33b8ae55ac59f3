/**
 * The build: a file for each entry of a thread, and a few that they share, in place of one for each module. A server starts in two thirds
 * of the time: else its threads have some 250 modules to find, read and link (native-bench/FINDINGS.md, "A start").
 *
 * All in one folder, so that `siblingModule` finds there what stands beside a module in `src`. `tsc` adds the types.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

/** The command, the package, and whatever `siblingModule` is asked for. */
const ENTRIES = [
  'main',
  'index',
  'front/front-end-worker',
  'front/access/password-job',
  'workers/store-worker',
  'workers/journal-worker',
  'workers/snapshot-job',
  'transfer/directory-worker',
];

const project = fileURLToPath(new URL('..', import.meta.url));

await build({
  cwd: project,
  input: ENTRIES.map((entry) => `src/${entry}.ts`),
  platform: 'node',
  // Packages stay what is installed.
  external: /^[^./]/,
  // What is written is what runs. Else calls are left out whose one effect is that they may throw: by this, and by what `minify` does unasked.
  treeshake: false,
  output: {
    dir: 'dist',
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    minify: false,
    sourcemap: true,
  },
});
