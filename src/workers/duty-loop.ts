/**
 * The life of a worker thread: turns while there is work, a spin when more is expected at once, then sleep until the
 * doorbell rings.
 *
 * Waking a sleeping thread costs its client tens of microseconds; spinning costs a core that somebody else may need.
 * So the thread keeps a running mean of how long it lies idle between two pieces of work, spins for about twice that
 * where it is short, and not at all where it is long or where work comes in batches (PERF-FACTS, "How the threads wake each other"; native-bench,
 * "set, 1 connection" and "set→watch"). An idle thread sleeps.
 */
import type { Doorbell } from '../ring/doorbell.ts';

export interface Duty {
  /** One duty cycle; returns 0 when there was nothing to do. */
  turn(): number;
  /** Whether a turn would find something to do. */
  hasWork(): boolean;
  /** How long the thread may sleep without being woken, in ms; may be Infinity. */
  readonly idleMsMax: number;
}

/**
 * After more work than this at a time there is no spin: a crowd of clients comes in batches, which share the cost of
 * waking, and needs the core for itself.
 */
const SPIN_AFTER_MAX = 4;
/** Weight of the latest gap in the running mean. */
const GAP_WEIGHT = 1 / 8;
/** What a gap that was slept through counts at most, so that a long pause is forgotten after a few short gaps. */
const GAP_LIMITS = 8;

/** Runs until `isStopping` and there is nothing left to do. `spinMsMax`: the longest spin; 0 for none. */
export function runDuty(duty: Duty, bell: Doorbell, isStopping: () => boolean, spinMsMax: number): void {
  let meanGapMs = spinMsMax;
  for (;;) {
    let done = 0;
    for (let count = duty.turn(); count > 0; count = duty.turn()) done += count;
    const idleSinceMs = performance.now();
    const isWorthwhile = done > 0 && done <= SPIN_AFTER_MAX && meanGapMs <= spinMsMax;
    const spinMs = isWorthwhile ? Math.min(spinMsMax, 2 * meanGapMs) : 0;
    if (spinMs === 0 || !spinUntil(duty, idleSinceMs + spinMs)) {
      if (isStopping()) return;
      bell.park(() => duty.hasWork(), duty.idleMsMax);
    }
    const gapMs = Math.min(performance.now() - idleSinceMs, GAP_LIMITS * spinMsMax);
    meanGapMs += (gapMs - meanGapMs) * GAP_WEIGHT;
  }
}

/** @returns true when work has come. */
function spinUntil(duty: Duty, endMs: number): boolean {
  while (performance.now() < endMs) if (duty.hasWork()) return true;
  return false;
}
