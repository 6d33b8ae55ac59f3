/**
 * The life of a worker thread: turns while there is work, a short spin in case more comes at once, then sleep until the
 * doorbell rings.
 *
 * Waking a sleeping thread costs its client tens of microseconds; spinning costs a core that somebody else may need, and
 * where there are more threads than cores it delays the very thread that it waits for. So the spin is short, and only
 * while work comes one by one: a crowd of clients comes in batches, which share the cost of waking, and what it lacks is
 * processor time (PERF-FACTS, "How the threads wake each other"; native-bench, "set, 1 connection" and "set, 64
 * connections"). An idle thread sleeps.
 */
import { performance } from 'node:perf_hooks';
import type { Doorbell } from '../ring/doorbell.ts';

export interface Duty {
  /** One duty cycle; returns 0 when there was nothing to do. */
  turn(): number;
  /** Whether a turn would find something to do. */
  hasWork(): boolean;
  /** How long the thread may sleep without being woken, in ms; may be Infinity. */
  readonly idleMsMax: number;
}

/** Work that comes at shorter intervals than these is a crowd's. */
const CROWD_INTERVAL_MS = 0.02;
/** Weight of the newest interval in the mean. */
const NEWEST_WEIGHT = 1 / 16;
/** Looks for work between two looks at the clock, which is the dearer of the two. */
const LOOKS_PER_CLOCK = 16;

/** Runs until `isStopping` and there is nothing left to do. `spinMs`: how long to spin before sleeping; 0 for not at all. */
export function runDuty(duty: Duty, bell: Doorbell, isStopping: () => boolean, spinMs: number): void {
  const pace = new Pace();
  for (;;) {
    let done = 0;
    for (let count = duty.turn(); count > 0; count = duty.turn()) done += count;
    if (done > 0 && spinMs > 0) {
      const nowMs = performance.now();
      pace.note(nowMs, done);
      if (pace.intervalMs > CROWD_INTERVAL_MS && spinUntil(duty, nowMs + spinMs)) continue;
    }
    if (isStopping()) return;
    bell.park(() => duty.hasWork(), duty.idleMsMax);
  }
}

/** The time from one piece of work to the next, as a running mean. */
class Pace {
  intervalMs = 1;
  #lastMs = 0;

  note(nowMs: number, done: number): void {
    // A long silence says nothing about the pace of what follows it.
    const newest = Math.min(1, (nowMs - this.#lastMs) / done);
    this.intervalMs += (newest - this.intervalMs) * NEWEST_WEIGHT;
    this.#lastMs = nowMs;
  }
}

/** @returns true when work has come. */
function spinUntil(duty: Duty, endMs: number): boolean {
  do {
    for (let look = 0; look < LOOKS_PER_CLOCK; look++) if (duty.hasWork()) return true;
  } while (performance.now() < endMs);
  return false;
}
