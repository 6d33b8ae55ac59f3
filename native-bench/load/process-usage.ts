/**
 * What a process has used, from /proc. Processor time comes from schedstat (nanoseconds, per thread) rather than from
 * stat (clock ticks of 10 ms): a thread that ended in between is missed, but no server here ends threads under load.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of all threads of the process so far. */
export function processCpuMs(pid: number): number {
  let total = 0;
  for (const cpuMs of cpuMsByThread(pid).values()) total += cpuMs;
  return total;
}

/** Processor time of each thread of the process so far. */
export function cpuMsByThread(pid: number): Map<string, number> {
  const threads = ofLiving(pid, () => readdirSync(`/proc/${pid}/task`));
  return new Map(threads.map((thread) => [thread, schedstatMs(`/proc/${pid}/task/${thread}/schedstat`)]));
}

function ofLiving<T>(pid: number, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`the process that was measured (${pid}) has ended`, { cause });
  }
}

/** Processor time of the calling thread so far. */
export function threadCpuMs(): number {
  return schedstatMs('/proc/thread-self/schedstat');
}

const MS_PER_TICK = 10;

/**
 * Processor time of the whole machine so far, stolen time included, in steps of a tick per core. Without what runs
 * under a positive nice value: that is what keeps the cores awake.
 */
export function machineCpuMs(): number {
  const [, user = 0, , system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)
    .join()
    .split(/\s+/)
    .map(Number);
  return (user + system + irq + softirq + steal) * MS_PER_TICK;
}

/** Resident memory of the process. */
export function residentBytes(pid: number): number {
  const status = ofLiving(pid, () => readFileSync(`/proc/${pid}/status`, 'utf8'));
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status names no VmRSS`);
  return Number(kilobytes) * 1024;
}

function schedstatMs(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ', 1)[0]) / 1e6;
  } catch {
    return 0; // The thread ended after we listed it.
  }
}
