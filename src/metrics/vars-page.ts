/**
 * `/debug/vars`, as Go's expvar writes it: one variable a line. `memstats` has those fields of Go's for which there is an
 * honest figure: V8's heaps of the threads together, and the collections of those that serve HTTP. `uetcd` is ours:
 * how long requests take, from the finer buckets that `/metrics` does not show.
 */
import { Counter, GcKind } from './front-end-metrics.ts';
import { HistogramReading, UNITS_PER_MS } from './histogram.ts';
import { OPERATION_NAMES } from './operation.ts';
import { pendingCount, type ServerReading, successDurations, sumOf } from './server-reading.ts';

export function renderVars(server: ServerReading, commandLine: readonly string[]): string {
  const { kernel } = server.process;
  const variables: [string, unknown][] = [
    ['cmdline', commandLine],
    ...(kernel === undefined ? [] : ([['file_descriptor_limit', kernel.descriptorsMax]] as [string, unknown][])),
    ['memstats', memoryOf(server)],
    ['raft.status', raftOf(server)],
    ['uetcd', ownOf(server)],
  ];
  return `{\n${variables.map(([name, value]) => `"${name}": ${JSON.stringify(value)}`).join(',\n')}\n}\n`;
}

function memoryOf({ process, store, frontEnds }: ServerReading): object {
  const collections = new HistogramReading();
  for (const frontEnd of frontEnds) {
    for (const kind of Object.values(GcKind)) collections.add(frontEnd.gcPauses(kind));
  }
  const usedBytes = sumOf(frontEnds, Counter.heapUsedBytes) + (store?.heapUsedBytes ?? 0);
  return {
    Alloc: usedBytes,
    Sys: process.residentBytes,
    HeapAlloc: usedBytes,
    HeapSys: sumOf(frontEnds, Counter.heapSizeBytes) + (store?.heapSizeBytes ?? 0),
    PauseTotalNs: Math.round((collections.sum / UNITS_PER_MS) * 1e6),
    NumGC: collections.count,
    EnableGC: true,
  };
}

/** A cluster of one, whose only member is its leader. */
function raftOf({ memberId, raftTerm, store, journal }: ServerReading): object {
  const identity = { id: memberId, term: raftTerm, vote: memberId };
  const state = { lead: memberId, raftState: 'StateLeader' };
  if (store === undefined) return { ...identity, ...state };
  const { sequence } = store;
  const commit = journal === undefined ? sequence : sequence - pendingCount(store, journal);
  const progress = { [memberId]: { match: commit, next: commit + 1, state: 'StateReplicate' } };
  return { ...identity, commit, ...state, applied: sequence, progress, leadtransferee: '0' };
}

function ownOf({ version, frontEnds }: ServerReading): object {
  const durations: Record<string, object> = {};
  for (const { operation, name } of OPERATION_NAMES) {
    const reading = successDurations(frontEnds, operation);
    if (reading.count === 0) continue;
    const quantileMs = (share: number) => Number((reading.quantile(share) / UNITS_PER_MS).toPrecision(3));
    durations[name] = {
      count: reading.count,
      p50: quantileMs(0.5),
      p99: quantileMs(0.99),
      p999: quantileMs(0.999),
      max: quantileMs(1),
    };
  }
  return { version, requestsInFlight: sumOf(frontEnds, Counter.inFlight), requestDurationsMs: durations };
}
