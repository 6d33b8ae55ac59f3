/** A scenario asks one question of several peers. */
import type { GeneratorPool } from '../load/generator-pool.ts';
import type { RunMeasurement } from '../measurement.ts';
import type { Peer, PeerName, RunningPeer } from '../peers/peer.ts';

export interface Scenario {
  readonly name: string;
  /** Scenarios of one family stand together in the report. */
  readonly family: string;
  readonly title: string;
  readonly peers: readonly PeerName[];
  /**
   * Keep the processor's cores from halting meanwhile: where a latency is a chain of wake-ups, what a virtual machine
   * takes to wake a halted core (tens of microseconds) would hide everything else.
   */
  readonly keepsCoresAwake?: boolean;
  /** Each run on a server started for it, because it leaves much behind or measures memory. */
  readonly needsFreshServer?: boolean;
  /** The run leaves the server dead. */
  readonly endsServer?: boolean;
  run(peer: RunningPeer, bench: Bench): Promise<RunMeasurement>;
}

/** What a run may use. */
export interface Bench {
  readonly pool: GeneratorPool;
  readonly isSmoke: boolean;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly seed: number;
  /** Grows with each run: a name for keys that no run before has used. */
  readonly runNumber: number;
  /** Starts a server beside those that run. Whoever asks for it stops it. */
  startAnother(peer: Peer): Promise<RunningPeer>;
}

export const serversInMemory: readonly PeerName[] = ['uetcd', 'etcd-memory', 'bare-uws', 'redis'];
export const v2InMemory: readonly PeerName[] = ['uetcd', 'etcd-memory', 'bare-uws'];
