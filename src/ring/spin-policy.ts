/**
 * Whether a thread that has run out of work should look for more for a moment before it sleeps.
 *
 * Waking a sleeping thread costs its client tens of microseconds. Spinning costs a core that somebody else may need; and
 * where more threads want to run than there are cores it delays the very thread it waits for, by a whole time slice. So
 * spinning is for work that comes one by one and is expected before the spin ends:
 *
 *   - at shorter intervals work is a crowd's: it comes in batches that share the cost of waking, and lacks processor time
 *     (a crowd that the machine is too slow for is known by its front end, `SharedWords.isCrowded`);
 *   - at longer ones the spin would end before the work came;
 *   - a spin in vain, although work was expected, perhaps kept the core from the thread that was to bring it: then there is
 *     none for a moment. Without this rule pace and spin could settle where every other spin is in vain ("set-1");
 *   - and a spinner that finds itself put aside by the kernel stops for a while: the cores are scarce.
 *
 * Justified by ARCHITECTURE, "Threads: turn, spin, park", and native-bench: "set-1" and "watch-stream" gain,
 * "set-64" loses without the first rule.
 */

/** Work that comes at shorter intervals than these is a crowd's. */
const CROWD_INTERVAL_MS = 0.02;
/** Weight of the newest interval in the running mean. */
const NEWEST_WEIGHT = 1 / 16;
/** No single silence counts for more: it says nothing about the pace of what follows it. */
const SILENCE_MS_MAX = 1;
/** A longer gap between two looks at the clock means that another thread has had the core. */
const PREEMPTED_MS = 0.5;
const REST_MS = 100;
/** A poll or spin in vain says that work takes longer now, on a slow disk perhaps: then it is a waste. */
export const REST_AFTER_VAIN_MS = 5;

export class SpinPolicy {
  /** How long to spin at most; 0 for never. */
  readonly spinMs: number;
  /** From one piece of work to the next, as a running mean. */
  #intervalMs = SILENCE_MS_MAX;
  #lastWorkMs = 0;
  #restUntilMs = 0;

  constructor(spinMs: number) {
    this.spinMs = spinMs;
  }

  /** Some work has been done. */
  noteWork(nowMs: number, pieces: number): void {
    const newestMs = Math.min(SILENCE_MS_MAX, (nowMs - this.#lastWorkMs) / pieces);
    this.#intervalMs += (newestMs - this.#intervalMs) * NEWEST_WEIGHT;
    this.#lastWorkMs = nowMs;
  }

  /** Whether to spin now. */
  isWorthwhile(nowMs: number): boolean {
    return this.#intervalMs > CROWD_INTERVAL_MS && this.#intervalMs < this.spinMs && nowMs >= this.#restUntilMs;
  }

  /** Two looks at the clock, one soon after the other, while spinning. @returns false when the spin should end at once. */
  goesOn(lastMs: number, nowMs: number): boolean {
    if (nowMs - lastMs < PREEMPTED_MS) return true;
    this.#restUntilMs = nowMs + REST_MS;
    return false;
  }

  /** A spin has ended, and no work has come. */
  endedInVain(nowMs: number): void {
    this.#restUntilMs = Math.max(this.#restUntilMs, nowMs + REST_AFTER_VAIN_MS);
  }
}
