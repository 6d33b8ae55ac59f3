/**
 * Whether a thread that has run out of work should look for more for a moment before it sleeps.
 *
 * Waking a sleeping thread costs its client tens of microseconds. Spinning costs a core that somebody else may need; and
 * where more threads want to run than there are cores it delays the very thread it waits for, by a whole time slice. So
 * spinning is for work that comes one by one, and soon:
 *
 *   - at shorter intervals work is a crowd's: it comes in batches that share the cost of waking, and lacks processor time
 *     (a crowd that the machine is too slow for is known by its front end, `SharedWords.isCrowded`);
 *   - at longer ones it would burn a core for little;
 *   - and whether it is worth it is tried out (`SpinTrial`).
 *
 * Justified by ARCHITECTURE, "Threads: turn, spin, park", and native-bench: "set-1" and "watch-stream" gain,
 * "set-64" loses without the first rule.
 */
import { SpinTrial } from './spin-trial.ts';

/** Work that comes at shorter intervals than these is a crowd's. */
const CROWD_INTERVAL_MS = 0.02;
/** Weight of the newest interval in the running mean. */
const NEWEST_WEIGHT = 1 / 16;
/** No single silence counts for more: it says nothing about the pace of what follows it. */
const SILENCE_MS_MAX = 1;
/** A longer gap between two looks at the clock means that another thread has had the core. */
const PREEMPTED_MS = 0.5;

export class SpinPolicy {
  /** How long to spin at most; 0 for never. */
  readonly spinMs: number;
  readonly #waitedIntervalMsMax: number;
  readonly #trial = new SpinTrial();
  /** From one piece of work to the next, as a running mean. */
  #intervalMs = SILENCE_MS_MAX;
  #lastWorkMs = 0;

  /** @param waitedIntervalMsMax work that comes at longer intervals is not waited for. */
  constructor(spinMs: number, waitedIntervalMsMax: number) {
    this.spinMs = spinMs;
    this.#waitedIntervalMsMax = waitedIntervalMsMax;
  }

  /** Some work has been done. */
  noteWork(nowMs: number, pieces: number): void {
    const newestMs = Math.min(SILENCE_MS_MAX, (nowMs - this.#lastWorkMs) / pieces);
    this.#intervalMs += (newestMs - this.#intervalMs) * NEWEST_WEIGHT;
    this.#lastWorkMs = nowMs;
    this.#trial.noteWork(nowMs, pieces);
  }

  /** Whether to spin now. */
  get isWorthwhile(): boolean {
    return this.#trial.isOn && this.#intervalMs > CROWD_INTERVAL_MS && this.#intervalMs < this.#waitedIntervalMsMax;
  }

  /** Two looks at the clock, one soon after the other, while spinning. @returns false when the spin should end at once. */
  goesOn(lastMs: number, nowMs: number): boolean {
    return nowMs - lastMs < PREEMPTED_MS;
  }

  /** A spin has ended. @param isInVain no work has come. */
  ended(isInVain: boolean): void {
    this.#trial.ended(isInVain);
  }
}
