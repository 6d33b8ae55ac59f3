/**
 * What a crowd that waits costs while nothing happens for it: memory per watcher, and the rate of sets on other keys
 * before, with and after it.
 */
import { dialectOf } from '../dialect.ts';
import { residentBytes } from '../process-usage.ts';
import { Watcher } from '../watcher.ts';
import { type ClosedLoopSpec, closedLoop, type LoadResult } from './closed-loop.ts';

export interface IdleWatchersSpec {
  readonly watchers: number;
  /** Quiet time before memory is read while they wait. */
  readonly settleMs: number;
  /** The same before they come and after they have left: long enough for a server that gives memory back once it is idle. */
  readonly quietMs: number;
  /** The sets on other keys. */
  readonly load: ClosedLoopSpec;
}

export interface IdleWatchersResult {
  readonly without: LoadResult;
  readonly with: LoadResult;
  /** While the watchers wait. */
  readonly residentBytesWith: number;
  /** After the same work and the same quiet, before they came and after they have left. */
  readonly residentBytesBefore: number;
  readonly residentBytesAfter: number;
}

/** So many connect at a time: the server's accept queue is bounded. */
const BATCH = 250;

export async function idleWatchers(spec: IdleWatchersSpec): Promise<IdleWatchersResult> {
  const { target } = spec.load;
  const without = await closedLoop(spec.load);
  await settle(spec.quietMs);
  const residentBytesBefore = residentBytes(target.pid);
  const watchers: Watcher[] = [];
  try {
    await openWatchers(spec, watchers);
    await settle(spec.settleMs);
    const residentBytesWith = residentBytes(target.pid);
    const withThem = await closedLoop(spec.load);
    closeAll(watchers);
    await settle(spec.settleMs);
    await closedLoop(spec.load);
    await settle(spec.quietMs);
    return {
      without,
      with: withThem,
      residentBytesWith,
      residentBytesBefore,
      residentBytesAfter: residentBytes(target.pid),
    };
  } finally {
    closeAll(watchers);
  }
}

/** Opens the watchers into the given list, each on a key of its own that nobody ever sets. */
async function openWatchers(spec: IdleWatchersSpec, watchers: Watcher[]): Promise<void> {
  const { target } = spec.load;
  const dialect = dialectOf(target);
  while (watchers.length < spec.watchers) {
    const batch: Promise<void>[] = [];
    for (let opened = 0; opened < BATCH && watchers.length < spec.watchers; opened++) {
      const number = watchers.length;
      const armed = new Promise<void>((resolve, reject) => {
        const listener = {
          onArmed: resolve,
          onEvent: () => reject(new Error('an idle watcher heard something')),
          onFailure: (what: string) => reject(new Error(what)),
        };
        const watcher = new Watcher(target, dialect, `/idle/${number}`, 'long-poll', listener);
        watchers.push(watcher);
        watcher.opened.then(() => watcher.arm(), reject);
      });
      batch.push(armed);
    }
    await Promise.all(batch);
  }
}

function closeAll(watchers: readonly Watcher[]): void {
  for (const watcher of watchers) watcher.close();
}

function settle(settleMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}
