/**
 * The load generators: a piscina pool of threads, so that measuring never waits for the coordinator's own work.
 * One thread, which is one core: on two cores a second one would only take the server's.
 */
import { Piscina } from 'piscina';
import type * as programs from './worker.ts';

type Programs = typeof programs;
export type ProgramName = keyof Programs;

export class GeneratorPool {
  readonly #pool = new Piscina({
    filename: new URL('./worker.ts', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // The default lets an idle thread block in Atomics.wait between tasks, sockets and all.
    atomics: 'disabled',
  });

  run<Name extends ProgramName>(
    name: Name,
    spec: Parameters<Programs[Name]>[0],
  ): Promise<Awaited<ReturnType<Programs[Name]>>> {
    return this.#pool.run(spec, { name }) as Promise<Awaited<ReturnType<Programs[Name]>>>;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
