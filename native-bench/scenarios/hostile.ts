/**
 * What others notice of clients that mean ill, and what such clients cost: each attack in turn, from processes of its own, at
 * a stated rate. Opening the connections is measured apart from what comes after it.
 *
 * All of it shares the cores of one machine. So the client that measures sleeps between its requests, what attackers take of
 * a core is told, and the peers have the same beside them: what uWebSockets.js alone shows is no fault of this server.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ATTACKS, type AttackName, DEAF_KEY } from '../load/attacks.ts';
import type { Target } from '../load/dialect.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { ask } from '../load/probe.ts';
import { processCpuMs, residentBytes } from '../load/process-usage.ts';
import { lower, type Metric, type RunMeasurement } from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { type Bench, type Scenario, v2InMemory } from './scenario.ts';

const PROBE_RATE = 500;
const PROCESSES = 2;
const EVENT_BYTES = 16 * 1024;
const EVENT_PAUSE_MS = 1_000;
const SETTLE_MS = 1_000;
/** By then a quiet server has given back what it can: README, "Memory after a peak". */
const GIVEN_BACK_MS = 25_000;
const ENTRY = fileURLToPath(new URL('../load/attacker-process.ts', import.meta.url));

interface Plan {
  readonly connections: number;
  /** Of all connections together. */
  readonly opensPerSecond: number;
}

/**
 * Each connection does something once a second, heads that are large every two: 10,000 bytes a second of slow heads, 16 MB of
 * slow forms, 80 MB of events for deaf streams, 64 MB of large heads, half-closed connections 500 times.
 */
const PLANS: Readonly<Record<AttackName, Plan>> = {
  'slow-heads': { connections: 10_000, opensPerSecond: 4_000 },
  'slow-forms': { connections: 1_000, opensPerSecond: 1_000 },
  'deaf-streams': { connections: 5_000, opensPerSecond: 2_000 },
  'large-heads': { connections: 500, opensPerSecond: 500 },
  'half-closed': { connections: 1_000, opensPerSecond: 1_000 },
  garbage: { connections: 200, opensPerSecond: 200 },
};

export const hostileScenarios: readonly Scenario[] = [
  {
    name: 'hostile',
    family: 'hostile',
    title: `sets at ${PROBE_RATE}/s beside clients that mean ill, one kind after the other`,
    peers: v2InMemory,
    needsFreshServer: true,
    run: measureHostile,
  },
];

async function measureHostile(peer: RunningPeer, bench: Bench): Promise<RunMeasurement> {
  const { target } = peer;
  await warmUp(target, bench);
  const idle = await probe(target, bench, bench.measureMs);
  const residentBefore = residentBytes(target.pid);
  const metrics: Metric[] = [lower('idle p99', 'µs', p99Of(idle) * 1000)];
  const latencies: Record<string, string> = { idle };
  for (const name of ATTACKS) {
    const plan = bench.isSmoke ? { connections: PROCESSES, opensPerSecond: 100 } : PLANS[name];
    const attackers = startAttackers(name, target, plan);
    const openMs = bench.isSmoke ? bench.measureMs : (plan.connections / plan.opensPerSecond) * 1000;
    const opening = await probe(target, bench, openMs);
    await Promise.all(attackers.map(({ opened }) => opened));
    const talk = name === 'deaf-streams' ? talkToTheDeaf(target) : undefined;
    const cpuBeforeMs = cpuOf(attackers);
    const startedMs = performance.now();
    const latency = await probe(target, bench, bench.measureMs);
    const cpuShare = (cpuOf(attackers) - cpuBeforeMs) / (performance.now() - startedMs);
    await talk?.();
    const resident = residentBytes(target.pid);
    for (const { process } of attackers) process.disconnect();
    await Promise.all(attackers.map(ended));
    metrics.push(
      lower(`${name} opening p99`, 'µs', p99Of(opening) * 1000),
      lower(`${name} p99`, 'µs', p99Of(latency) * 1000),
      lower(`${name} p99/idle`, '×', p99Of(latency) / p99Of(idle)),
      lower(`${name} attackers`, '%', cpuShare * 100),
      lower(`${name} rss`, 'MB', (resident - residentBefore) / 1e6),
    );
    latencies[name] = latency;
    latencies[`${name} opening`] = opening;
    await sleep(bench.isSmoke ? 20 : SETTLE_MS);
  }
  await sleep(bench.isSmoke ? 20 : GIVEN_BACK_MS);
  metrics.push(lower('left', 'MB', (residentBytes(target.pid) - residentBefore) / 1e6));
  return { metrics, latencies, warnings: [] };
}

/** A server that has compiled its code: else the first phase, which all others are compared with, is the slowest. */
async function warmUp(target: Target, bench: Bench): Promise<void> {
  await bench.pool.run('closedLoop', {
    target,
    connections: 16,
    plan: { kind: 'set', keyCount: 1024, valueSizeBytes: 64, seed: bench.seed, root: '/others' },
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
    isOnlyWriter: false,
  });
}

async function probe(target: Target, bench: Bench, measureMs: number): Promise<string> {
  const result = await bench.pool.run('openLoop', {
    target,
    connections: 16,
    plan: { kind: 'set', keyCount: 1024, valueSizeBytes: 64, seed: bench.seed, root: '/others' },
    ratePerSecond: PROBE_RATE,
    sleeps: true,
    warmupMs: 0,
    measureMs,
  });
  return result.latency;
}

/** Writes large events that nobody reads. @returns what ends it. */
function talkToTheDeaf(target: Target): () => Promise<void> {
  const form = `value=${'x'.repeat(EVENT_BYTES)}`;
  const type = 'Content-Type: application/x-www-form-urlencoded';
  const head = `PUT ${DEAF_KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\n${type}\r\nContent-Length: ${form.length}\r\n\r\n`;
  let isOver = false;
  const talking = (async () => {
    for (; !isOver; await sleep(EVENT_PAUSE_MS)) await ask(target, head + form);
  })();
  return () => {
    isOver = true;
    return talking;
  };
}

function p99Of(latency: string): number {
  return LatencyHistogram.decode(latency).percentileMs(99);
}

interface Attacker {
  readonly process: ChildProcess;
  /** Resolves when all its connections have been opened. */
  readonly opened: Promise<unknown>;
}

function startAttackers(name: AttackName, target: Target, { connections, opensPerSecond }: Plan): Attacker[] {
  const each = String(Math.ceil(connections / PROCESSES));
  const opensEach = String(opensPerSecond / PROCESSES);
  return Array.from({ length: PROCESSES }, () => {
    const process = fork(ENTRY, [name, '127.0.0.1', String(target.port), each, opensEach]);
    return { process, opened: once(process, 'message') };
  });
}

function cpuOf(attackers: readonly Attacker[]): number {
  return attackers.reduce((sum, { process: { pid } }) => sum + (pid === undefined ? 0 : processCpuMs(pid)), 0);
}

async function ended({ process }: Attacker): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
}
