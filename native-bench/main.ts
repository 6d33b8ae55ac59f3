/** `npm run bench`: measures uetcd side by side with its peers. `--help` lists what can be asked. */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { allPeers } from './peers/all.ts';
import { createSurroundings } from './peers/surroundings.ts';
import { renderTable } from './report/table.ts';
import { allScenarios } from './scenarios/all.ts';
import { Session, type SessionOptions } from './session.ts';

interface CommandLine {
  readonly peers?: string;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly smoke?: true;
  readonly awake: SessionOptions['awake'];
  readonly json?: string;
  readonly portBase: number;
  readonly diskDir?: string;
}

const DEFAULT_ROUNDS = 3;
const DEFAULT_SECONDS = 3;
const SMOKE_SECONDS = 0.06;
const SEED = 20_240_229;

const program = new Command('bench')
  .argument('[filter...]', 'scenarios whose name contains one of these; all when absent')
  .option('--peers <names>', 'comma separated, of those in --list')
  .option('--rounds <count>', 'interleaved rounds', positive)
  .option('--seconds <seconds>', 'measured time of a run', positive)
  .option('--smoke', 'everything once and very short: does it work?')
  .addOption(
    new Option('--awake <when>', 'keep the cores from halting').choices(['auto', 'always', 'never']).default('auto'),
  )
  .option('--json <file>', 'write the report as JSON')
  .option('--port-base <port>', 'first of 200 ports to use', positive, 3100)
  .option('--disk-dir <directory>', 'where the durable peers keep their data')
  .action(measure);

await program.parseAsync();

async function measure(filter: readonly string[], line: CommandLine): Promise<void> {
  const isSmoke = line.smoke === true;
  const wanted = line.peers?.split(',');
  const peers = allPeers.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const scenarios = allScenarios.filter(
    ({ name }) => filter.length === 0 || filter.some((part) => name.includes(part)),
  );
  const session = new Session(
    {
      rounds: line.rounds ?? (isSmoke ? 1 : DEFAULT_ROUNDS),
      seconds: line.seconds ?? (isSmoke ? SMOKE_SECONDS : DEFAULT_SECONDS),
      isSmoke,
      awake: line.awake,
      seed: SEED,
    },
    peers,
    createSurroundings(line.portBase, line.diskDir),
    (text) => process.stderr.write(`${text}\n`),
  );
  const report = await session.run(scenarios);
  process.stdout.write(`${renderTable(report)}\n`);
  if (line.json !== undefined) writeFileSync(line.json, `${JSON.stringify(report, null, 1)}\n`);
  if (report.scenarios.some(({ results }) => results.some(({ error }) => error !== undefined))) process.exitCode = 1;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a positive number is needed');
  return value;
}
