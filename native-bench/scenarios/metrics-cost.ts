/**
 * What it costs a server to count and to measure its requests, at full load.
 *
 * A percent or two is less than two runs of one server differ by. So two servers take turns of a few milliseconds
 * (`alternating-loop.ts`), on a core that they share: one that counts, and one that was told not to. And two processes of one and the same server
 * differ for as long as they live, by where their memory lies and what the compiler has made of them. So there are many
 * pairs of them, and what is between the pairs is in the interval: each draw of the bootstrap draws pairs, and blocks of
 * each. The same between servers that both count tells what of it all is chance.
 */
import type { BlockShare } from '../load/programs/alternating-loop.ts';
import { Random } from '../load/random.ts';
import { foreignLoadWarnings, lower, type Metric, type RunMeasurement } from '../measurement.ts';
import type { Peer } from '../peers/peer.ts';
import { uetcd, uetcdUncounted } from '../peers/uetcd.ts';
import { canPin, coresOf, pinTo } from '../pinned.ts';
import { medianOf } from '../report/report.ts';
import type { Bench, Scenario } from './scenario.ts';

const CONNECTIONS = 64;
const SLICE_MS = 20;
const SLICES_PER_BLOCK = 4;
const [SERVERS_CORE, LOAD_CORE] = ['0', '1'];
/** Of processes. */
const PAIRS = 8;
const DRAWS = 2000;
/** Both ends of an interval that holds the truth 95 times of 100. */
const INTERVAL = [0.025, 0.975] as const;

export const metricsScenarios: readonly Scenario[] = [
  {
    name: 'metrics-cost',
    family: 'metrics',
    title: `set, ${CONNECTIONS} connections, one key: a server that counts and one that does not, in turn`,
    peers: ['uetcd'],
    run: (_, bench) => measureCost(bench, uetcdUncounted),
  },
  {
    name: 'metrics-chance',
    family: 'metrics',
    title: 'the same with two servers that both count: what is no cost',
    peers: ['uetcd'],
    run: (_, bench) => measureCost(bench, uetcd),
  },
];

type Block = readonly [counting: BlockShare, other: BlockShare];

/** @param other what a server that counts is compared with. */
async function measureCost(bench: Bench, other: Peer): Promise<RunMeasurement> {
  const pairs: (readonly Block[])[] = [];
  const usage = { elapsedMs: 0, foreignCpuMs: 0 };
  while (pairs.length < (bench.isSmoke ? 2 : PAIRS)) {
    // Neither is always the one that was started first.
    const isTurned = pairs.length % 2 === 1;
    const { blocks, elapsedMs, foreignCpuMs } = await measurePair(bench, isTurned ? [other, uetcd] : [uetcd, other]);
    pairs.push(isTurned ? blocks.map(([share, counting]) => [counting, share]) : blocks);
    usage.elapsedMs += elapsedMs;
    usage.foreignCpuMs += foreignCpuMs;
  }
  const random = new Random(bench.seed);
  return {
    metrics: [
      ...costMetrics('cpu cost', pairs, cpuCost, random),
      ...costMetrics('rate cost', pairs, rateCost, random),
      lower('cpu', 'cpu s/100k', medianOf(sorted(pairs.flat().map(([counting]) => 100 * cpuMsOf(counting))))),
      lower('cpu of the other', 'cpu s/100k', medianOf(sorted(pairs.flat().map(([, share]) => 100 * cpuMsOf(share))))),
    ],
    latencies: {},
    warnings: [...foreignLoadWarnings(usage), ...(canPin ? [] : ['nothing could be kept to a core of its own'])],
  };
}

async function measurePair(bench: Bench, [first, second]: readonly [Peer, Peer]) {
  const one = await bench.startAnother(first);
  try {
    const two = await bench.startAnother(second);
    const ownCores = canPin ? coresOf(process.pid) : '';
    try {
      if (canPin) {
        for (const { target } of [one, two]) pinTo(SERVERS_CORE, target.pid);
        pinTo(LOAD_CORE, process.pid);
      }
      return await bench.pool.run('alternatingLoop', {
        targets: [one.target, two.target],
        connections: CONNECTIONS,
        plan: { kind: 'set', keyCount: 1, valueSizeBytes: 11, seed: bench.seed },
        warmupMs: bench.warmupMs,
        sliceMs: bench.isSmoke ? 10 : SLICE_MS,
        blocks: bench.isSmoke ? 2 : Math.max(2, Math.round((2 * bench.measureMs) / (SLICES_PER_BLOCK * SLICE_MS))),
      });
    } finally {
      if (canPin) pinTo(ownCores, process.pid);
      await two.stop();
    }
  } finally {
    await one.stop();
  }
}

/** How much more processor time an answer takes, in percent. */
function cpuCost([counting, other]: Block): number {
  return 100 * (cpuMsOf(counting) / cpuMsOf(other) - 1);
}

/** How many answers fewer there are in a second, in percent. */
function rateCost([counting, other]: Block): number {
  const rateOf = ({ answers, elapsedMs }: BlockShare) => answers / elapsedMs;
  return 100 * (1 - rateOf(counting) / rateOf(other));
}

/** Processor time of an answer. */
function cpuMsOf({ serverCpuMs, answers }: BlockShare): number {
  return serverCpuMs / answers;
}

/** The cost, and between which bounds it lies. */
function costMetrics(
  name: string,
  pairs: readonly (readonly Block[])[],
  costOf: (block: Block) => number,
  random: Random,
): Metric[] {
  const costs = pairs.map((blocks) => blocks.map(costOf));
  const [low, high] = intervalOf(costs, random);
  return [
    lower(name, '%', middleOf(costs)),
    lower(`${name}, at least`, '%', low),
    lower(`${name}, at most`, '%', high),
  ];
}

/** The median of all blocks of all pairs. */
export function middleOf(pairs: readonly (readonly number[])[]): number {
  return medianOf(sorted(pairs.flat()));
}

/** Where that lies in 95 of 100 draws of pairs, and of the blocks of each. */
export function intervalOf(
  pairs: readonly (readonly number[])[],
  random: Random,
  draws = DRAWS,
): [low: number, high: number] {
  const drawFrom = <T>(all: readonly T[]): T[] => all.map(() => all[random.below(all.length)] as T);
  const drawn = sorted(Array.from({ length: draws }, () => middleOf(drawFrom(pairs).map(drawFrom))));
  return INTERVAL.map((share) => drawn[Math.round(share * (draws - 1))]) as [number, number];
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}
