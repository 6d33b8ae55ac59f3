/** This project, as `npm run build` left it. */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { dialectOf } from '../load/dialect.ts';
import { ask } from '../load/probe.ts';
import type { Peer, PeerContext, RunningPeer } from './peer.ts';
import { startServerProcess } from './server-process.ts';

const builtEntry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const missing = (): string | undefined => (existsSync(builtEntry) ? undefined : 'no dist/main.js: run npm run build');

export const uetcd: Peer = {
  name: 'uetcd',
  description: 'uetcd in memory',
  dialect: 'v2',
  missing,
  start: (context) => startUetcd(context, ['--in-memory']),
};

export const uetcdDurable: Peer = {
  name: 'uetcd-durable',
  description: 'uetcd with its journal on disk, acknowledged means durable',
  dialect: 'v2',
  missing,
  start: startDurable,
};

async function startDurable(context: PeerContext): Promise<RunningPeer> {
  const directory = context.createDirectory('disk');
  const running = await startUetcd(context, ['--data-dir', directory]);
  await ask(running.target, dialectOf(running.target).set('/bench/durable', 'x'));
  if (readdirSync(directory).length > 0) return { ...running, directory };
  await running.stop();
  throw new Error('acknowledged a set and wrote nothing to its data directory');
}

async function startUetcd(context: PeerContext, storage: readonly string[]): Promise<RunningPeer> {
  const port = await context.nextPort();
  return startServerProcess({
    command: process.execPath,
    arguments: [builtEntry, '--listen-client-urls', `http://127.0.0.1:${port}`, ...storage],
    dialect: 'v2',
    port,
    version: createRequire(import.meta.url)('../../package.json').version as string,
    readyRequest: `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    readyAnswer: '"true"',
  });
}
