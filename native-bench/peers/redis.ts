/** Redis, another tongue and another promise: a well-known yardstick for what one thread can do. */
import type { Peer, PeerContext, PeerName, RunningPeer } from './peer.ts';
import { isInstalled, printedVersion, startServerProcess } from './server-process.ts';

export const redis = redisPeer('redis', [], 'Redis SET/GET and pub/sub, no persistence');
export const redisAlways = redisPeer(
  'redis-always',
  ['--appendonly', 'yes', '--appendfsync', 'always', '--no-appendfsync-on-rewrite', 'no'],
  'Redis, append-only file on disk, appendfsync always',
);

function redisPeer(name: PeerName, durability: readonly string[], description: string): Peer {
  return {
    name,
    description,
    dialect: 'redis',
    missing: () => (isInstalled('redis-server') ? undefined : 'no redis-server in the PATH (Debian: redis-server)'),
    start: (context) => startRedis(context, durability),
  };
}

async function startRedis(context: PeerContext, durability: readonly string[]): Promise<RunningPeer> {
  const port = await context.nextPort();
  const directory = context.createDirectory(durability.length === 0 ? 'memory' : 'disk');
  return startServerProcess({
    command: 'redis-server',
    arguments: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
      // Expirations are published, as watchers of the other peers hear them; it costs nothing while nothing expires.
      ...['--notify-keyspace-events', 'Ex', '--maxclients', '15000'],
      ...durability,
    ],
    dialect: 'redis',
    port,
    version: printedVersion('redis-server', '--version'),
    readyRequest: '*1\r\n$4\r\nPING\r\n',
    readyAnswer: 'PONG',
  });
}
