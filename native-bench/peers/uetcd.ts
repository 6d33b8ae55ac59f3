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

export const uetcdAuth: Peer = {
  name: 'uetcd-auth',
  description: 'uetcd in memory with authentication on, each request with the credentials of a user that may do it',
  dialect: 'v2',
  missing,
  start: startAuth,
};

/** Not one of those that scenarios are run against: it is the other half of one (`metrics-cost.ts`). */
export const uetcdUncounted: Peer = {
  name: 'uetcd-uncounted',
  description: 'uetcd in memory that counts and measures nothing',
  dialect: 'v2',
  missing,
  start: (context) => startUetcd(context, ['--in-memory'], { UETCD_METRICS: 'off' }),
};

const USER = { user: 'bench', password: 'a password of some length', roles: ['bench'] };
const ROLE = {
  role: 'bench',
  permissions: { kv: { read: ['/', '/other/*', '/bench/*'], write: ['/other/*', '/bench/*'] } },
};

/** The last step takes from those without credentials what etcd lets them have. */
async function startAuth(context: PeerContext): Promise<RunningPeer> {
  const running = await startUetcd(context, ['--in-memory']);
  const origin = `http://127.0.0.1:${running.target.port}/v2/auth`;
  const put = async (path: string, body?: object, headers?: Record<string, string>) => {
    const answer = await fetch(`${origin}/${path}`, {
      method: 'PUT',
      body: body === undefined ? null : JSON.stringify(body),
      headers: headers ?? {},
    });
    if (!answer.ok) throw new Error(`PUT of ${path} is answered with ${answer.status}: ${await answer.text()}`);
  };
  await put('users/root', { user: 'root', password: 'root' });
  await put('roles/bench', ROLE);
  await put('users/bench', USER);
  await put('enable');
  const revoke = { kv: { read: ['/*'], write: ['/*'] } };
  await put('roles/guest', { role: 'guest', revoke }, { authorization: basic('root', 'root') });
  return { ...running, target: { ...running.target, authorization: basic(USER.user, USER.password) } };
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

async function startDurable(context: PeerContext): Promise<RunningPeer> {
  const directory = context.createDirectory('disk');
  const running = await startUetcd(context, ['--data-dir', directory]);
  await ask(running.target, dialectOf(running.target).set('/bench/durable', 'x'));
  if (readdirSync(directory).length > 0) return { ...running, directory };
  await running.stop();
  throw new Error('acknowledged a set and wrote nothing to its data directory');
}

async function startUetcd(
  context: PeerContext,
  storage: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningPeer> {
  const port = await context.nextPort();
  return startServerProcess({
    command: process.execPath,
    arguments: [builtEntry, '--listen-client-urls', `http://127.0.0.1:${port}`, ...storage],
    environment,
    dialect: 'v2',
    port,
    version: createRequire(import.meta.url)('../../package.json').version as string,
    readyRequest: `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    readyAnswer: '"true"',
  });
}
