/** How politely a thread asks for a core, beside those of the same process that serve. */
import { setPriority } from 'node:os';

/** @param priority of `os.constants.priority`. Where it is not allowed, or not known, the thread is merely less polite. */
export function setThreadPriority(priority: number): void {
  // Elsewhere this would be the priority of the whole process, those that serve included.
  if (process.platform !== 'linux') return;
  try {
    setPriority(priority); // On Linux that of the calling thread.
  } catch {}
}
