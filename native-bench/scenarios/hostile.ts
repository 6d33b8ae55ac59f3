/**
 * What others notice of clients that mean ill, and what such clients cost: each attack in turn, from processes of its own, at
 * a stated rate. Opening the connections is measured apart from what comes after it.
 *
 * All of it shares the cores of one machine. So attackers run in the scheduler's lowest class, as if they were elsewhere, and it is
 * told whether they have done what they were to do; the client that measures sleeps between its requests; and the peers have
 * the same beside them: what uWebSockets.js alone shows is no fault of this server.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Attackers, type AttackPlan } from '../load/attackers.ts';
import { DEAF_KEY } from '../load/attacks.ts';
import type { Target } from '../load/dialect.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';
import { ask } from '../load/probe.ts';
import { residentBytes } from '../load/process-usage.ts';
import type { OpenLoopResult } from '../load/programs/open-loop.ts';
import { higher, lower, type Metric, percent, type RunMeasurement } from '../measurement.ts';
import type { RunningPeer } from '../peers/peer.ts';
import { lagWarnings, SLEEPER_LAG_LIMIT_MS } from './loads.ts';
import { type Bench, type Scenario, v2InMemory } from './scenario.ts';

const PROBE_RATE = 500;
/** A p99 is what 25 requests have waited, at the least. */
const PHASE_MS_MIN = 5_000;
const IDLE_MS = 10_000;
const EVENT_BYTES = 16 * 1024;
const EVENT_PAUSE_MS = 1_000;
const SETTLE_MS = 1_000;
/** By then a quiet server has given back what it can: README, "Memory after a peak". */
const GIVEN_BACK_MS = 25_000;
/** Below this the attack was not the stated one. */
const REACHED_MIN = 0.9;

interface Plan extends AttackPlan {
  readonly phaseMs: number;
  /** How long it is measured beyond that, apart, until the server has sent all of them away once. */
  readonly sentAwayMs?: number;
  /** For servers that have any. */
  readonly needsUsers?: boolean;
}

/**
 * Each connection does something once a second, heads that are large every two, forms that are bombs every four: 10,000 bytes a
 * second of slow heads, 16 MB of slow forms, 80 MB of events for deaf streams, 64 MB of large heads, 50 MB of bombs, half-closed
 * connections 500 times, 200 guesses at a password.
 */
const PLANS: readonly Plan[] = [
  { name: 'slow-heads', connections: 10_000, opensPerSecond: 4_000, phaseMs: PHASE_MS_MIN, sentAwayMs: 10_000 },
  { name: 'slow-forms', connections: 1_000, opensPerSecond: 1_000, phaseMs: PHASE_MS_MIN },
  { name: 'deaf-streams', connections: 5_000, opensPerSecond: 2_000, phaseMs: PHASE_MS_MIN },
  { name: 'large-heads', connections: 500, opensPerSecond: 500, phaseMs: PHASE_MS_MIN },
  { name: 'half-closed', connections: 1_000, opensPerSecond: 1_000, phaseMs: PHASE_MS_MIN },
  { name: 'garbage', connections: 200, opensPerSecond: 200, phaseMs: PHASE_MS_MIN },
  { name: 'wrong-passwords', connections: 200, opensPerSecond: 200, phaseMs: PHASE_MS_MIN, needsUsers: true },
  { name: 'form-bombs', connections: 40, opensPerSecond: 10, phaseMs: 2 * PHASE_MS_MIN },
];

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

/** What an attack has shown. */
interface Phase {
  readonly opening: string;
  readonly latency: string;
  readonly warnings: readonly string[];
  readonly sentAway: string | undefined;
  readonly cpuShare: number;
  readonly reached: number;
  readonly resident: number;
}

async function measureHostile(peer: RunningPeer, bench: Bench): Promise<RunMeasurement> {
  const { target } = peer;
  await warmUp(target, bench);
  const { latency: idle } = await probe(target, bench, phaseMsOf(IDLE_MS, bench));
  const residentBefore = residentBytes(target.pid);
  const metrics: Metric[] = [lower('idle p99', 'µs', p99Of(idle) * 1000)];
  const latencies: Record<string, string> = { idle };
  const warnings: string[] = [];
  for (const plan of PLANS) {
    if (plan.needsUsers === true && target.dialect !== 'v2') continue;
    const { name } = plan;
    const phase = await withUsers(target, plan.needsUsers === true, () => measurePhase(target, bench, plan));
    metrics.push(
      lower(`${name} opening p99`, 'µs', p99Of(phase.opening) * 1000),
      lower(`${name} p99`, 'µs', p99Of(phase.latency) * 1000),
      lower(`${name} p99/idle`, '×', p99Of(phase.latency) / p99Of(idle)),
      lower(`${name} attackers`, '%', phase.cpuShare * 100),
      higher(`${name} reached`, '%', phase.reached * 100),
      lower(`${name} rss`, 'MB', (phase.resident - residentBefore) / 1e6),
    );
    if (phase.sentAway !== undefined) {
      metrics.push(lower(`${name} sent away p99`, 'µs', p99Of(phase.sentAway) * 1000));
      latencies[`${name} sent away`] = phase.sentAway;
    }
    warnings.push(...phase.warnings.map((warning) => `${name}: ${warning}`));
    if (!bench.isSmoke && phase.reached < REACHED_MIN)
      warnings.push(`${name}: attackers did ${percent(phase.reached)} of what they were to do`);
    latencies[name] = phase.latency;
    latencies[`${name} opening`] = phase.opening;
    await sleep(bench.isSmoke ? 20 : SETTLE_MS);
  }
  await sleep(bench.isSmoke ? 20 : GIVEN_BACK_MS);
  metrics.push(lower('left', 'MB', (residentBytes(target.pid) - residentBefore) / 1e6));
  return { metrics, latencies, warnings };
}

async function measurePhase(target: Target, bench: Bench, plan: Plan): Promise<Phase> {
  const { name, connections, opensPerSecond } = bench.isSmoke ? { ...plan, connections: 2, opensPerSecond: 100 } : plan;
  const attackers = await Attackers.prepare({ name, connections, opensPerSecond }, target);
  const openMs = bench.isSmoke ? bench.measureMs : (connections / opensPerSecond) * 1000;
  const [{ latency: opening }] = await Promise.all([probe(target, bench, openMs), attackers.open()]);
  const talk = name === 'deaf-streams' ? talkToTheDeaf(target) : undefined;
  const stopWatching = await attackers.watch();
  const measured = await probe(target, bench, phaseMsOf(plan.phaseMs, bench));
  const { cpuShare, share } = await stopWatching();
  const { sentAwayMs } = plan;
  const sentAway =
    sentAwayMs === undefined ? undefined : (await probe(target, bench, phaseMsOf(sentAwayMs, bench))).latency;
  const heard = await talk?.();
  const resident = residentBytes(target.pid);
  await attackers.end();
  const { latency } = measured;
  const warnings = lagWarnings(measured, SLEEPER_LAG_LIMIT_MS);
  return { opening, latency, warnings, sentAway, cpuShare, reached: heard ?? share, resident };
}

function phaseMsOf(phaseMs: number, bench: Bench): number {
  return bench.isSmoke ? bench.measureMs : Math.max(phaseMs, bench.measureMs);
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

function probe(target: Target, bench: Bench, measureMs: number): Promise<OpenLoopResult> {
  return bench.pool.run('openLoop', {
    target,
    connections: 16,
    plan: { kind: 'set', keyCount: 1024, valueSizeBytes: 64, seed: bench.seed, root: '/others' },
    ratePerSecond: PROBE_RATE,
    sleeps: true,
    warmupMs: 0,
    measureMs,
  });
}

/**
 * Writes large events that nobody reads, at fixed moments, from this thread: the one that measures knows nothing of it.
 * @returns what ends it, and tells which share of them was taken.
 */
function talkToTheDeaf(target: Target): () => Promise<number> {
  const form = `value=${'x'.repeat(EVENT_BYTES)}`;
  const type = 'Content-Type: application/x-www-form-urlencoded';
  const head = `PUT ${DEAF_KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\n${type}\r\nContent-Length: ${form.length}\r\n\r\n`;
  const said: Promise<unknown>[] = [];
  let heardCount = 0;
  const say = () => {
    const heard = ask(target, head + form).then(() => heardCount++);
    said.push(heard);
  };
  const timer = setInterval(say, EVENT_PAUSE_MS);
  say();
  return async () => {
    clearInterval(timer);
    // The last one may be on its way.
    const share = Math.min(1, heardCount / Math.max(1, said.length - 1));
    await Promise.all(said);
    return share;
  };
}

/** With authentication on, whoever is nobody may do all that he could before: so those who measure go on. */
async function withUsers<T>(target: Target, areWanted: boolean, measure: () => Promise<T>): Promise<T> {
  if (!areWanted) return measure();
  const superuser = { authorization: `Basic ${Buffer.from('root:right').toString('base64')}` };
  await askForUsers(target, 'PUT', 'users/root', {}, JSON.stringify({ user: 'root', password: 'right' }));
  await askForUsers(target, 'PUT', 'enable', superuser);
  try {
    return await measure();
  } finally {
    await askForUsers(target, 'DELETE', 'enable', superuser);
  }
}

/** Asks again where the server is too busy, with guesses perhaps. */
async function askForUsers(
  { port }: Target,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/auth/${path}`, { method, headers, body: body ?? null });
    const text = await answer.text();
    if (answer.ok) return;
    if (answer.status !== 503) throw new Error(`${method} of ${path} is answered with ${answer.status}: ${text}`);
    await sleep(100);
  }
}

function p99Of(latency: string): number {
  return LatencyHistogram.decode(latency).percentileMs(99);
}
