/**
 * Runs the real code of several threads in one thread, through every order in which their atomic operations can fall.
 *
 * A step of a thread is one atomic operation, with the plain code behind it up to the next. As running code cannot be
 * held in the middle, a thread is run anew for each of its steps: the operations it has done before give their recorded
 * results and show the memory as it was then, the next one is done and recorded, and at the one after that the thread
 * is thrown out. So a program must be deterministic and begin with objects of its own.
 *
 * Two ways of waiting. A thread that waits without a timeout sleeps until notified. One that waits with a timeout looks
 * again and again; it goes on when another thread has changed something since it last waited: nothing else can help it.
 *
 * Atomics are sequentially consistent, so these orders are all there are, for programs without data races.
 */

export interface Program {
  readonly name: string;
  readonly run: () => void;
}

export interface Exploration {
  /** Different situations seen. */
  readonly situations: number;
  /** The steps to a situation in which somebody has not finished and nobody can go on; then the search ends. */
  readonly stuckAfter: readonly string[] | undefined;
}

type Memories = readonly Uint8Array[];

/** An atomic operation that a thread has done: what it returned, and what the memory was then. */
interface Deed {
  readonly result: unknown;
  readonly memories: Memories;
}

/** A thread between two of its steps. */
interface ThreadState {
  readonly deeds: readonly Deed[];
  readonly status: 'ready' | 'asleep' | 'polling' | 'done';
  /** Where it sleeps or has slept. */
  readonly place: string;
  readonly isNotified: boolean;
  /** Whether another thread has changed something since this one last waited with a timeout. */
  readonly hasNews: boolean;
}

/** All threads between two steps. */
interface Situation {
  readonly threads: readonly ThreadState[];
  readonly memories: Memories;
  readonly before: Situation | undefined;
  readonly step: string;
}

const START: ThreadState = { deeds: [], status: 'ready', place: '', isNotified: false, hasNews: false };

/**
 * @param memories all that the programs share. What they contain now is the start.
 * @throws what a program throws, with the steps that led to it.
 */
export function exploreInterleavings(
  memories: readonly SharedArrayBuffer[],
  programs: readonly Program[],
): Exploration {
  const stepper = new Stepper(memories, programs);
  const open: Situation[] = [stepper.start];
  const seen = new Set<string>();
  for (let situation = open.pop(); situation !== undefined; situation = open.pop()) {
    const key = keyOf(situation);
    if (seen.has(key)) continue;
    seen.add(key);
    const followers = stepper.followersOf(situation);
    open.push(...followers);
    const isOver = situation.threads.every(({ status }) => status === 'done');
    if (followers.length === 0 && !isOver) return { situations: seen.size, stuckAfter: stepsTo(situation) };
  }
  return { situations: seen.size, stuckAfter: undefined };
}

class Stepper {
  readonly #shared: readonly Uint8Array[];
  readonly #programs: readonly Program[];
  readonly #atomics = globalThis.Atomics;
  readonly #start: Situation;
  /** The situation before the step, and the threads as they become. */
  #situation: Situation;
  #threads: ThreadState[] = [];
  #running = 0;
  #replayed = 0;
  #step = '';

  constructor(memories: readonly SharedArrayBuffer[], programs: readonly Program[]) {
    this.#shared = memories.map((memory) => new Uint8Array(memory));
    this.#programs = programs;
    this.#start = { threads: programs.map(() => START), memories: this.#copy(), before: undefined, step: '' };
    this.#situation = this.#start;
  }

  get start(): Situation {
    return this.#start;
  }

  followersOf(situation: Situation): Situation[] {
    const indices = [...situation.threads.keys()];
    return indices.filter((index) => canGoOn(at(situation.threads, index))).map((index) => this.#go(situation, index));
  }

  #go(situation: Situation, index: number): Situation {
    this.#situation = situation;
    this.#threads = [...situation.threads];
    this.#running = index;
    this.#replayed = 0;
    this.#step = '';
    const program = at(this.#programs, index);
    globalThis.Atomics = this.#fake;
    try {
      this.#show(this.#start.memories);
      program.run();
      if (this.#step === '') this.#show(situation.memories);
      this.#change({ status: 'done' });
    } catch (error) {
      if (error !== THROWN_OUT) throw new Error(`after ${stepsTo(situation).join(', ')}`, { cause: error });
    } finally {
      globalThis.Atomics = this.#atomics;
    }
    return { threads: this.#threads, memories: this.#copy(), before: situation, step: `${program.name} ${this.#step}` };
  }

  /** One atomic operation: replayed, or done now, or one too many for this step. */
  #atom<Result>(label: string, perform: () => Result): Result {
    const { deeds } = at(this.#situation.threads, this.#running);
    const deed = deeds[this.#replayed++];
    if (deed !== undefined) {
      this.#show(deed.memories);
      return deed.result as Result;
    }
    if (this.#step !== '') throw THROWN_OUT;
    this.#step = label;
    this.#show(this.#situation.memories);
    const result = perform();
    this.#step = `${label} → ${result}`;
    this.#change({ deeds: [...deeds, { result, memories: this.#copy() }] });
    return result;
  }

  #write(label: string, perform: () => number): number {
    return this.#atom(label, () => {
      this.#threads.forEach((_, index) => {
        if (index !== this.#running) this.#change({ hasNews: true }, index);
      });
      return perform();
    });
  }

  #wait(words: Int32Array, index: number, value: number, timeoutMs = Number.POSITIVE_INFINITY): string {
    return this.#atom('waits', () => {
      const { isNotified, hasNews } = at(this.#threads, this.#running);
      const isPolling = timeoutMs !== Number.POSITIVE_INFINITY;
      const place = this.#placeOf(words, index);
      this.#change({ status: 'ready', isNotified: false, hasNews: hasNews && !isPolling });
      if (isNotified) return 'ok';
      if (this.#atomics.load(words, index) !== value) return 'not-equal';
      if (isPolling && hasNews) return 'timed-out';
      this.#change({ status: isPolling ? 'polling' : 'asleep', place });
      throw THROWN_OUT;
    });
  }

  #notify(words: Int32Array, index: number): number {
    return this.#atom('notifies', () => {
      const place = this.#placeOf(words, index);
      const isSleeper = (thread: ThreadState) => isWaiting(thread) && !thread.isNotified && thread.place === place;
      const sleepers = [...this.#threads.keys()].filter((which) => isSleeper(at(this.#threads, which)));
      for (const which of sleepers) this.#change({ isNotified: true }, which);
      return sleepers.length;
    });
  }

  #change(change: Partial<ThreadState>, index = this.#running): void {
    this.#threads[index] = { ...at(this.#threads, index), ...change };
  }

  #show(memories: Memories): void {
    this.#shared.forEach((bytes, which) => {
      bytes.set(at(memories, which));
    });
  }

  #copy(): Memories {
    return this.#shared.map((bytes) => bytes.slice());
  }

  #placeOf(words: Int32Array, index: number): string {
    const which = this.#shared.findIndex(({ buffer }) => buffer === words.buffer);
    return `${which}:${words.byteOffset + index * words.BYTES_PER_ELEMENT}`;
  }

  /** Stands in for Atomics; what the ring and the doorbell do not use is missing on purpose. */
  readonly #fake = {
    load: (words: Int32Array, index: number) => this.#atom('loads', () => this.#atomics.load(words, index)),
    store: (words: Int32Array, index: number, value: number) =>
      this.#write('stores', () => this.#atomics.store(words, index, value)),
    exchange: (words: Int32Array, index: number, value: number) =>
      this.#write('exchanges', () => this.#atomics.exchange(words, index, value)),
    wait: (words: Int32Array, index: number, value: number, timeoutMs?: number) =>
      this.#wait(words, index, value, timeoutMs),
    // Here a program has nothing else to do than to await, so that the promise may be there once it is fulfilled.
    waitAsync: (words: Int32Array, index: number, value: number) => {
      const outcome = this.#wait(words, index, value);
      if (outcome === 'not-equal') return { async: false, value: outcome };
      // biome-ignore lint/suspicious/noThenProperty: it is a promise, as far as this program looks.
      const fulfilled = { then: (onFulfilled: () => void) => onFulfilled() ?? fulfilled };
      return { async: true, value: fulfilled };
    },
    notify: (words: Int32Array, index: number) => this.#notify(words, index),
  } as unknown as typeof Atomics;
}

/** Thrown through the program under test when it has done its step. */
const THROWN_OUT = new Error('thrown out');

function isWaiting({ status }: ThreadState): boolean {
  return status === 'asleep' || status === 'polling';
}

function canGoOn({ status, isNotified, hasNews }: ThreadState): boolean {
  return status === 'ready' || isNotified || (status === 'polling' && hasNews);
}

/** What was in the memory at earlier deeds does not count: a thread without data races knows it by their results. */
function keyOf({ threads, memories }: Situation): string {
  const states = threads.map(({ deeds, ...state }) => [deeds.map(({ result }) => result), Object.values(state)]);
  return JSON.stringify([states, memories.map((bytes) => Buffer.from(bytes).toString('latin1'))]);
}

function stepsTo(situation: Situation): string[] {
  const steps: string[] = [];
  for (let each: Situation | undefined = situation; each?.before !== undefined; each = each.before) {
    steps.unshift(each.step);
  }
  return steps;
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
