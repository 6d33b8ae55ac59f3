/** The engine's own way to a collection of all garbage of this thread, without a flag at the start of the process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (
  options?:
    | { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }
    | { readonly type: 'minor' },
) => void;

/**
 * From version 12 on (Node 22) the engine keeps the pages that a collection has emptied for the next peak, and gives them back
 * only when the collection is a last resort. Version 11 (Node 20) takes options for the wish to look at the young alone.
 */
const KEEPS_PAGES = Number.parseInt(process.versions.v8, 10) >= 12;

/** How long `giveBackGarbage` takes for each byte that lives, about; a last resort goes over the heap two or three times. */
export const GIVE_BACK_MS_PER_BYTE = (KEEPS_PAGES ? 2 : 0.7) / (1024 * 1024);

let exposed: Collect | undefined;

/** Takes about 0.7 ms for each MB that lives. */
export function collectGarbage(): void {
  exposed ??= expose();
  exposed();
  finishFreeing(exposed);
}

/** The same, and what it frees goes back to the kernel. */
export function giveBackGarbage(): void {
  exposed ??= expose();
  if (KEEPS_PAGES) exposed({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  else exposed();
  finishFreeing(exposed);
}

/**
 * What lies outside of the heap another thread frees after a collection, and until it is done the engine counts all of it. The next
 * collection waits for that; one of the young alone costs nothing now.
 */
function finishFreeing(collect: Collect): void {
  collect({ type: 'minor' });
}

function expose(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
