/** Processor time of server, generator and everybody else between two moments: the measured part of a run. */
import type { Target } from './dialect.ts';
import { machineCpuMs, processCpuMs, threadCpuMs } from './process-usage.ts';

export interface Usage {
  readonly elapsedMs: number;
  /** Processor time of the server's process. */
  readonly serverCpuMs: number;
  /** Processor time of the thread that generated the load. */
  readonly generatorCpuMs: number;
  /** Processor time of everything else on the machine, the kernel's softirqs on our behalf included. */
  readonly foreignCpuMs: number;
}

export class UsageWindow {
  readonly #pid: number;
  #startedAt = 0;
  #serverCpuMs = 0;
  #generatorCpuMs = 0;
  #machineCpuMs = 0;

  constructor(target: Target) {
    this.#pid = target.pid;
  }

  start(): void {
    this.#serverCpuMs = processCpuMs(this.#pid);
    this.#generatorCpuMs = threadCpuMs();
    this.#machineCpuMs = machineCpuMs();
    this.#startedAt = performance.now();
  }

  stop(): Usage {
    const elapsedMs = performance.now() - this.#startedAt;
    const serverCpuMs = processCpuMs(this.#pid) - this.#serverCpuMs;
    const generatorCpuMs = threadCpuMs() - this.#generatorCpuMs;
    const foreignCpuMs = Math.max(0, machineCpuMs() - this.#machineCpuMs - serverCpuMs - generatorCpuMs);
    return { elapsedMs, serverCpuMs, generatorCpuMs, foreignCpuMs };
  }
}
