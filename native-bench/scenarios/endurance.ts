/** What disks and time do: durable sets, restarts, and doing nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { dialectOf } from '../load/dialect.ts';
import { ask } from '../load/probe.ts';
import { processCpuMs, residentBytes } from '../load/process-usage.ts';
import { keyAt, type RequestPlan } from '../load/request-source.ts';
import { higher, lower, percentileMetrics, type RunMeasurement } from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { fill, measureClosedLoop } from './loads.ts';
import type { Bench, Scenario } from './scenario.ts';

/** What a journal keeps of a small set: length, checksum, index, time, path and value. */
const RECORD_SIZE_BYTES = 128;

export const enduranceScenarios: readonly Scenario[] = [
  durable(1, 'set, 1 connection, acknowledged means on disk'),
  durable(64, 'set, 64 connections, acknowledged means on disk'),
  {
    name: 'restart',
    family: 'restart',
    title: 'kill -9 with 1 M keys, start again, until it answers',
    peers: ['uetcd-durable', 'etcd-disk', 'redis-always'],
    needsFreshServer: true,
    endsServer: true,
    run: (peer, bench) => measureRestart(peer, bench, bench.isSmoke ? 1_000 : 1_000_000),
  },
  {
    name: 'idle',
    family: 'idle',
    title: 'processor time and memory of a server that was busy and now has nothing to do',
    peers: ['uetcd', 'uetcd-durable', 'etcd-memory', 'bare-uws', 'redis'],
    needsFreshServer: true,
    run: measureIdle,
  },
];

function durable(connections: number, title: string): Scenario {
  return {
    name: `durable-${connections}`,
    family: 'durable',
    title,
    peers: ['uetcd-durable', 'etcd-disk', 'redis-always', 'uetcd', 'fdatasync'],
    run: (peer, bench) =>
      peer.target.dialect === 'bare'
        ? measureDisk(peer.directory as string, bench, connections)
        : measureClosedLoop(peer, bench, { kind: 'set', connections }),
  };
}

async function measureDisk(directory: string, bench: Bench, groupSize: number): Promise<RunMeasurement> {
  const result = await bench.pool.run('writeAndSync', {
    directory,
    recordSizeBytes: RECORD_SIZE_BYTES,
    groupSize,
    measureMs: bench.measureMs,
  });
  return {
    metrics: [higher('rate', '/s', (result.records / result.elapsedMs) * 1000), ...percentileMetrics(result.latency)],
    latencies: { answer: result.latency },
    warnings: [],
  };
}

async function measureRestart(peer: RunningPeer, bench: Bench, keyCount: number): Promise<RunMeasurement> {
  const plan: RequestPlan = { kind: 'fill', keyCount, valueSizeBytes: 64, seed: bench.seed, root: '/many' };
  await fill(peer, bench, plan);
  await peer.kill();
  const startedAt = performance.now();
  const restarted = await peer.restart();
  try {
    for (const key of [0, keyCount >> 1, keyCount - 1]) {
      const answer = await ask(restarted.target, dialectOf(restarted.target).get(keyAt(key, plan)));
      if (!answer.body.includes('fill.')) throw new Error(`${keyAt(key, plan)} is lost: ${answer.body.slice(0, 200)}`);
    }
    return {
      metrics: [
        lower('restart', 's', (performance.now() - startedAt) / 1000),
        lower('rss', 'MB', residentBytes(restarted.target.pid) / 1e6),
      ],
      latencies: {},
      warnings: [],
    };
  } finally {
    await restarted.stop();
  }
}

async function measureIdle(peer: RunningPeer, bench: Bench): Promise<RunMeasurement> {
  await measureClosedLoop(peer, bench, { kind: 'set', connections: 16 });
  await sleep(bench.isSmoke ? 100 : 2_000);
  const watchedMs = bench.isSmoke ? 300 : 10_000;
  const before = processCpuMs(peer.target.pid);
  await sleep(watchedMs);
  return {
    metrics: [
      lower('idle cpu', '%', ((processCpuMs(peer.target.pid) - before) / watchedMs) * 100),
      lower('rss', 'MB', residentBytes(peer.target.pid) / 1e6),
    ],
    latencies: {},
    warnings: [],
  };
}
