/**
 * Keeps every core from halting: one endless loop per core in the kernel's idle class, which yields to anything else
 * at once, and under a nice value, by which its processor time is told from everybody else's. On virtual machines a halted core takes 30–40 µs to wake; a latency of two hops would be mostly that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { isInstalled } from './peers/server-process.ts';
import { inIdleClass } from './priority.ts';

const LOOP = 'while :; do :; done';

export interface Spinners {
  stop(): void;
}

export function keepCoresAwake(): Spinners {
  const nicely = inIdleClass();
  const children: ChildProcess[] = [];
  for (let core = 0; core < availableParallelism(); core++) {
    const pinned = isInstalled('taskset') ? ['taskset', '-c', String(core)] : [];
    const [command = 'sh', ...rest] = [...pinned, ...nicely, 'sh', '-c', LOOP];
    children.push(spawn(command, rest, { stdio: 'ignore' }));
  }
  const stop = (): void => {
    for (const child of children) child.kill('SIGKILL');
    process.off('exit', stop);
  };
  process.once('exit', stop);
  return { stop };
}
