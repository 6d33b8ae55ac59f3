/**
 * Closed loops of two servers that take turns, a slice each, over connections that stay open: what the machine does to
 * one it does to the other a moment later.
 *
 *   block   A B B A │ B A A B │ A B B A …      one pair of figures a block, in which neither goes first
 *
 * The processor time of a server is that of the whole block: what it does beside, after its slice, is its own, too.
 */
import { type Dialect, dialectOf, type Target } from '../dialect.ts';
import { emptyTally, LoadClient, requireNoFailure, type Tally } from '../load-client.ts';
import { machineCpuMs, processCpuMs, threadCpuMs } from '../process-usage.ts';
import { createSources, type RequestPlan } from '../request-source.ts';

export interface AlternatingLoopSpec {
  readonly targets: readonly [Target, Target];
  /** To each of them. */
  readonly connections: number;
  readonly plan: RequestPlan;
  /** Of each of them. */
  readonly warmupMs: number;
  readonly sliceMs: number;
  readonly blocks: number;
}

/** What a server did in a block. */
export interface BlockShare {
  answers: number;
  /** Of its slices. */
  elapsedMs: number;
  serverCpuMs: number;
}

export interface AlternatingLoopResult {
  /** One for each block, in the order of the targets. */
  readonly blocks: readonly (readonly [BlockShare, BlockShare])[];
  /** Processor time of everybody else, and how long it all took. */
  readonly foreignCpuMs: number;
  readonly elapsedMs: number;
}

const ORDERS = [
  [0, 1, 1, 0],
  [1, 0, 0, 1],
] as const;

export async function alternatingLoop(spec: AlternatingLoopSpec): Promise<AlternatingLoopResult> {
  const tally = emptyTally();
  const sides = spec.targets.map((target) => new Side(target, spec, tally)) as [Side, Side];
  try {
    for (const side of sides) {
      await side.opened();
      if (spec.warmupMs > 0) await side.run(spec.warmupMs);
    }
    const startedAt = performance.now();
    const before = { machine: machineCpuMs(), ours: oursMs(spec.targets) };
    const blocks: [BlockShare, BlockShare][] = [];
    while (blocks.length < spec.blocks) blocks.push(await runBlock(sides, blocks.length, spec.sliceMs));
    requireNoFailure(tally);
    const ours = oursMs(spec.targets) - before.ours;
    const foreignCpuMs = Math.max(0, machineCpuMs() - before.machine - ours);
    return { blocks, foreignCpuMs, elapsedMs: performance.now() - startedAt };
  } finally {
    for (const side of sides) side.close();
  }
}

async function runBlock(
  sides: readonly [Side, Side],
  ordinal: number,
  sliceMs: number,
): Promise<[BlockShare, BlockShare]> {
  const before = sides.map(({ pid }) => processCpuMs(pid));
  const shares: [BlockShare, BlockShare] = [emptyShare(), emptyShare()];
  for (const position of ORDERS[ordinal % 2 === 0 ? 0 : 1]) {
    const { answers, elapsedMs } = await sides[position].run(sliceMs);
    shares[position].answers += answers;
    shares[position].elapsedMs += elapsedMs;
  }
  for (const [position, { pid }] of sides.entries()) {
    (shares[position] as BlockShare).serverCpuMs = processCpuMs(pid) - (before[position] as number);
  }
  return shares;
}

function emptyShare(): BlockShare {
  return { answers: 0, elapsedMs: 0, serverCpuMs: 0 };
}

function oursMs(targets: readonly Target[]): number {
  return targets.reduce((sum, { pid }) => sum + processCpuMs(pid), threadCpuMs());
}

/** One of the two servers, and the connections to it. */
class Side {
  readonly pid: number;
  readonly #clients: readonly LoadClient[];
  readonly #tally: Tally;
  #answers = 0;
  #running = 0;
  #isOver = true;
  #finish: () => void = () => {};

  constructor(target: Target, { plan, connections }: AlternatingLoopSpec, tally: Tally) {
    const dialect: Dialect = dialectOf(target);
    this.pid = target.pid;
    this.#tally = tally;
    this.#clients = createSources(plan, dialect, connections).map(
      (source) => new LoadClient(target, dialect, source, tally, this.#onAnswered),
    );
  }

  async opened(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.opened));
  }

  /** All connections ask for so long, and are waited for: when it ends nothing is under way. */
  async run(durationMs: number): Promise<{ answers: number; elapsedMs: number }> {
    requireNoFailure(this.#tally);
    this.#answers = 0;
    this.#running = this.#clients.length;
    this.#isOver = false;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const startedAt = performance.now();
    const timer = setTimeout(() => {
      this.#isOver = true;
    }, durationMs);
    for (const client of this.#clients) client.send(startedAt);
    await finished;
    clearTimeout(timer);
    return { answers: this.#answers, elapsedMs: performance.now() - startedAt };
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  readonly #onAnswered = (client: LoadClient): void => {
    this.#answers++;
    const goesOn = !this.#isOver && this.#tally.failures === 0;
    if (goesOn && client.send(0)) return;
    if (--this.#running === 0) this.#finish();
  };
}
