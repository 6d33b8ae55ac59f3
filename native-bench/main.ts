/** `npm run bench`: measures uetcd side by side with its peers. `--help` lists what can be asked. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { checkGenerator } from './check-generator.ts';
import { runMicroBenchmarks } from './micro/all.ts';
import { allPeers } from './peers/all.ts';
import type { Peer } from './peers/peer.ts';
import { createSurroundings } from './peers/surroundings.ts';
import { caveatsOf, compareReports, findFallen, renderChanges } from './report/compare.ts';
import { renderHtml } from './report/html.ts';
import { renderPicture } from './report/plots.ts';
import type { Report } from './report/report.ts';
import { renderTable, SMOKE_REMARK } from './report/table.ts';
import { allScenarios } from './scenarios/all.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { Session, type SessionOptions } from './session.ts';
import { judgeTargets, renderVerdicts } from './targets.ts';

interface CommandLine {
  readonly peers?: string;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly smoke?: true;
  readonly awake: SessionOptions['awake'];
  readonly json?: string;
  readonly html?: string;
  readonly svg?: string;
  readonly targets?: true;
  readonly from?: string;
  readonly list?: true;
  readonly compare?: true;
  readonly checkGenerator?: true;
  readonly micro?: true;
  readonly portBase: number;
  readonly diskDir?: string;
}

const DEFAULT_ROUNDS = 3;
const DEFAULT_SECONDS = 3;
const SMOKE_SECONDS = 0.06;
/** Of every load: two runs send the same requests. */
const SEED = 20_240_229;

const program: Command = new Command('bench')
  .description('Measures uetcd side by side with its peers.')
  .argument('[filter...]', 'scenarios whose name contains one of these, or equals it with a = before; all when absent')
  .option('--list', 'list scenarios and peers')
  .option('--peers <names>', 'comma separated; all when absent')
  .option('--rounds <count>', `interleaved rounds (default: ${DEFAULT_ROUNDS})`, positive)
  .option('--seconds <seconds>', `measured time of a run (default: ${DEFAULT_SECONDS})`, positive)
  .option('--smoke', 'everything once, very small and short: does it work?')
  .addOption(
    new Option('--awake <when>', 'keep the cores from halting (auto: where a scenario asks for it)')
      .choices(['auto', 'always', 'never'])
      .default('auto'),
  )
  .option('--json <file>', 'write the report as JSON')
  .option('--html <file>', 'write the report as one self-contained page')
  .option('--svg <file>', "write the report's four main plots as one picture")
  .option('--targets', 'print which targets the report meets')
  .option('--from <file>', 'tell of this JSON report, without measuring anything')
  .option('--compare', 'compare two JSON reports given as arguments; exit code 1 on a regression beyond noise')
  .option('--check-generator', 'compare the load generator with wrk')
  .option('--micro', 'measure the parts of the server by themselves: ring, store, encoding')
  .option('--port-base <port>', 'first of 100 ports to use', positive, 3100)
  .option('--disk-dir <directory>', 'where the durable peers keep their data (default: the temporary directory)')
  .action(run);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
await program.parseAsync();

async function run(positional: readonly string[], line: CommandLine): Promise<void> {
  if (line.list) list();
  else if (line.compare) compare(positional);
  else if (line.checkGenerator) await check(line);
  else if (line.micro) await runMicroBenchmarks(line.smoke === true, print);
  else tell(line.from === undefined ? await measure(positional, line) : readReport(line.from), line);
}

async function measure(filter: readonly string[], line: CommandLine): Promise<Report> {
  const isSmoke = line.smoke === true;
  const options: SessionOptions = {
    rounds: line.rounds ?? (isSmoke ? 1 : DEFAULT_ROUNDS),
    seconds: line.seconds ?? (isSmoke ? SMOKE_SECONDS : DEFAULT_SECONDS),
    isSmoke,
    awake: line.awake,
    seed: SEED,
  };
  const scenarios = chooseScenarios(filter);
  const surroundings = createSurroundings(line.portBase, line.diskDir);
  const progress = (text: string): boolean => process.stderr.write(`${text}\n`);
  return new Session(options, choosePeers(line.peers), surroundings, progress).run(scenarios);
}

function tell(report: Report, line: CommandLine): void {
  print(renderTable(report));
  if (report.options.isSmoke) print(`\n${SMOKE_REMARK}`);
  if (line.targets) print(`\n${renderVerdicts(judgeTargets(report))}`);
  if (line.json !== undefined) writeFileSync(line.json, `${JSON.stringify(report)}\n`);
  if (line.html !== undefined) writeFileSync(line.html, renderHtml(report));
  if (line.svg !== undefined) writeFileSync(line.svg, renderPicture(report));
  if (report.scenarios.some(({ results }) => results.some(({ error }) => error !== undefined))) process.exitCode = 1;
}

function compare(files: readonly string[]): void {
  const [before, after] = files;
  if (before === undefined || after === undefined || files.length > 2)
    program.error('--compare takes two JSON reports');
  const [then, now] = [readReport(before), readReport(after)];
  const changes = compareReports(then, now);
  const fallen = findFallen(then, now);
  print([renderChanges(changes), ...[...fallen, ...caveatsOf(then, now)].map((remark) => `  ! ${remark}`)].join('\n'));
  if (fallen.length > 0 || changes.some(({ isRegression }) => isRegression)) process.exitCode = 1;
}

async function check(line: CommandLine): Promise<void> {
  const surroundings = createSurroundings(line.portBase, line.diskDir);
  print(await checkGenerator(surroundings, line.rounds ?? DEFAULT_ROUNDS, line.seconds ?? DEFAULT_SECONDS));
}

function list(): void {
  for (const { name, title, peers, keepsCoresAwake } of allScenarios)
    print(`${name.padEnd(16)} ${title}${keepsCoresAwake ? ', cores kept awake' : ''} (${peers.join(', ')})`);
  print('');
  for (const { name, description } of allPeers) print(`${name.padEnd(16)} ${description}`);
}

function choosePeers(names: string | undefined): readonly Peer[] {
  if (names === undefined) return allPeers;
  const wanted = names.split(',');
  for (const name of wanted)
    if (!allPeers.some((peer) => peer.name === name)) program.error(`no peer is called ${name}; --list shows them`);
  return allPeers.filter(({ name }) => wanted.includes(name));
}

function chooseScenarios(filter: readonly string[]): readonly Scenario[] {
  const matches = (name: string, part: string): boolean =>
    part.startsWith('=') ? name === part.slice(1) : name.includes(part);
  const chosen = allScenarios.filter(({ name }) => filter.length === 0 || filter.some((part) => matches(name, part)));
  if (chosen.length === 0) program.error(`no scenario matches ${filter.join(' ')}; --list shows them`);
  return chosen;
}

function readReport(file: string): Report {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>;
  if (report.format !== 1) program.error(`${file} is no report of this benchmark`);
  return report as Report;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a positive number is needed');
  return value;
}
