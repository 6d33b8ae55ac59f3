/** From a set to those who wait for it: one watcher, many watchers. */

import type { WatchMode } from '../load/watcher.ts';
import {
  bottleneckWarnings,
  cpuMetric,
  foreignLoadWarnings,
  higher,
  percentileMetrics,
  perSecond,
  type RunMeasurement,
} from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { KEPT_UP } from './loads.ts';
import { type Bench, type Scenario, serversInMemory } from './scenario.ts';

const BACKGROUND_RATE = 20_000;

export const watchScenarios: readonly Scenario[] = [
  setToWatch('watch-long-poll', 'set→watch, long poll re-armed with waitIndex', 'long-poll', 0),
  setToWatch('watch-stream', 'set→watch, stream', 'stream', 0),
  setToWatch('watch-busy', 'set→watch, stream, 20 k sets/s on other keys', 'stream', BACKGROUND_RATE),
  ...[1, 100, 1_000, 5_000].map(fanOut),
];

function setToWatch(name: string, title: string, mode: WatchMode, backgroundRate: number): Scenario {
  return {
    name,
    family: 'set→watch',
    title,
    peers: serversInMemory,
    // Under a background load no core sleeps anyway.
    keepsCoresAwake: backgroundRate === 0,
    run: (peer, bench) => measureSetToWatch(peer, bench, mode, bench.isSmoke ? backgroundRate / 10 : backgroundRate),
  };
}

async function measureSetToWatch(
  peer: RunningPeer,
  bench: Bench,
  mode: WatchMode,
  backgroundRate: number,
): Promise<RunMeasurement> {
  const result = await bench.pool.run('setToWatch', {
    target: peer.target,
    mode,
    backgroundRatePerSecond: backgroundRate,
    backgroundPlan: { kind: 'set', keyCount: 1024, valueSizeBytes: 64, seed: bench.seed, root: '/bench/background' },
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
  });
  const isBehind = result.backgroundRate < backgroundRate * KEPT_UP;
  return {
    metrics: [
      ...percentileMetrics(result.latency),
      ...percentileMetrics(result.ackLatency, 'ack '),
      higher('events', '/s', perSecond(result.events, result.usage)),
      ...(backgroundRate > 0 ? [higher('background', '/s', result.backgroundRate)] : []),
    ],
    latencies: { event: result.latency, ack: result.ackLatency },
    warnings: [
      ...foreignLoadWarnings(result.usage),
      ...(isBehind ? [`only ${Math.round(result.backgroundRate)} of ${backgroundRate} background sets/s`] : []),
    ],
  };
}

function fanOut(watchers: number): Scenario {
  return {
    name: `fan-out-${watchers}`,
    family: 'fan-out',
    title: `one set heard by ${watchers} streams`,
    peers: serversInMemory,
    run: (peer, bench) => measureFanOut(peer, bench, bench.isSmoke ? Math.min(watchers, 50) : watchers),
  };
}

async function measureFanOut(peer: RunningPeer, bench: Bench, watchers: number): Promise<RunMeasurement> {
  const result = await bench.pool.run('fanOut', {
    target: peer.target,
    watchers,
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
  });
  const deliveries = result.rounds * watchers;
  return {
    metrics: [
      higher('deliveries', '/s', perSecond(deliveries, result.usage)),
      ...percentileMetrics(result.latency, 'last watcher '),
      ...percentileMetrics(result.ackLatency, 'ack '),
      cpuMetric(result.usage, deliveries),
    ],
    latencies: { 'last watcher': result.latency, ack: result.ackLatency },
    warnings: bottleneckWarnings(result.usage),
  };
}
