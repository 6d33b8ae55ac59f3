/**
 * An attack from processes of its own. In life those are other machines; here they share the cores with the server and with
 * who measures it, so they run in the scheduler's lowest class and take only what these two leave. Whether that is enough for
 * what the attack is stated to do is told by what they have done.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inIdleClass } from '../priority.ts';
import type { AttackerNews } from './attacker-process.ts';
import { type AttackName, actionsPerSecond } from './attacks.ts';
import type { Target } from './dialect.ts';
import { processCpuMs } from './process-usage.ts';

const PROCESSES = 2;
const ENTRY = fileURLToPath(new URL('./attacker-process.ts', import.meta.url));

export interface AttackPlan {
  readonly name: AttackName;
  readonly connections: number;
  /** Of all connections together. */
  readonly opensPerSecond: number;
}

export interface Reached {
  /** Of a core. */
  readonly cpuShare: number;
  /** Of what the attack is stated to do. */
  readonly share: number;
}

export class Attackers {
  readonly #plan: AttackPlan;
  readonly #processes: readonly ChildProcess[];

  private constructor(plan: AttackPlan, processes: readonly ChildProcess[]) {
    this.#plan = plan;
    this.#processes = processes;
  }

  /** Resolves when they could begin. */
  static async prepare(plan: AttackPlan, target: Target): Promise<Attackers> {
    const each = String(Math.ceil(plan.connections / PROCESSES));
    const opensEach = String(plan.opensPerSecond / PROCESSES);
    const [command = process.execPath, ...rest] = [...inIdleClass(), process.execPath, ...process.execArgv];
    const processes = Array.from({ length: PROCESSES }, () =>
      fork(ENTRY, [plan.name, '127.0.0.1', String(target.port), each, opensEach], {
        execPath: command,
        execArgv: rest,
      }),
    );
    await Promise.all(processes.map((process) => newsOf(process, 'ready')));
    return new Attackers(plan, processes);
  }

  /** Resolves when all connections have been opened. */
  async open(): Promise<void> {
    await this.#askAll('open');
  }

  /** Watches what they do. @returns what ends that. */
  async watch(): Promise<() => Promise<Reached>> {
    const cpuMs = this.#cpuMs();
    const startedMs = performance.now();
    const before = await this.#askAll('counted');
    return async () => {
      const cpuShare = (this.#cpuMs() - cpuMs) / (performance.now() - startedMs);
      const after = await this.#askAll('counted');
      const rates = after.map(({ actionCount, atMs }, index) => {
        const { actionCount: countBefore, atMs: beforeMs } = before[index] as AttackerNews;
        return ((actionCount - countBefore) / (atMs - beforeMs)) * 1000;
      });
      const rate = rates.reduce((sum, each) => sum + each, 0);
      return { cpuShare, share: rate / actionsPerSecond(this.#plan.name, this.#plan.connections) };
    };
  }

  /** Resolves when they are gone. */
  async end(): Promise<void> {
    for (const process of this.#processes) process.disconnect();
    await Promise.all(this.#processes.map(ended));
  }

  #askAll(stage: AttackerNews['stage']): Promise<AttackerNews[]> {
    return Promise.all(
      this.#processes.map((process) => {
        const news = newsOf(process, stage);
        process.send(stage);
        return news;
      }),
    );
  }

  #cpuMs(): number {
    return this.#processes.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : processCpuMs(pid)), 0);
  }
}

function newsOf(process: ChildProcess, stage: AttackerNews['stage']): Promise<AttackerNews> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('an attacker has ended before it was told to'));
    const onMessage = (news: unknown) => {
      if ((news as AttackerNews).stage !== stage) return;
      process.off('exit', onExit).off('message', onMessage);
      resolve(news as AttackerNews);
    };
    process.once('exit', onExit).on('message', onMessage);
  });
}

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
}
