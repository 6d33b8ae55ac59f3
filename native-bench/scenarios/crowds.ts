/** Very many of something: idle watchers, keys, children of one directory, expirations, new connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import { dialectOf } from '../load/dialect.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { ask } from '../load/probe.ts';
import { residentBytes } from '../load/process-usage.ts';
import type { ExpiryResult } from '../load/programs/expiry.ts';
import type { OpenLoopResult, OpenLoopSpec } from '../load/programs/open-loop.ts';
import type { RequestPlan } from '../load/request-source.ts';
import {
  bottleneckWarnings,
  cpuMetric,
  higher,
  lower,
  type Metric,
  percentileMetrics,
  perSecond,
  type RunMeasurement,
} from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { fill, lagWarnings, SLEEPER_LAG_LIMIT_MS, steadyRateMetrics, steadyRateWarnings } from './loads.ts';
import { type Bench, type Scenario, serversInMemory } from './scenario.ts';

const OTHERS_RATE = 2_000;
const LIST_PAUSE_MS = 50;
const POLL_CROWD = 5_000;
/** Others are few: two threads that read for others and for the crowd leave the server little of two cores. */
const POLL_CROWD_OTHERS_RATE = 500;
/** Long enough for etcd to tell all of it and let it come again. */
const POLL_CROWD_SETS_EVERY_MS = 500;
const POLL_CROWD_OPENS_MS = 5_000;
const EXPIRY_HORIZON_MS = 15_000;
const REHEARSED_EXPIRIES = 10_000;
/** Slow enough for etcd to be filled with them. */
const EXPIRY_FILL_MS = 8_000;
const EXPIRY_PATIENCE_MS = 4_000;
const SETTLE_MS = 1_000;
/** uetcd finds out within twenty seconds that it is quiet, and looks once more after ten. */
const QUIET_MS = 35_000;

export const crowdScenarios: readonly Scenario[] = [
  {
    name: 'idle-watchers',
    family: 'idle watchers',
    title: '10,000 idle watchers: memory each, and what they cost sets on other keys',
    peers: serversInMemory,
    needsFreshServer: true,
    run: (peer, bench) => measureIdleWatchers(peer, bench, bench.isSmoke ? 200 : 10_000),
  },
  ...[10_000, 100_000, 1_000_000].map(manyKeys),
  {
    name: 'listing',
    family: 'listing',
    title: `a directory of 100 k children is listed over and over; others set at ${OTHERS_RATE}/s`,
    peers: ['uetcd', 'etcd-memory'],
    needsFreshServer: true,
    run: (peer, bench) => measureListing(peer, bench, bench.isSmoke ? 1_000 : 100_000),
  },
  {
    name: 'expiry',
    family: 'expiry',
    title: `100 k keys expire within one second; others set at ${OTHERS_RATE}/s`,
    peers: ['uetcd', 'etcd-memory', 'redis'],
    needsFreshServer: true,
    run: (peer, bench) => measureExpiry(peer, bench, bench.isSmoke ? 1_000 : 100_000),
  },
  {
    name: 'poll-crowd',
    family: 'poll crowd',
    title: `${POLL_CROWD} long polls on one key, which is set twice a second; others set at ${POLL_CROWD_OTHERS_RATE}/s`,
    peers: ['uetcd', 'etcd-memory', 'bare-uws'],
    needsFreshServer: true,
    run: (peer, bench) => measurePollCrowd(peer, bench, bench.isSmoke ? 50 : POLL_CROWD),
  },
  newConnections('connect-64', 'a new connection for every set, 64 at a time', 0),
  newConnections('connect-open-5k', 'a new connection for every set, open loop, 5,000/s', 5_000),
];

async function measureIdleWatchers(peer: RunningPeer, bench: Bench, watchers: number): Promise<RunMeasurement> {
  const result = await bench.pool.run('idleWatchers', {
    watchers,
    settleMs: bench.isSmoke ? 20 : SETTLE_MS,
    quietMs: bench.isSmoke ? 20 : QUIET_MS,
    load: {
      target: peer.target,
      connections: 64,
      plan: { kind: 'set', keyCount: 1, valueSizeBytes: 11, seed: bench.seed },
      warmupMs: bench.warmupMs,
      measureMs: bench.measureMs,
      isOnlyWriter: true,
    },
  });
  const rateWithout = perSecond(result.without.answers, result.without.usage);
  const rateWith = perSecond(result.with.answers, result.with.usage);
  const { residentBytesWith, residentBytesBefore, residentBytesAfter } = result;
  const kilobytesEach = (bytes: number): number => bytes / watchers / 1024;
  return {
    metrics: [
      lower('memory each', 'KB', kilobytesEach(residentBytesWith - residentBytesBefore)),
      lower('left behind each', 'KB', kilobytesEach(residentBytesAfter - residentBytesBefore)),
      higher('rate with/without', '×', rateWith / rateWithout),
      higher('rate with', '/s', rateWith),
      higher('rate without', '/s', rateWithout),
    ],
    latencies: {},
    warnings: bottleneckWarnings(result.with.usage),
  };
}

function manyKeys(keyCount: number): Scenario {
  return {
    name: `keys-${keyCount >= 1_000_000 ? `${keyCount / 1_000_000}m` : `${keyCount / 1_000}k`}`,
    family: 'keys',
    title: `set and get among ${keyCount.toLocaleString('en-US')} keys at depth 3 of 64 B, 64 connections`,
    peers: ['uetcd', 'etcd-memory', 'redis'],
    needsFreshServer: true,
    run: (peer, bench) => measureManyKeys(peer, bench, bench.isSmoke ? keyCount / 500 : keyCount),
  };
}

async function measureManyKeys(peer: RunningPeer, bench: Bench, keyCount: number): Promise<RunMeasurement> {
  const plan: RequestPlan = { kind: 'set', keyCount, valueSizeBytes: 64, seed: bench.seed, root: '/many' };
  const load = (part: RequestPlan, warmupMs: number) =>
    bench.pool.run('closedLoop', {
      target: peer.target,
      connections: 64,
      plan: part,
      warmupMs,
      measureMs: bench.measureMs,
      isOnlyWriter: true,
    });
  // One key first: compiled code and grown heaps are the server's, not the keys'.
  await load({ ...plan, keyCount: 1, root: '/one' }, bench.warmupMs);
  const residentBefore = residentBytes(peer.target.pid);
  await fill(peer, bench, plan);
  const residentFilled = residentBytes(peer.target.pid);
  const set = await load(plan, bench.warmupMs);
  const get = await load({ ...plan, kind: 'get' }, bench.warmupMs);
  return {
    metrics: [
      higher('set rate', '/s', perSecond(set.answers, set.usage)),
      higher('get rate', '/s', perSecond(get.answers, get.usage)),
      ...percentileMetrics(set.latency, 'set '),
      ...percentileMetrics(get.latency, 'get '),
      lower('memory per key', 'B', (residentFilled - residentBefore) / keyCount),
      lower('memory per key after sets', 'B', (residentBytes(peer.target.pid) - residentBefore) / keyCount),
    ],
    latencies: { set: set.latency, get: get.latency },
    warnings: [...bottleneckWarnings(set.usage), ...bottleneckWarnings(get.usage)],
  };
}

async function measureListing(peer: RunningPeer, bench: Bench, children: number): Promise<RunMeasurement> {
  const directory = '/children';
  await fill(peer, bench, {
    kind: 'fill',
    keyCount: children,
    isFlat: true,
    valueSizeBytes: 64,
    seed: bench.seed,
    root: directory,
  });
  await requireChildren(peer, directory, children);
  const others = othersSpec(peer, bench);
  const quiet = await bench.pool.run('openLoop', others);
  const [result, disturbed] = await Promise.all([
    bench.pool.runBeside('listing', {
      target: peer.target,
      directory,
      delayMs: others.warmupMs,
      durationMs: others.measureMs,
      pauseMs: LIST_PAUSE_MS,
    }),
    bench.pool.run('openLoop', others),
  ]);
  return {
    metrics: [
      ...othersMetrics(disturbed),
      ...percentileMetrics(quiet.latency, 'quiet '),
      lower('listing', 'ms', LatencyHistogram.decode(result.latency).percentileMs(50)),
      higher('listings', '/s', (result.listings / bench.measureMs) * 1000),
    ],
    latencies: { others: disturbed.latency, quiet: quiet.latency },
    warnings: lagWarnings(disturbed, SLEEPER_LAG_LIMIT_MS),
  };
}

async function requireChildren(peer: RunningPeer, directory: string, children: number): Promise<void> {
  const answer = await ask(peer.target, dialectOf(peer.target).list(directory));
  const listed = (JSON.parse(answer.body) as { node?: { nodes?: unknown[] } }).node?.nodes?.length;
  if (listed !== children) throw new Error(`${children} children were set, ${listed} are listed`);
}

/** Others are measured from the first set on until as long after the last one as after each other. */
async function measurePollCrowd(peer: RunningPeer, bench: Bench, watchers: number): Promise<RunMeasurement> {
  const sets = Math.max(2, Math.ceil(bench.measureMs / POLL_CROWD_SETS_EVERY_MS));
  const everyMs = bench.isSmoke ? 20 : POLL_CROWD_SETS_EVERY_MS;
  const others = { ...othersSpec(peer, bench), ratePerSecond: POLL_CROWD_OTHERS_RATE };
  const beginsAt = epochMs() + (bench.isSmoke ? 1_000 : POLL_CROWD_OPENS_MS);
  const measureOthers = async () => {
    await sleep(beginsAt - others.warmupMs - epochMs());
    return bench.pool.run('openLoop', { ...others, warmupMs: beginsAt - epochMs(), measureMs: sets * everyMs });
  };
  const [{ latency }, disturbed] = await Promise.all([
    bench.pool.runBeside('pollCrowd', { target: peer.target, watchers, sets, everyMs, beginsAt }),
    measureOthers(),
  ]);
  return {
    metrics: [...othersMetrics(disturbed), ...percentileMetrics(latency, 'heard ')],
    latencies: { others: disturbed.latency, heard: latency },
    warnings: lagWarnings(disturbed, SLEEPER_LAG_LIMIT_MS),
  };
}

/** Others are measured in the second in which the keys end, whether or not a server is done with them then. */
async function measureExpiry(peer: RunningPeer, bench: Bench, keyCount: number): Promise<RunMeasurement> {
  const deadline = epochMs() + (bench.isSmoke ? 4_500 : EXPIRY_HORIZON_MS);
  const measureOthers = async () => {
    const spec = othersSpec(peer, bench);
    await sleep(deadline - spec.warmupMs - epochMs());
    const measureMs = bench.isSmoke ? spec.measureMs : 1_000;
    return bench.pool.run('openLoop', { ...spec, warmupMs: deadline - epochMs(), measureMs });
  };
  const [heard, others] = await Promise.all([
    bench.pool.runBeside('expiry', {
      target: peer.target,
      keyCount,
      rehearsedKeyCount: bench.isSmoke ? keyCount / 10 : REHEARSED_EXPIRIES,
      deadline,
      fillMs: bench.isSmoke ? 1_000 : EXPIRY_FILL_MS,
      patienceMs: bench.isSmoke ? 1_200 : EXPIRY_PATIENCE_MS,
    }),
    measureOthers(),
  ]);
  return {
    metrics: [
      higher('events heard', '', heard.events),
      ...latenessMetrics(heard),
      ...othersMetrics(others),
      cpuMetric(others.usage, keyCount),
    ],
    latencies: { lateness: heard.lateness, others: others.latency },
    warnings: [
      ...lagWarnings(others, SLEEPER_LAG_LIMIT_MS),
      ...(heard.events < keyCount
        ? [`the stream heard ${heard.events} of ${keyCount} expirations; lateness is theirs`]
        : []),
    ],
  };
}

function latenessMetrics({ events, lateness }: ExpiryResult): Metric[] {
  if (events === 0) return [];
  const histogram = LatencyHistogram.decode(lateness);
  return [
    lower('lateness p50', 'ms', histogram.percentileMs(50)),
    lower('lateness p99', 'ms', histogram.percentileMs(99)),
    lower('lateness max', 'ms', histogram.maximumMs),
  ];
}

/** Others who set other keys at a modest rate: not to load the server, but to feel what it does to them. */
function othersSpec(peer: RunningPeer, bench: Bench): OpenLoopSpec {
  return {
    target: peer.target,
    connections: 16,
    plan: { kind: 'set', keyCount: 1024, valueSizeBytes: 64, seed: bench.seed, root: '/others' },
    ratePerSecond: OTHERS_RATE,
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
    sleeps: true,
  };
}

function othersMetrics({ latency }: OpenLoopResult): Metric[] {
  return [
    ...percentileMetrics(latency, 'others '),
    lower('others max', 'µs', LatencyHistogram.decode(latency).maximumMs * 1000),
  ];
}

/** On the clock that all threads of the generator share. */
function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

function newConnections(name: string, title: string, ratePerSecond: number): Scenario {
  return {
    name,
    family: 'connections',
    title,
    peers: serversInMemory,
    async run(peer, bench) {
      const result = await bench.pool.run('newConnections', {
        target: peer.target,
        concurrency: ratePerSecond === 0 ? 64 : 2_000,
        ratePerSecond: bench.isSmoke ? ratePerSecond / 10 : ratePerSecond,
        warmupMs: bench.warmupMs,
        measureMs: bench.measureMs,
      });
      return {
        metrics: steadyRateMetrics(result),
        latencies: { answer: result.latency },
        warnings: ratePerSecond === 0 ? bottleneckWarnings(result.usage) : steadyRateWarnings(result),
      };
    },
  };
}
