/** Every peer, in the order of the report's columns. */
import { diskFloor } from './disk-floor.ts';
import { etcdDisk, etcdMemory } from './etcd.ts';
import type { Peer } from './peer.ts';
import { redis, redisAlways } from './redis.ts';
import { bareUws, nodeHttp } from './responders.ts';
import { uetcd, uetcdAuth, uetcdDurable } from './uetcd.ts';

export const allPeers: readonly Peer[] = [
  uetcd,
  uetcdDurable,
  uetcdAuth,
  etcdMemory,
  etcdDisk,
  bareUws,
  nodeHttp,
  redis,
  redisAlways,
  diskFloor,
];
