/**
 * Whether a thread that expects something soon, and looks for it instead of sleeping, does itself a favour.
 *
 * Where more threads want to run than there are cores it keeps the core from the very thread that is to bring it, and many
 * of its spins are in vain. Then there is a rest; if no less gets done in it, there is another one soon, and longer and longer
 * ones with a short trial in between. If less gets done, spins are trusted for some time.
 *
 * A few spins in vain are no reason for a rest: Linux lets a thread that has become ready wait behind a spinner for as long
 * as three milliseconds, now and then, on any machine. And a spinner that goes on is soon left a core of its own, while the
 * threads that wait for each other share the other one: with a rest after each spin in vain, or spins of 0.2 ms, it would
 * hardly ever come to that (native-bench, "set-1").
 */

/** How long spins are counted before they are judged. */
const TRIAL_MS = 100;
/**
 * More in vain than these, and than this share of all, are suspicious. Where it was worth it 0.1 to 1 % were in vain, a few
 * more at the beginning; beside another thread that wanted a core for itself, 3 to 13 %.
 */
const VAIN_COUNT_MAX = 5;
const VAIN_SHARE_MAX = 0.02;
const REST_MS_MIN = 100;
const REST_MS_MAX = 3200;
/** A rest was wrong in which less was done than this share of what was done before it, in the same time. */
const REST_PACE_MIN = 0.9;
const TRUSTED_TRIALS = 20;
/** A longer silence is nobody's waiting: what comes after it is a client of its own, and tried anew. */
const WAITING_MS_MAX = 10;

export class SpinTrial {
  /** Trials and rests follow each other. */
  #isResting = false;
  #phaseMs = TRIAL_MS;
  #passedMs = 0;
  #lastWorkMs = 0;
  #pieces = 0;
  #spins = 0;
  #vainSpins = 0;
  #restMs = REST_MS_MIN;
  /** Of the trial before the rest. */
  #piecesPerMs = 0;
  /** How many trials will not be judged. */
  #trustedCount = 0;

  /** Whether to spin. */
  get isOn(): boolean {
    return !this.#isResting;
  }

  /** Some work has been done. */
  noteWork(nowMs: number, pieces: number): void {
    const sinceMs = nowMs - this.#lastWorkMs;
    this.#lastWorkMs = nowMs;
    if (sinceMs > WAITING_MS_MAX) {
      this.#begin(false, TRIAL_MS);
      return;
    }
    this.#pieces += pieces;
    this.#passedMs += sinceMs;
    if (this.#passedMs < this.#phaseMs) return;
    if (this.#isResting) this.#endRest();
    else this.#endTrial();
  }

  /** A spin has ended. @param isInVain no work has come. */
  ended(isInVain: boolean): void {
    this.#spins++;
    if (isInVain) this.#vainSpins++;
  }

  #endTrial(): void {
    const isSuspicious = this.#vainSpins > Math.max(VAIN_COUNT_MAX, this.#spins * VAIN_SHARE_MAX);
    if (!isSuspicious) this.#restMs = REST_MS_MIN;
    const mustRest = isSuspicious && this.#trustedCount === 0;
    if (this.#trustedCount > 0) this.#trustedCount--;
    this.#piecesPerMs = this.#pieces / this.#passedMs;
    this.#begin(mustRest, mustRest ? this.#restMs : TRIAL_MS);
  }

  #endRest(): void {
    const wasRight = this.#pieces / this.#passedMs >= this.#piecesPerMs * REST_PACE_MIN;
    this.#restMs = wasRight ? Math.min(2 * this.#restMs, REST_MS_MAX) : REST_MS_MIN;
    this.#trustedCount = wasRight ? 0 : TRUSTED_TRIALS;
    this.#begin(false, TRIAL_MS);
  }

  #begin(isResting: boolean, phaseMs: number): void {
    this.#isResting = isResting;
    this.#phaseMs = phaseMs;
    this.#passedMs = 0;
    this.#pieces = 0;
    this.#spins = 0;
    this.#vainSpins = 0;
  }
}
