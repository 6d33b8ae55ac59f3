/** What it costs to count: a value into a histogram, and all that one request pays. The clock is what to be sparing with. */
import { performance } from 'node:perf_hooks';
import { build } from 'hdr-histogram-js';
import { FrontEndMetrics } from '../../src/metrics/front-end-metrics.ts';
import { HISTOGRAM_WORDS, Histograms } from '../../src/metrics/histogram.ts';
import { Operation } from '../../src/metrics/operation.ts';
import { CALLS, type MicroCase, repeated } from './micro-case.ts';

export function metricsCases(): MicroCase[] {
  return [recordCase(), requestCase(), libraryCase(), clockCase()];
}

function recordCase(): MicroCase {
  const words = new Float64Array(new SharedArrayBuffer(8 * HISTOGRAM_WORDS));
  const histograms = new Histograms(words, 0);
  return repeated('a value into a histogram', (turn) => histograms.record(0, 200 + turn * 3.7));
}

function requestCase(): MicroCase {
  const metrics = new FrontEndMetrics(FrontEndMetrics.createMemory());
  return {
    name: 'a request: received and answered',
    run() {
      const before = metrics.receivedCount(Operation.set);
      for (let turn = 0; turn < CALLS; turn++) {
        metrics.received(Operation.set);
        metrics.answered(Operation.set, 200, 0.2 + turn * 0.0037);
      }
      if (metrics.receivedCount(Operation.set) !== before + CALLS) throw new Error('a request was not counted');
    },
  };
}

function libraryCase(): MicroCase {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2 ** 31,
    numberOfSignificantValueDigits: 2,
  });
  return repeated('the same by hdr-histogram-js', (turn) => histogram.recordValue(200 + turn * 4));
}

function clockCase(): MicroCase {
  let sum = 0;
  return repeated('a look at the clock', () => {
    sum += performance.now();
    if (sum < 0) throw new Error('the clock runs backwards');
  });
}
