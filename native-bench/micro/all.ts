/** The parts of the server by themselves. What they cost together, on sockets, is what the scenarios measure. */
import { measureEmbedding } from './embedding.ts';
import { encodingCases } from './encoding-cases.ts';
import { metricsCases } from './metrics-cases.ts';
import { timeCases } from './micro-case.ts';
import { measureRecovery } from './recovery.ts';
import { measureHops, ringCases } from './ring-cases.ts';
import { storeCases } from './store-cases.ts';
import { measureStoreThroughRings } from './store-through-rings.ts';
import { textCases } from './text-cases.ts';

export async function runMicroBenchmarks(isSmoke: boolean, print: (text: string) => void): Promise<void> {
  const timeMs = isSmoke ? 2 : 300;
  const keyCount = isSmoke ? 1_000 : 100_000;
  print(`${await timeCases('a frame through the ring, one thread', ringCases(), timeMs)}\n`);
  print(`${await measureHops(isSmoke ? 200 : 50_000)}\n`);
  print(`${await timeCases('the store', storeCases(keyCount), timeMs)}\n`);
  print(`${await timeCases('language and frames', encodingCases(), timeMs)}\n`);
  print(`${await timeCases('values of 10 KB', textCases(), timeMs)}\n`);
  print(`${await timeCases('metrics', metricsCases(), timeMs)}\n`);
  print(`${measureStoreThroughRings(isSmoke ? 1 : 100, keyCount)}\n`);
  print(`${measureEmbedding(isSmoke ? 1 : 20)}\n`);
  print(measureRecovery(isSmoke ? 2_000 : 1_000_000, isSmoke ? 1 : 3));
}
