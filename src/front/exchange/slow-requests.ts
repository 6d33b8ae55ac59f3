/**
 * Tells of requests that took long, each with a line: but no more than a few a second, because a server that is slow for
 * everybody must not become slower by telling so for each. Those left out are counted, and told with the next line.
 */
import { performance } from 'node:perf_hooks';
import { type ByteString, textOf } from '../../base/byte-string.ts';

const LINES_PER_SECOND_MAX = 10;
const PATH_CHARACTERS_MAX = 120;

export class SlowRequests {
  readonly #log: (fields: object, text: string) => void;
  readonly #nowMs: () => number;
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #linesOfSecond = 0;
  #leftOut = 0;

  constructor(log: (fields: object, text: string) => void, nowMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** @param isGone whether the client has not waited for the answer. */
  note(method: string, path: ByteString, status: number, tookMs: number, isGone: boolean): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#linesOfSecond = 0;
    }
    if (this.#linesOfSecond === LINES_PER_SECOND_MAX) {
      this.#leftOut++;
      return;
    }
    this.#linesOfSecond++;
    const outcome = isGone ? { status, clientIsGone: true } : { status };
    const others = this.#leftOut > 0 ? { othersNotTold: this.#leftOut } : {};
    this.#leftOut = 0;
    this.#log(
      { method, path: shortened(path), ...outcome, tookMs: Number(tookMs.toFixed(1)), ...others },
      'slow request',
    );
  }
}

/** The beginning and the end: in between is what long keys have in common. */
function shortened(path: ByteString): string {
  if (path.length <= PATH_CHARACTERS_MAX) return textOf(path);
  const half = PATH_CHARACTERS_MAX / 2;
  return `${textOf(path.slice(0, half) as ByteString)}…${textOf(path.slice(-half) as ByteString)}`;
}
