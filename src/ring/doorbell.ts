/**
 * Puts a thread to sleep while it has nothing to do, and wakes it when it has. A doorbell belongs to the one thread
 * that sleeps on it, which may consume several rings and watch other words; any number of threads may ring.
 *
 *   words        0          32     33        64       (128 bytes on both sides keep other words off its line)
 *                ┌──────────┬──────┬─────────┐
 *                │ spacing  │ bell │ spacing │        0 awake, 1 parked
 *                └──────────┴──────┴─────────┘
 *
 *   owner                                            others, after they have published something
 *   A  bell := 1                announce             P  tail := …                 publish
 *   B  is there work?           look again           L  bell = 1 ?                look; usually no: that was all
 *   C  sleep if bell = 1        (one step)           X  bell := 0, was it 1?      take down
 *   D  bell := 0                awake                N  wake who sleeps           notify, if X found 1
 *
 * Why no wake-up is lost. All of these are Atomics, and Atomics have one order on which all threads agree. If B does
 * not see what P published, then A, B, P and L happened in this order, so L finds the announcement, or somebody has
 * taken it down after A. Whoever takes it down owes a notify, and gives it after X. Now either X comes before C: then C
 * finds 0 and does not sleep; or C before X: then the owner is among the sleepers when N comes. Either way it turns
 * round once more and finds the work. Each part is needed:
 *   - without B:                      P L A C            asleep, with work
 *   - B before A:                     B P L A C          asleep, with work
 *   - notify without taking down:     A B P L N C        asleep, with work
 * `test/ring/protocol.test.ts` walks this very code through all interleavings, and finds these three when it is broken.
 *
 * The word has more than one writer, which elsewhere would be a mistake. Here 1 is written by the owner only, and all
 * that others write is 0; whatever the order, the worst is that the owner wakes for nothing. Rejected: one word for
 * `parked` and a second to count rings. Until a woken thread runs, which takes long, each publish would notify again.
 *
 * So the callers' part is: publish first, then ring; let `hasWork` cover all that anybody rings for, by Atomics.load;
 * and after a park, whatever ended it, look for work.
 */
import { assert } from '../base/assert.ts';

/** Int32 words that a doorbell takes. */
export const DOORBELL_WORDS = 64;

const BELL = DOORBELL_WORDS / 2;
const AWAKE = 0;
const PARKED = 1;

export class Doorbell {
  /** How often the owner slept, counted where it parks; and how often it was woken, counted where it was rung. */
  parks = 0;
  wakes = 0;
  /** How often the owner's sleep ended because its time was over, counted where it parks. */
  timeouts = 0;
  readonly #words: Int32Array;
  readonly #bell: number;
  #isAwaited = false;

  /**
   * @param words over a SharedArrayBuffer, zero at first.
   * @param wordIndex of the first of DOORBELL_WORDS that are this doorbell's own.
   */
  constructor(words: Int32Array, wordIndex = 0) {
    assert(words.buffer instanceof SharedArrayBuffer, 'a doorbell is in shared memory');
    assert(wordIndex >= 0 && wordIndex + DOORBELL_WORDS <= words.length, 'a doorbell has its words');
    this.#words = words;
    this.#bell = wordIndex + BELL;
  }

  /** Wakes the owner if it is parked; one load otherwise. Call it after publishing. Ends a parkAsync, too. */
  ring(): void {
    const words = this.#words;
    const bell = this.#bell;
    if (Atomics.load(words, bell) === AWAKE) return;
    // Of several who saw the announcement one takes it down: the others save themselves the notify.
    if (Atomics.exchange(words, bell, AWAKE) === AWAKE) return;
    this.wakes++;
    Atomics.notify(words, bell);
  }

  /**
   * Sleeps until rung, unless there is work already. It may return early: look for work in any case.
   * @param timeoutMs may be Infinity.
   */
  park(hasWork: () => boolean, timeoutMs: number): void {
    assert(timeoutMs >= 0, 'a timeout is not negative');
    const words = this.#words;
    this.#announce();
    if (!hasWork()) {
      this.parks++;
      if (Atomics.wait(words, this.#bell, PARKED, timeoutMs) === 'timed-out') this.timeouts++;
    }
    Atomics.store(words, this.#bell, AWAKE);
  }

  /**
   * The same for a thread with an event loop. While the promise is pending the thread may do other things, also take
   * work, but not park again. A pending promise does not keep the process alive.
   * @returns resolved when rung; undefined when there is work already.
   */
  parkAsync(hasWork: () => boolean): Promise<void> | undefined {
    this.#announce();
    if (hasWork()) {
      Atomics.store(this.#words, this.#bell, AWAKE);
      return undefined;
    }
    const wait = Atomics.waitAsync(this.#words, this.#bell, PARKED);
    if (!wait.async) return undefined; // Taken down in between.
    this.parks++;
    this.#isAwaited = true;
    return wait.value.then(this.#wakeUp);
  }

  #announce(): void {
    assert(!this.#isAwaited, 'a thread parks once at a time');
    Atomics.store(this.#words, this.#bell, PARKED);
  }

  readonly #wakeUp = (): void => {
    this.#isAwaited = false;
    // Rung for an earlier park, by a thread that was slow to notify: then the announcement is still up.
    Atomics.store(this.#words, this.#bell, AWAKE);
  };
}
