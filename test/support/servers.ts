/**
 * Starts what the tests talk to: uetcd inside this process, its command line as a child, or a real etcd as the yardstick. Both
 * are the built ones, as its users have them; from source each start takes four times as long. Whatever is started here is
 * stopped by its own handle, never by name.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startServer } from 'uetcd';
import { makeTemporary, makeTemporaryInMemory, removeTemporary } from './temporary-directory.ts';

export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process whose output is kept for the assertions. */
export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  output(): { stdout: string; stderr: string };
}

export type ServerOptions = NonNullable<Parameters<typeof startServer>[0]>;

export const projectDirectory = fileURLToPath(new URL('../../', import.meta.url));
export const builtEntry = join(projectDirectory, 'dist/main.js');

/** UETCD_TEST_DURABLE=1: whoever does not choose for itself gets a server that keeps its data on disk. */
const isDurable = process.env['UETCD_TEST_DURABLE'] === '1';

/** UETCD_TEST_FRONT_ENDS: how many front ends a server has for which nobody chooses. */
export const testFrontEnds = Number(process.env['UETCD_TEST_FRONT_ENDS'] ?? 1);

/** uetcd in this process, on a port the kernel picks; with nothing on disk unless a directory is given. */
export async function startInProcess(
  options: ServerOptions = {},
): Promise<RunningServer & { readonly metricsUrls: readonly string[] }> {
  const storage = options.dataDir === undefined ? newStorage() : nowhere;
  const dataDir = options.dataDir ?? storage.dataDir;
  const where = dataDir === undefined ? { inMemory: true } : { inMemory: false, dataDir };
  const server = await startServer({ port: 0, frontEnds: testFrontEnds, ...where, ...options });
  const stop = async () => {
    await server.close();
    storage.remove();
  };
  return { url: server.url, metricsUrls: server.metricsUrls, stop };
}

/** The built command line, ready to serve; with nothing on disk unless `flags` name a directory. */
export async function startCommandLine(
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningServer & RunningProcess> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const isGiven = flags.includes('--data-dir');
  const storage = isGiven ? nowhere : newStorage();
  const storageFlags = storage.dataDir === undefined ? ['--in-memory'] : ['--data-dir', storage.dataDir];
  const ownFlags = ['--listen-client-urls', url, '--front-ends', String(testFrontEnds)];
  const server = runCommandLine([...ownFlags, ...(isGiven ? [] : storageFlags), ...flags], environment);
  await untilHealthy(url, server);
  const stop = async () => {
    await stopProcess(server);
    storage.remove();
  };
  return { ...server, url, stop };
}

interface Storage {
  readonly dataDir: string | undefined;
  remove(): void;
}

const nowhere: Storage = { dataDir: undefined, remove: () => {} };

function newStorage(): Storage {
  if (!isDurable) return nowhere;
  const dataDir = makeTemporary('uetcd-data');
  return { dataDir, remove: () => removeTemporary(dataDir) };
}

/** The built command line with exactly these flags, not waited for. */
export function runCommandLine(
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd = projectDirectory,
): RunningProcess {
  if (!existsSync(builtEntry)) throw new Error(`${builtEntry} is missing: npm run build makes it`);
  return runProcess(process.execPath, [builtEntry, ...flags], { env: { ...process.env, ...environment }, cwd });
}

/** Those that run still: a test that fails half-way leaves its child behind, and it must not outlive us. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export function runProcess(
  command: string,
  commandArguments: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number; gid?: number; detached?: boolean } = {},
): RunningProcess {
  const child = spawn(command, commandArguments, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const kept = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    kept.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    kept.stderr += text;
  });
  // 'close' rather than 'exit': by then all output has been read.
  const exited = new Promise<ExitStatus>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  exited.catch(() => {}); // Whoever awaits it sees the error; an unawaited one must not end the test run.
  return { child, pid: child.pid ?? 0, exited, output: () => ({ ...kept }) };
}

/** SIGTERM, and SIGKILL for whoever ignores it for ten seconds. */
export async function stopProcess(running: RunningProcess): Promise<void> {
  if (running.child.exitCode !== null || running.child.signalCode !== null) return;
  running.child.kill('SIGTERM');
  const deadline = setTimeout(() => running.child.kill('SIGKILL'), 10_000);
  await running.exited;
  clearTimeout(deadline);
}

/**
 * A real etcd with its v2 API on.
 * @param kept where its data is, and stays; otherwise it has none, and it goes with the server. In memory where the
 *   machine has such a directory. @param flags further ones.
 */
export async function startEtcd(kept?: string, flags: readonly string[] = []): Promise<RunningServer & RunningProcess> {
  const [clientPort, peerPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const directory = kept ?? makeTemporaryInMemory('uetcd-peer');
  const etcd = runProcess('etcd', [
    '--enable-v2=true',
    ...['--data-dir', directory, '--logger', 'zap', '--log-level', 'error'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `default=${peerUrl}`],
    ...flags,
  ]);
  const stop = async () => {
    await stopProcess(etcd);
    if (kept === undefined) removeTemporary(directory);
  };
  try {
    await untilHealthy(url, etcd);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...etcd, url, stop };
}

/** Whether `command` can be run here. */
export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v "$1"`, 'sh', command]).status === 0;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  server.close();
  await once(server, 'close');
  return address.port;
}

async function untilHealthy(url: string, server: RunningProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.child.exitCode !== null || server.child.signalCode !== null) break;
    const healthy = await fetch(`${url}/health`).then(
      async (answer) => (await answer.text()).includes('"true"'),
      () => false,
    );
    if (healthy) return;
    await sleep(50);
  }
  const { stdout, stderr } = server.output();
  await stopProcess(server);
  throw new Error(`no server came up on ${url}\n${stdout}${stderr}`);
}
