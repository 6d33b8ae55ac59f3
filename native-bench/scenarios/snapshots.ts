/** What a snapshot of many keys costs those who set meanwhile. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { lower, type RunMeasurement } from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { fill, measureClosedLoop, measureOpenLoop } from './loads.ts';
import type { Bench, Scenario } from './scenario.ts';

const LOOK_MS = 10;
const QUIET_MS = 1500;
/** More than the write commands between two snapshots, at any rate that a machine reaches. */
const BURSTS_MAX = 200;

export const snapshotScenarios: readonly Scenario[] = [
  {
    name: 'snapshot',
    family: 'snapshot',
    title: 'others set at 5,000/s while a snapshot of 1 M keys is made, and while none is',
    peers: ['uetcd-durable'],
    needsFreshServer: true,
    endsServer: true,
    run: (peer, bench) => measureSnapshot(peer, bench, bench.isSmoke ? 1_000 : 1_000_000),
  },
];

async function measureSnapshot(peer: RunningPeer, bench: Bench, keyCount: number): Promise<RunMeasurement> {
  const { directory } = peer;
  if (directory === undefined) throw new Error('a snapshot needs a directory');
  await fill(peer, bench, { kind: 'fill', keyCount, valueSizeBytes: 64, seed: bench.seed, root: '/many' });
  if (!bench.isSmoke) await untilQuiet(directory);
  const load = { kind: 'set', connections: 64, ratePerSecond: bench.isSmoke ? 200 : 5_000 } as const;
  const quiet = await measureOpenLoop(peer, bench, load);

  // A checkpoint begins a segment, and the snapshot with it; its end is a snapshot of another name.
  const segment = newest(directory, '.log');
  for (let burst = 0; burst < (bench.isSmoke ? 1 : BURSTS_MAX) && newest(directory, '.log') === segment; burst++) {
    await measureClosedLoop(peer, { ...bench, warmupMs: 0, measureMs: 100 }, { kind: 'set', connections: 64 });
  }
  const snapshot = newest(directory, '.snap');
  const watched = { looks: 0, during: 0 };
  const timer = setInterval(() => {
    watched.looks++;
    if (newest(directory, '.snap') === snapshot) watched.during++;
  }, LOOK_MS);
  const busy = await measureOpenLoop(peer, { ...bench, warmupMs: 0 }, load);
  clearInterval(timer);

  const [quietP99, busyP99] = [p99Us(quiet), p99Us(busy)];
  return {
    metrics: [
      lower('quiet p99', 'µs', quietP99),
      lower('during p99', 'µs', busyP99),
      lower('during/quiet', '×', busyP99 / quietP99),
      lower('covered', '%', (100 * watched.during) / Math.max(1, watched.looks)),
    ],
    latencies: { quiet: latencyOf(quiet), during: latencyOf(busy) },
    warnings: [...quiet.warnings, ...busy.warnings],
  };
}

/** Waits until the snapshots of the filling are made. */
async function untilQuiet(directory: string): Promise<void> {
  for (let last = ''; last !== readdirSync(directory).join(); ) {
    last = readdirSync(directory).join();
    await sleep(QUIET_MS);
  }
}

function newest(directory: string, suffix: string): string | undefined {
  return readdirSync(directory)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .at(-1);
}

function latencyOf(run: RunMeasurement): string {
  return run.latencies['answer'] as string;
}

function p99Us(run: RunMeasurement): number {
  return LatencyHistogram.decode(latencyOf(run)).percentileMs(99) * 1000;
}
