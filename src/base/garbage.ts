/** The engine's own way to a collection of all garbage of this thread, without a flag at the start of the process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let exposed: (() => void) | undefined;

/** Takes about 0.7 ms for each MB that lives. */
export function collectGarbage(): void {
  exposed ??= expose();
  exposed();
}

function expose(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
