/**
 * What one thread counts, in shared memory that it alone writes: plain words first, histograms behind them.
 */
import { Histograms } from './histogram.ts';

export abstract class Counted {
  protected readonly words: Float64Array;
  protected readonly histograms: Histograms;

  /** @param memory of `createCountedMemory`. @param histogramsAt index of the first word of the first histogram. */
  constructor(memory: SharedArrayBuffer, histogramsAt: number) {
    this.words = new Float64Array(memory);
    this.histograms = new Histograms(this.words, histogramsAt);
  }
}

/** Memory for so many words, all zero. */
export function createCountedMemory(words: number): SharedArrayBuffer {
  return new SharedArrayBuffer(words * Float64Array.BYTES_PER_ELEMENT);
}
