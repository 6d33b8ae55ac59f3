/**
 * One benchmark session: every scenario against each of its peers, in interleaved rounds.
 *
 *   scenario ── start peers ── round 1: A B C ── round 2: B C A ── round 3: C A B ── stop peers ── next scenario
 *
 * All peers of a scenario run all the while (an idle one costs next to nothing), so that a slow minute of the machine
 * falls on all of them alike, and the order turns so that nobody always goes first.
 */
import { keepCoresAwake } from './awake.ts';
import { GeneratorPool } from './load/generator-pool.ts';
import type { RunMeasurement } from './measurement.ts';
import type { Peer, PeerContext, PeerName, RunningPeer } from './peers/peer.ts';
import { formatNumber } from './report/format.ts';
import type { PeerReport, Report, ScenarioReport, SkippedPeer } from './report/report.ts';
import { describeMachine, summarize } from './report/report.ts';
import type { Bench, Scenario } from './scenarios/scenario.ts';

export interface SessionOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly isSmoke: boolean;
  readonly awake: 'auto' | 'always' | 'never';
  readonly seed: number;
}

export type Progress = (line: string) => void;

export class Session {
  readonly #options: SessionOptions;
  readonly #peers: readonly Peer[];
  readonly #surroundings: PeerContext;
  readonly #progress: Progress;
  readonly #pool = new GeneratorPool();
  readonly #versions = new Map<PeerName, string>();
  readonly #skipped: SkippedPeer[] = [];
  readonly #running = new Map<PeerName, RunningPeer>();
  #runNumber = 0;

  constructor(options: SessionOptions, peers: readonly Peer[], surroundings: PeerContext, progress: Progress) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#progress = progress;
    this.#peers = peers.filter((peer) => {
      const missing = peer.missing();
      if (missing !== undefined) this.#skip(peer.name, missing);
      return missing === undefined;
    });
  }

  async run(scenarios: readonly Scenario[]): Promise<Report> {
    const startedAt = new Date().toISOString();
    const reports: ScenarioReport[] = [];
    try {
      for (const [position, scenario] of scenarios.entries()) {
        this.#progress(`[${position + 1}/${scenarios.length}] ${scenario.name}: ${scenario.title}`);
        reports.push(await this.#runScenario(scenario));
      }
    } finally {
      await this.#stopAll();
      await this.#pool.close();
    }
    return {
      format: 1,
      startedAt,
      machine: describeMachine(this.#surroundings.diskFileSystem),
      options: this.#options,
      peers: this.#peers
        .filter((peer) => this.#versions.has(peer.name))
        .map(({ name, description }) => ({ name, description, version: this.#versions.get(name) ?? 'unknown' })),
      skipped: this.#skipped,
      scenarios: reports,
    };
  }

  async #runScenario(scenario: Scenario): Promise<ScenarioReport> {
    const isAwake =
      this.#options.awake === 'always' || (this.#options.awake === 'auto' && scenario.keepsCoresAwake === true);
    const spinners = isAwake ? keepCoresAwake() : undefined;
    const contestants = this.#peers
      .filter((peer) => scenario.peers.includes(peer.name) && !this.#isSkipped(peer.name))
      .map((peer) => new Contestant(peer));
    try {
      for (let round = 0; round < this.#options.rounds; round++)
        for (let turn = 0; turn < contestants.length; turn++) {
          const contestant = contestants[(turn + round) % contestants.length];
          if (contestant !== undefined) await this.#runOnce(scenario, contestant, round);
        }
    } finally {
      spinners?.stop();
      // The servers of a smoke run serve all scenarios: starting them would take most of its time.
      if (!this.#options.isSmoke) await this.#stopAll();
    }
    const { name, family, title } = scenario;
    const results = contestants.filter(({ peer }) => !this.#isSkipped(peer.name)).map((each) => each.report());
    return { name, family, title, isAwake, results };
  }

  async #runOnce(scenario: Scenario, contestant: Contestant, round: number): Promise<void> {
    const { peer } = contestant;
    if (contestant.error !== undefined || this.#isSkipped(peer.name)) return;
    let running: RunningPeer;
    try {
      running = this.#running.get(peer.name) ?? (await this.#start(peer));
    } catch (error) {
      // One that has run before is here, and what it has shown so far is not forgotten.
      if (this.#versions.has(peer.name)) this.#fail(contestant, round, messageOf(error));
      else this.#skip(peer.name, messageOf(error));
      return;
    }
    try {
      const measured = await scenario.run(running, this.#bench());
      contestant.runs.push(measured);
      this.#progress(`    round ${round + 1} ${peer.name.padEnd(14)} ${headline(measured)}`);
    } catch (error) {
      const lastWords = await running.lastWords();
      this.#fail(contestant, round, [messageOf(error), ...(lastWords === undefined ? [] : [lastWords])].join('; '));
    }
    const isUsedUp = scenario.endsServer || (scenario.needsFreshServer && !this.#options.isSmoke);
    if (isUsedUp || contestant.error !== undefined) await this.#stop(peer.name);
  }

  #fail(contestant: Contestant, round: number, what: string): void {
    contestant.error = what;
    this.#progress(`    round ${round + 1} ${contestant.peer.name.padEnd(14)} FAILED: ${what}`);
  }

  async #start(peer: Peer): Promise<RunningPeer> {
    const running = await peer.start(this.#surroundings);
    this.#running.set(peer.name, running);
    this.#versions.set(peer.name, running.version);
    return running;
  }

  async #stop(peer: PeerName): Promise<void> {
    await this.#running.get(peer)?.stop();
    this.#running.delete(peer);
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((peer) => this.#stop(peer)));
  }

  #bench(): Bench {
    const { seconds, isSmoke, seed } = this.#options;
    const measureMs = seconds * 1000;
    return {
      pool: this.#pool,
      isSmoke,
      seed,
      measureMs,
      warmupMs: Math.min(1000, measureMs / 2),
      runNumber: ++this.#runNumber,
      startAnother: (peer) => peer.start(this.#surroundings),
    };
  }

  #skip(peer: PeerName, reason: string): void {
    this.#skipped.push({ peer, reason });
    this.#progress(`skipping ${peer}: ${reason}`);
  }

  #isSkipped(peer: PeerName): boolean {
    return this.#skipped.some((skipped) => skipped.peer === peer);
  }
}

/** A peer in one scenario. */
class Contestant {
  readonly peer: Peer;
  readonly runs: RunMeasurement[] = [];
  error: string | undefined;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  report(): PeerReport {
    return { ...summarize(this.peer.name, this.runs), ...(this.error === undefined ? {} : { error: this.error }) };
  }
}

/** The first two figures of a run, for the eye that waits. */
function headline(measured: RunMeasurement): string {
  return measured.metrics
    .slice(0, 3)
    .map(({ name, value, unit }) => `${name} ${formatNumber(value)} ${unit}`)
    .join(', ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
