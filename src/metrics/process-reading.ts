/** What the kernel and the engine say of this process. Linux tells most of it in /proc; elsewhere that is left out. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

export interface ProcessReading {
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly kernel: KernelReading | undefined;
}

export interface KernelReading {
  readonly openDescriptors: number;
  readonly descriptorsMax: number;
  readonly virtualBytes: number;
  readonly virtualBytesMax: number;
}

/** Since the epoch. To be asked once, on the main thread: a start that moves looks like a restart. */
export function processStartSeconds(): number {
  return Date.now() / 1000 - process.uptime();
}

/** The same on whichever thread. */
export function readProcess(): ProcessReading {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    kernel: readKernel(),
  };
}

/** How many descriptors this process may have open; undefined where the kernel does not say. */
export function readDescriptorsMax(): number | undefined {
  try {
    return limitOf(readFileSync('/proc/self/limits', 'latin1'), 'Max open files');
  } catch {
    return undefined;
  }
}

function readKernel(): KernelReading | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return {
      openDescriptors: countDescriptors(),
      descriptorsMax: limitOf(limits, 'Max open files'),
      virtualBytes: Number(fields[20]),
      virtualBytesMax: limitOf(limits, 'Max address space'),
    };
  } catch {
    return undefined; // No such files: another system, or a container that hides them.
  }
}

/** Linux 6.2 and later say how many there are; before, they have to be listed. */
function countDescriptors(): number {
  return statSync('/proc/self/fd').size || readdirSync('/proc/self/fd').length;
}

/** The soft limit. Go tells an unlimited one as the greatest number of 64 bits. */
function limitOf(limits: string, name: string): number {
  const text = new RegExp(`^${name} +(\\S+)`, 'm').exec(limits)?.[1];
  return text === 'unlimited' ? 2 ** 64 : Number(text);
}
