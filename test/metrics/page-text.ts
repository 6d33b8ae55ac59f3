/** Reads a page in the text format of Prometheus back, strictly enough for tests. */
export class PageText {
  readonly #values = new Map<string, number>();
  readonly #types = new Map<string, string>();
  readonly #helps = new Map<string, string>();

  constructor(text: string) {
    for (const line of text.trimEnd().split('\n')) {
      const [, what, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
      if (what === 'HELP') this.#helps.set(name, rest);
      else if (what === 'TYPE') this.#types.set(name, rest);
      else {
        const [, series, value] = /^(\S+?(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
        if (series === undefined || this.#values.has(series)) throw new Error(`a bad or a second line: ${line}`);
        this.#values.set(series, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
      }
    }
  }

  /** Of a series as it is written; 0 when it is not there. */
  value(series: string): number {
    return this.#values.get(series) ?? 0;
  }

  has(series: string): boolean {
    return this.#values.has(series);
  }

  /** Names of metrics, in order, with type and help. */
  get metrics(): { name: string; type: string | undefined; help: string | undefined }[] {
    return [...this.#types].map(([name, type]) => ({ name, type, help: this.#helps.get(name) }));
  }

  /** Series that begin so. */
  series(prefix: string): string[] {
    return [...this.#values.keys()].filter((series) => series.startsWith(prefix));
  }
}
