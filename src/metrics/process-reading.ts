/** What the kernel and the engine say of this process. Linux tells most of it in /proc; elsewhere that is left out. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

export interface ProcessReading {
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Since the epoch. */
  readonly startSeconds: number;
  /** V8's heap of the thread that asks. */
  readonly heapUsedBytes: number;
  readonly heapSizeBytes: number;
  readonly kernel: KernelReading | undefined;
}

export interface KernelReading {
  readonly openDescriptors: number;
  readonly descriptorsMax: number;
  readonly virtualBytes: number;
  readonly virtualBytesMax: number;
}

/** Once: a start that moves looks like a restart. */
const START_SECONDS = Date.now() / 1000 - process.uptime();

export function readProcess(): ProcessReading {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    startSeconds: START_SECONDS,
    heapUsedBytes: heapUsed,
    heapSizeBytes: heapTotal,
    kernel: readKernel(),
  };
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
