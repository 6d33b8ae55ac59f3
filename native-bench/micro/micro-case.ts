/** Small pieces of code timed by tinybench. One sample is many calls, because a clock reading costs as much as a call. */
import { Bench } from 'tinybench';
import { alignColumns, formatNumber } from '../report/format.ts';

/** Calls in one sample; a case must perform exactly so many. */
export const CALLS = 200;

export interface MicroCase {
  readonly name: string;
  /** Performs CALLS calls. Leaves a trace somewhere, or the compiler may leave them out. */
  run(): void;
}

/** Times the cases and returns a table of nanoseconds per call. */
export async function timeCases(title: string, cases: readonly MicroCase[], timeMs: number): Promise<string> {
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4, throws: true });
  for (const { name, run } of cases) bench.add(name, run);
  await bench.run();
  const rows = bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
    const nanoseconds = (ms: number): string => formatNumber((ms * 1e6) / CALLS);
    return [name, nanoseconds(result.latency.p50), nanoseconds(result.latency.p99)];
  });
  return [title, ...alignColumns([['', 'ns', 'p99'], ...rows])].join('\n');
}

/** A case that makes one call after the other. */
export function repeated(name: string, call: (turn: number) => void): MicroCase {
  return {
    name,
    run() {
      for (let turn = 0; turn < CALLS; turn++) call(turn);
    },
  };
}
