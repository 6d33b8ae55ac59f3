/** What others notice of clients that mean ill, and what such clients cost: each attack in turn, from processes of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ATTACKS, type AttackName, DEAF_KEY } from '../load/attacks.ts';
import type { Target } from '../load/dialect.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { ask } from '../load/probe.ts';
import { residentBytes } from '../load/process-usage.ts';
import { lower, type Metric, type RunMeasurement } from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import type { Bench, Scenario } from './scenario.ts';

const PROBE_RATE = 500;
const PROCESSES = 4;
const EVENT_BYTES = 16 * 1024;
const EVENT_PAUSE_MS = 200;
const SETTLE_MS = 2_000;
const ENTRY = fileURLToPath(new URL('../load/attacker-process.ts', import.meta.url));

/** How many connections each has. The forms and heads are large, and their sender takes one of two cores. */
const CONNECTIONS: Readonly<Record<AttackName, number>> = {
  'slow-heads': 10_000,
  'slow-forms': 1_000,
  'deaf-streams': 5_000,
  'large-heads': 500,
  'half-closed': 1_000,
  garbage: 200,
};

export const hostileScenarios: readonly Scenario[] = [
  {
    name: 'hostile',
    family: 'hostile',
    title: `sets at ${PROBE_RATE}/s beside clients that mean ill, one kind after the other`,
    peers: ['uetcd'],
    needsFreshServer: true,
    run: measureHostile,
  },
];

async function measureHostile(peer: RunningPeer, bench: Bench): Promise<RunMeasurement> {
  const idle = await probe(peer, bench);
  const residentBefore = residentBytes(peer.target.pid);
  const metrics: Metric[] = [lower('idle p99', 'µs', p99Of(idle) * 1000)];
  const latencies: Record<string, string> = { idle };
  for (const name of ATTACKS) {
    const attackers = await attack(name, peer.target, bench.isSmoke ? PROCESSES : CONNECTIONS[name]);
    const talk = name === 'deaf-streams' ? talkToTheDeaf(peer.target) : undefined;
    const latency = await probe(peer, bench);
    await talk?.();
    const resident = residentBytes(peer.target.pid);
    for (const attacker of attackers) attacker.disconnect();
    await Promise.all(attackers.map(ended));
    await sleep(bench.isSmoke ? 20 : SETTLE_MS);
    metrics.push(
      lower(`${name} p99/idle`, '×', p99Of(latency) / p99Of(idle)),
      lower(`${name} rss`, 'MB', (resident - residentBefore) / 1e6),
      lower(`${name} left`, 'MB', (residentBytes(peer.target.pid) - residentBefore) / 1e6),
    );
    latencies[name] = latency;
  }
  return { metrics, latencies, warnings: [] };
}

async function probe(peer: RunningPeer, bench: Bench): Promise<string> {
  const result = await bench.pool.run('openLoop', {
    target: peer.target,
    connections: 16,
    plan: { kind: 'set', keyCount: 1024, valueSizeBytes: 64, seed: bench.seed, root: '/others' },
    ratePerSecond: PROBE_RATE,
    warmupMs: bench.warmupMs,
    measureMs: bench.measureMs,
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

/** Resolves when all connections have been opened. */
async function attack(name: AttackName, target: Target, connections: number): Promise<ChildProcess[]> {
  const each = String(Math.ceil(connections / PROCESSES));
  const attackers = Array.from({ length: PROCESSES }, () =>
    fork(ENTRY, [name, '127.0.0.1', String(target.port), each]),
  );
  await Promise.all(attackers.map((attacker) => once(attacker, 'message')));
  return attackers;
}

async function ended(attacker: ChildProcess): Promise<void> {
  if (attacker.exitCode === null && attacker.signalCode === null) await once(attacker, 'exit');
}
