/** Processor time of server, generator and everybody else between two moments: the measured part of a run. */
import type { Target } from './dialect.ts';
import { cpuMsByThread, machineCpuMs, threadCpuMs } from './process-usage.ts';

export interface Usage {
  readonly elapsedMs: number;
  /** Processor time of the server's process. */
  readonly serverCpuMs: number;
  /** Of its threads, that of the one that was busiest. */
  readonly serverBusiestThreadMs: number;
  /** Processor time of the thread that generated the load. */
  readonly generatorCpuMs: number;
  /** Processor time of everything else on the machine, the kernel's softirqs on our behalf included. */
  readonly foreignCpuMs: number;
}

export class UsageWindow {
  readonly #pid: number;
  #startedAt = 0;
  #serverThreads: ReadonlyMap<string, number> = new Map();
  #generatorCpuMs = 0;
  #machineCpuMs = 0;

  constructor(target: Target) {
    this.#pid = target.pid;
  }

  start(): void {
    this.#serverThreads = cpuMsByThread(this.#pid);
    this.#generatorCpuMs = threadCpuMs();
    this.#machineCpuMs = machineCpuMs();
    this.#startedAt = performance.now();
  }

  stop(): Usage {
    const elapsedMs = performance.now() - this.#startedAt;
    // One that has ended meanwhile is missed, but no server here ends busy threads; one that has begun is not.
    const spent = [...cpuMsByThread(this.#pid)].map(
      ([thread, cpuMs]) => cpuMs - (this.#serverThreads.get(thread) ?? 0),
    );
    const serverCpuMs = spent.reduce((sum, cpuMs) => sum + cpuMs, 0);
    const generatorCpuMs = threadCpuMs() - this.#generatorCpuMs;
    const foreignCpuMs = Math.max(0, machineCpuMs() - this.#machineCpuMs - serverCpuMs - generatorCpuMs);
    return { elapsedMs, serverCpuMs, serverBusiestThreadMs: Math.max(0, ...spent), generatorCpuMs, foreignCpuMs };
  }
}
