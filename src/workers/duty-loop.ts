/**
 * The life of a worker thread: turns while there is work, a spin where that helps (`SpinPolicy`), then sleep until
 * the doorbell rings. An idle thread sleeps.
 */
import { performance } from 'node:perf_hooks';
import type { WorkerMetrics } from '../metrics/worker-metrics.ts';
import type { Doorbell } from '../ring/doorbell.ts';
import type { SpinPolicy } from '../ring/spin-policy.ts';
import type { QuietDuty } from './quiet-duty.ts';

export interface Duty {
  /** One duty cycle; returns 0 when there was nothing to do. */
  turn(): number;
  /** Whether a turn would find something to do. */
  hasWork(): boolean;
  /** Whether work comes from so many that it comes in batches: then there is no spin. */
  readonly isCrowded: boolean;
  /** How long the thread may sleep without being woken, in ms; may be Infinity. */
  readonly idleMsMax: number;
}

/** Looks for work between two looks at the clock, which is the dearer of the two. */
const LOOKS_PER_CLOCK = 16;

/**
 * Runs until `isStopping` and there is nothing left to do.
 * @param metrics counts turns and sleeps. @param quiet gives memory back when there is nothing to do for long.
 */
export function runDuty(
  duty: Duty,
  bell: Doorbell,
  isStopping: () => boolean,
  spin: SpinPolicy,
  metrics?: WorkerMetrics,
  quiet?: QuietDuty,
): void {
  for (;;) {
    let done = 0;
    for (let count = duty.turn(); count > 0; count = duty.turn()) {
      done += count;
      metrics?.turned(count);
    }
    if (done > 0 && spinForWork(duty, spin, done)) continue;
    if (isStopping()) return;
    const quietMsMax = quiet?.sleepMsMax(done) ?? Number.POSITIVE_INFINITY;
    bell.park(() => duty.hasWork(), Math.min(duty.idleMsMax, quietMsMax));
    metrics?.parked(bell);
  }
}

/** @returns true when work has come. */
function spinForWork(duty: Duty, spin: SpinPolicy, done: number): boolean {
  if (spin.spinMs === 0) return false;
  const startMs = performance.now();
  spin.noteWork(startMs, done);
  if (duty.isCrowded || !spin.isWorthwhile) return false;
  const endMs = startMs + spin.spinMs;
  for (let lastMs = startMs; lastMs < endMs; ) {
    for (let look = 0; look < LOOKS_PER_CLOCK; look++) {
      if (!duty.hasWork()) continue;
      spin.ended(false);
      return true;
    }
    const nowMs = performance.now();
    if (!spin.goesOn(lastMs, nowMs)) break;
    lastMs = nowMs;
  }
  // Whoever has had the core meanwhile has perhaps brought it.
  const hasWork = duty.hasWork();
  spin.ended(!hasWork);
  return hasWork;
}
