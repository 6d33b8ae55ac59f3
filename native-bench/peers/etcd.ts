/** etcd 3.4 with its v2 API on, as Debian ships it: the server whose API this is. */
import type { Peer, PeerContext, PeerName, RunningPeer } from './peer.ts';
import { isInstalled, printedVersion, startServerProcess } from './server-process.ts';

export const etcdMemory = etcd('etcd-memory', 'memory', 'etcd v2 API, data directory in memory (tmpfs)');
export const etcdDisk = etcd('etcd-disk', 'disk', 'etcd v2 API, data directory on disk');

function etcd(name: PeerName, where: 'disk' | 'memory', description: string): Peer {
  return {
    name,
    description,
    dialect: 'v2',
    missing: () => (isInstalled('etcd') ? undefined : 'no etcd in the PATH (Debian: etcd-server)'),
    start: (context) => startEtcd(context, where),
  };
}

async function startEtcd(context: PeerContext, where: 'disk' | 'memory'): Promise<RunningPeer> {
  const port = await context.nextPort();
  const url = `http://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${await context.nextPort()}`;
  return startServerProcess({
    command: 'etcd',
    arguments: [
      '--enable-v2=true',
      ...['--data-dir', context.createDirectory(where), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `default=${peerUrl}`],
    ],
    dialect: 'v2',
    port,
    version: printedVersion('etcd', '--version'),
    readyRequest: `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    readyAnswer: '"true"',
  });
}
