/**
 * A server in the process of somebody's tests: how long it takes to start and to close, when the process has had one before. As it is
 * built, since that is what is embedded, in a process of its own: threads would inherit this one's loader. Beside it a thread that does
 * nothing, of which a server in memory has one.
 */
import { execFileSync } from 'node:child_process';
import { alignColumns, formatNumber } from '../report/format.ts';
import { medianOf } from '../report/report.ts';

const PACKAGE = new URL('../../dist/index.js', import.meta.url).href;

/** Prints the milliseconds of each round as JSON. Of the first nobody speaks. */
const PROGRAM = `
  import { once } from 'node:events';
  import { Worker } from 'node:worker_threads';
  import { startServer } from ${JSON.stringify(PACKAGE)};
  const rounds = [];
  let lastMs = 0;
  const passedMs = () => -lastMs + (lastMs = performance.now());
  for (let round = 0; round <= Number(process.argv[1]); round++) {
    passedMs();
    const server = await startServer({ inMemory: true, port: 0 });
    const start = passedMs();
    await server.close();
    const close = passedMs();
    await once(new Worker('', { eval: true }), 'exit');
    rounds.push({ start, close, thread: passedMs() });
  }
  console.log(JSON.stringify(rounds.slice(1)));
`;

interface Round {
  readonly start: number;
  readonly close: number;
  readonly thread: number;
}

export function measureEmbedding(rounds: number): string {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM, '--', String(rounds)]);
  const times = JSON.parse(output.toString()) as Round[];
  const row = (name: string, of: keyof Round): string[] => {
    const sorted = times.map((round) => round[of]).toSorted((a, b) => a - b);
    return [name, formatNumber(medianOf(sorted)), formatNumber(sorted.at(-1) as number)];
  };
  const rows = [row('start, in memory', 'start'), row('close', 'close'), row('a thread that does nothing', 'thread')];
  return ['a server in the same process', ...alignColumns([['', 'ms', 'longest'], ...rows])].join('\n');
}
