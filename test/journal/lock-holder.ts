/** A process that takes a directory and says so; `file` as a second argument makes it take the lock file. */
import { lockByFile, lockDirectory } from '../../src/journal/directory-lock.ts';

const [directory = '', how] = process.argv.slice(2);
try {
  await (how === 'file' ? lockByFile(directory) : lockDirectory(directory));
  process.stdout.write('locked\n');
  setInterval(() => {}, 1000); // The lock alone keeps no process alive.
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : error}\n`);
}
