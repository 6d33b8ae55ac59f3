/** Counts in words, for summaries. */

export function keysAndDirectories(keys: number, directories: number): string {
  return `${keys} ${keys === 1 ? 'key' : 'keys'} and ${directories} ${directories === 1 ? 'directory' : 'directories'}`;
}
