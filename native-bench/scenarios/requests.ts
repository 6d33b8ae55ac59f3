/** Sets, gets and their relatives. */
import type { PeerName } from '../peers/peer.ts';
import { type LoadPlan, measureClosedLoop, measureOpenLoop, tidy } from './loads.ts';
import { type Scenario, serversInMemory, v2InMemory } from './scenario.ts';

const withNodeHttp: readonly PeerName[] = [...serversInMemory, 'node-http'];

export const requestScenarios: readonly Scenario[] = [
  closed('set-1', 'set, 1 connection, one key', { kind: 'set', connections: 1 }, serversInMemory, true),
  closed('set-16', 'set, 16 connections, one key', { kind: 'set', connections: 16 }),
  closed('set-64', 'set, 64 connections, one key', { kind: 'set', connections: 64 }, withNodeHttp),
  closed('set-256', 'set, 256 connections, one key', { kind: 'set', connections: 256 }),
  closed('set-100k-keys', 'set, 64 connections, 100 k keys at depth 3, 256 B', {
    kind: 'set',
    connections: 64,
    keyCount: 100_000,
    valueSizeBytes: 256,
  }),
  closed('set-100k-lives', 'set with a life of ten minutes, 64 connections, 100 k keys at depth 3, 256 B', {
    kind: 'set',
    connections: 64,
    keyCount: 100_000,
    valueSizeBytes: 256,
    ttlSeconds: 600,
  }),
  closed('set-4k', 'set, 64 connections, one key, 4 KB', { kind: 'set', connections: 64, valueSizeBytes: 4096 }),
  closed('set-json', 'set, 64 connections, one key, a JSON document of 160 B, escaped as clients do', {
    kind: 'set',
    connections: 64,
    valueSizeBytes: 160,
    isDocument: true,
  }),
  closed('set-json-10k', 'set, 64 connections, one key, a JSON document of 10 KB', {
    kind: 'set',
    connections: 64,
    valueSizeBytes: 10_240,
    isDocument: true,
  }),
  closed('set-100kb', 'set, 16 connections, one key, 100 KB', {
    kind: 'set',
    connections: 16,
    valueSizeBytes: 102_400,
  }),
  closed('get-64', 'get, 64 connections, one key', { kind: 'get', connections: 64 }, withNodeHttp),
  // Not the library alone, whose answer is short.
  closed(
    'get-100kb',
    'get, 16 connections, one key, 100 KB',
    { kind: 'get', connections: 16, valueSizeBytes: 102_400 },
    ['uetcd', 'etcd-memory', 'redis'],
  ),
  closed('mixed-64', '80 % get, 20 % set, 64 connections, 100 k keys, 256 B', {
    kind: 'mixed',
    connections: 64,
    keyCount: 100_000,
    valueSizeBytes: 256,
  }),
  closed(
    'swap-64',
    'compare-and-swap, 64 connections, each its own key',
    { kind: 'swap', connections: 64 },
    v2InMemory,
  ),
  {
    ...closed('in-order-64', 'in-order POST, 64 connections', { kind: 'in-order', connections: 64 }, v2InMemory),
    async run(peer, bench) {
      const measured = await measureClosedLoop(peer, bench, { kind: 'in-order', connections: 64 });
      await tidy(peer, `/bench/run${bench.runNumber}`);
      return measured;
    },
  },
  closed(
    'auth-set-64',
    'set with and without authentication, 64 connections, one key',
    { kind: 'set', connections: 64 },
    ['uetcd', 'uetcd-auth'],
  ),
  closed(
    'auth-get-64',
    'get with and without authentication, 64 connections, one key',
    { kind: 'get', connections: 64 },
    ['uetcd', 'uetcd-auth'],
  ),
  open('set-open-10k', 'set, open loop, 10 k/s over 64 connections', 10_000),
  open('set-open-40k', 'set, open loop, 40 k/s over 64 connections', 40_000),
];

function closed(
  name: string,
  title: string,
  load: LoadPlan,
  peers: readonly PeerName[] = serversInMemory,
  keepsCoresAwake = false,
): Scenario {
  return {
    name,
    family: 'requests, closed loop',
    title,
    peers,
    keepsCoresAwake,
    run: (peer, bench) =>
      measureClosedLoop(peer, bench, bench.isSmoke ? { ...load, keyCount: Math.min(load.keyCount ?? 1, 1000) } : load),
  };
}

function open(name: string, title: string, ratePerSecond: number): Scenario {
  return {
    name,
    family: 'requests, open loop',
    title,
    peers: serversInMemory,
    run: (peer, bench) =>
      measureOpenLoop(peer, bench, {
        kind: 'set',
        connections: 64,
        ratePerSecond: bench.isSmoke ? Math.min(ratePerSecond, 5_000) : ratePerSecond,
      }),
  };
}
