/** The floor: what the HTTP libraries alone can do, with nothing behind them. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Peer, PeerContext, PeerName, RunningPeer } from './peer.ts';
import { startServerProcess } from './server-process.ts';

/** From our own package.json: the library's is not exported. */
const uwsVersion = (): string => {
  const { dependencies } = createRequire(import.meta.url)('../../package.json') as {
    dependencies: Record<string, string>;
  };
  return dependencies['uWebSockets.js']?.split('@').at(-1) ?? 'unknown';
};

export const bareUws = responder(
  'bare-uws',
  'uws-responder',
  uwsVersion,
  'uWebSockets.js alone: constant answers, bodies read, watchers in a list',
);
export const nodeHttp = responder(
  'node-http',
  'http-responder',
  () => process.versions.node,
  'node:http alone: constant answers, bodies read',
);

function responder(name: PeerName, file: string, version: () => string, description: string): Peer {
  const start = async (context: PeerContext): Promise<RunningPeer> => {
    const port = await context.nextPort();
    const entry = fileURLToPath(new URL(`./responders/${file}.ts`, import.meta.url));
    return startServerProcess({
      command: process.execPath,
      arguments: ['--import', '@oxc-node/core/register', entry, String(port)],
      dialect: 'bare',
      port,
      version: version(),
      readyRequest: `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
      readyAnswer: '"action"',
    });
  };
  return { name, description, dialect: 'bare', missing: () => undefined, start };
}
