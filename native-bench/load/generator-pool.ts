/**
 * The load generators: piscina pools of one thread each, so that measuring never waits for the coordinator's own work.
 * One thread is one core: on two cores a second one that is busy takes the server's. So there is one that measures, and
 * beside it one for whoever takes in what is large (a listing, a crowd's events): on the measuring thread its reading
 * would lie in the latencies of others.
 */
import { Piscina } from 'piscina';
import type * as programs from './worker.ts';

type Programs = typeof programs;
export type ProgramName = keyof Programs;
type Result<Name extends ProgramName> = Promise<Awaited<ReturnType<Programs[Name]>>>;

export class GeneratorPool {
  #measuring: Piscina | undefined;
  #beside: Piscina | undefined;

  run<Name extends ProgramName>(name: Name, spec: Parameters<Programs[Name]>[0]): Result<Name> {
    this.#measuring ??= oneThread();
    return this.#measuring.run(spec, { name }) as Result<Name>;
  }

  /** The same on the other thread, which sleeps when nobody uses it. */
  runBeside<Name extends ProgramName>(name: Name, spec: Parameters<Programs[Name]>[0]): Result<Name> {
    this.#beside ??= oneThread();
    return this.#beside.run(spec, { name }) as Result<Name>;
  }

  async close(): Promise<void> {
    await Promise.all([this.#measuring?.destroy(), this.#beside?.destroy()]);
  }
}

function oneThread(): Piscina {
  return new Piscina({
    filename: new URL('./worker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // The default lets an idle thread block in Atomics.wait between tasks, sockets and all.
    atomics: 'disabled',
  });
}
