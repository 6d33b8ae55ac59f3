/** One line on a terminal that says how far we are, written over itself; where there is no terminal, nothing. */

export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const INTERVAL_MS = 200;
/** To the beginning of the line, and what is in it away. */
const CLEAR_LINE = '\r\x1b[K';

export class Progress {
  readonly #terminal: Terminal | undefined;
  readonly #total: number | undefined;
  readonly #startMs = performance.now();
  #writtenMs = this.#startMs;
  #isShown = false;

  /** @param total how many nodes there will be, where that is known. */
  constructor(terminal: Terminal, total?: number) {
    this.#terminal = terminal.isTTY === true ? terminal : undefined;
    this.#total = total;
  }

  /** Cheap enough for every batch. */
  report(nodeCount: number): void {
    const nowMs = performance.now();
    if (this.#terminal === undefined || nowMs - this.#writtenMs < INTERVAL_MS) return;
    this.#writtenMs = nowMs;
    this.#isShown = true;
    const seconds = this.elapsedSeconds();
    const of = this.#total === undefined ? '' : ` of ${this.#total.toLocaleString('en')}`;
    const done = `${nodeCount.toLocaleString('en')}${of} keys and directories`;
    const rate = Math.round(nodeCount / seconds).toLocaleString('en');
    this.#terminal.write(`${CLEAR_LINE}${done}, ${rate}/s, ${seconds.toFixed(0)} s`);
  }

  /** Takes the line away: something else is to be said. */
  clear(): void {
    if (this.#isShown) this.#terminal?.write(CLEAR_LINE);
    this.#isShown = false;
  }

  elapsedSeconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }
}
