/**
 * Keeps a process to a core. Where three busy threads share two cores the kernel moves them about, and an answer costs now a
 * tenth more and now a tenth less; with the servers on one core and the load on the other a comparison is three times as fine.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { isInstalled } from './peers/server-process.ts';

export const canPin = availableParallelism() > 1 && isInstalled('taskset');

/** @param cores as `taskset` takes them. All threads that the process has, and those that they start. */
export function pinTo(cores: string, pid: number): void {
  const { status, stderr } = spawnSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr.trim()}`);
}

/** Where this process may run now. */
export function coresOf(pid: number): string {
  const { stdout } = spawnSync('taskset', ['-c', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.slice(stdout.lastIndexOf(':') + 1).trim();
}
