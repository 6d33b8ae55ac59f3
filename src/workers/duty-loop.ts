/**
 * The life of a worker thread: turns while there is work, a short spin in case more comes at once, then sleep until the
 * doorbell rings.
 *
 * Waking a sleeping thread costs its client tens of microseconds; spinning costs a core that somebody else may need, and
 * where there are more threads than cores it delays the very thread that it waits for. So the spin is short, and only
 * after a little work: a crowd of clients comes in batches, which share the cost of waking (PERF-FACTS, "How the threads
 * wake each other"; native-bench, "set, 1 connection" and "set, 64 connections"). An idle thread sleeps.
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

/** After more work than this at a time there is no spin. */
const SPIN_AFTER_MAX = 4;

/** Runs until `isStopping` and there is nothing left to do. `spinMs`: how long to spin before sleeping; 0 for not at all. */
export function runDuty(duty: Duty, bell: Doorbell, isStopping: () => boolean, spinMs: number): void {
  for (;;) {
    let done = 0;
    for (let count = duty.turn(); count > 0; count = duty.turn()) done += count;
    const mustSpin = done > 0 && done <= SPIN_AFTER_MAX;
    if (mustSpin && spinUntil(duty, performance.now() + spinMs)) continue;
    if (isStopping()) return;
    bell.park(() => duty.hasWork(), duty.idleMsMax);
  }
}

/** @returns true when work has come. */
function spinUntil(duty: Duty, endMs: number): boolean {
  while (performance.now() < endMs) if (duty.hasWork()) return true;
  return false;
}
