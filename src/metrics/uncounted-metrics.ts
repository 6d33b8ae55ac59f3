/**
 * In place of `FrontEndMetrics` where nothing is to be counted: what counting costs is measured against such a server
 * (native-bench, "metrics-cost"). A class of its own rather than a question at each count: a front end has objects of one
 * class only, so the engine sees through every call, and a server that counts does not pay for one that does not.
 */
import { FrontEndMetrics } from './front-end-metrics.ts';

/** Gauges by which something is decided go on. */
export class UncountedMetrics extends FrontEndMetrics {
  override received(): void {}

  override answered(): void {}

  override turned(): void {}

  override noteInFlight(): void {}

  override noteQueued(): void {}

  override collected(): void {}

  override count(): void {}
}
