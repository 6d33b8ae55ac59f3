/** A peer's process: started with its output kept, ready when it answers, ended by its own handle and never by name. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../load/dialect.ts';
import { ask } from '../load/probe.ts';
import type { RunningPeer } from './peer.ts';

export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  /** Beside our own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly dialect: Target['dialect'];
  readonly port: number;
  readonly version: string;
  /** Asked until it is answered so; then the server is ready. */
  readonly readyRequest: string;
  readonly readyAnswer: string;
}

const READY_TIMEOUT_MS = 60_000;
const TERM_TIMEOUT_MS = 10_000;
const EXIT_NEWS_MS = 200;
const OUTPUT_KEPT_CHARACTERS = 4_000;

const running = new Set<ChildProcess>();
// Whatever way the benchmark ends, it leaves no server behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startServerProcess(server: ServerCommand): Promise<RunningPeer> {
  const child = spawn(server.command, server.arguments, {
    env: { ...process.env, ...server.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(-OUTPUT_KEPT_CHARACTERS);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      keep(error.message);
      resolve();
    });
    child.once('close', () => resolve());
  });
  void exited.then(() => running.delete(child));

  const target: Target = { port: server.port, dialect: server.dialect, pid: child.pid ?? 0 };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!running.has(child)) return;
    child.kill(signal);
    const deadline = setTimeout(() => child.kill('SIGKILL'), TERM_TIMEOUT_MS);
    await exited;
    clearTimeout(deadline);
  };
  if (!(await becomesReady(server, target, () => running.has(child)))) {
    await end('SIGKILL');
    throw new Error(`did not come up: ${lastLine(output)}`);
  }
  return {
    target,
    version: server.version,
    lastWords: async () => {
      // Whoever lost a connection may know it before we do.
      await Promise.race([exited, sleep(EXIT_NEWS_MS)]);
      const end = child.signalCode ?? child.exitCode;
      return end === null ? undefined : `it ended (${end}): ${lastLine(output)}`;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: () => startServerProcess(server),
  };
}

async function becomesReady(server: ServerCommand, target: Target, isAlive: () => boolean): Promise<boolean> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (isAlive() && performance.now() < deadline) {
    const answer = await ask(target, server.readyRequest).catch(() => undefined);
    if (answer?.body.includes(server.readyAnswer)) return true;
    await sleep(5);
  }
  return false;
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) || 'it printed nothing';
}

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', command]).status === 0;
}

/** The first version number in what `command …` prints. */
export function printedVersion(command: string, ...commandArguments: string[]): string {
  const printed = spawnSync(command, commandArguments, { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)?[-\w.]*/.exec(printed.stdout + printed.stderr)?.[0] ?? 'unknown';
}

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
