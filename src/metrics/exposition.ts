/**
 * The text format of Prometheus, version 0.0.4. Source: Prometheus documentation, "Exposition formats". One metric at a
 * time: its help and type, then its samples.
 */
import type { HistogramReading } from './histogram.ts';

export type Labels = Readonly<Record<string, string>>;

const NO_LABELS: Labels = {};

export class Exposition {
  #text = '';
  #name = '';

  /** Begins a metric. */
  counter(name: string, help: string): this {
    return this.#begin(name, 'counter', help);
  }

  gauge(name: string, help: string): this {
    return this.#begin(name, 'gauge', help);
  }

  histogram(name: string, help: string): this {
    return this.#begin(name, 'histogram', help);
  }

  /** A sample of the metric that was begun last. */
  sample(value: number, labels: Labels = NO_LABELS): this {
    this.#line('', labels, value);
    return this;
  }

  /**
   * The samples of a histogram.
   * @param bounds   upper ones, in recorded units, ascending; powers of two are exact.
   * @param scale    how many recorded units make one of those that are told.
   * @param sum      of all values, in those that are told.
   */
  distribution(
    reading: HistogramReading,
    bounds: readonly number[],
    scale: number,
    sum: number,
    labels: Labels = NO_LABELS,
  ): this {
    for (const bound of bounds) {
      this.#line('_bucket', { ...labels, le: formatValue(bound / scale) }, reading.countBelow(bound));
    }
    const { count } = reading;
    this.#line('_bucket', { ...labels, le: '+Inf' }, count);
    this.#line('_sum', labels, sum);
    this.#line('_count', labels, count);
    return this;
  }

  toString(): string {
    return this.#text;
  }

  #begin(name: string, type: string, help: string): this {
    this.#name = name;
    this.#text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    return this;
  }

  #line(suffix: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    const braces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
    this.#text += `${this.#name}${suffix}${braces} ${formatValue(value)}\n`;
  }
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
