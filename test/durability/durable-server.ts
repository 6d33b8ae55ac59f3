/** A durable server as a process of its own that may be killed at any moment. */
import { mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import {
  type ExitStatus,
  type RunningProcess,
  runCommandLine,
  stopProcess,
  testFrontEnds,
} from '../support/servers.ts';
import { removeTemporary } from '../support/temporary-directory.ts';

const START_MS_MAX = 60_000;

export interface DurableServer extends RunningProcess {
  readonly url: string;
  /** SIGTERM. */
  stop(): Promise<void>;
  /** SIGKILL, or whatever ended it before. */
  kill(): Promise<ExitStatus>;
}

export interface DurableOptions {
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The command line on `directory`, on a port the kernel picks, not waited for. */
export function runOn(directory: string, { flags = [], environment }: DurableOptions = {}): RunningProcess {
  // On a busy machine requests are slow, and nothing of that is to stand in a log whose warnings are looked at.
  const ownFlags = [
    '--listen-client-urls',
    'http://127.0.0.1:0',
    '--front-ends',
    String(testFrontEnds),
    '--slow-request-ms',
    '0',
  ];
  return runCommandLine(['--data-dir', directory, ...ownFlags, ...flags], environment);
}

/** The same, waited for. Rejects with what the process said when it ends instead. */
export async function startOn(directory: string, options: DurableOptions = {}): Promise<DurableServer> {
  return ready(runOn(directory, options));
}

/** Waits for the line that says where it serves. */
export async function ready(server: RunningProcess): Promise<DurableServer> {
  const url = await readyUrl(server);
  const kill = () => {
    server.child.kill('SIGKILL');
    return server.exited;
  };
  return { ...server, url, kill, stop: () => stopProcess(server) };
}

function readyUrl(server: RunningProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    // Not SIGKILL: the kill loop would take it for the crash that it has asked for.
    const timer = setTimeout(() => server.child.kill('SIGABRT'), START_MS_MAX);
    const look = () => {
      const url = logLines(server).find((line) => line.urls !== undefined)?.urls?.[0];
      if (url === undefined) return;
      clearTimeout(timer);
      server.child.stdout?.off('data', look);
      resolve(url);
    };
    server.child.stdout?.on('data', look);
    const explain = ({ code, signal }: ExitStatus) => {
      clearTimeout(timer);
      const { stdout, stderr } = server.output();
      reject(new Error(`the server did not start (code ${code}, signal ${signal})\n${stdout}${stderr}`));
    };
    server.exited.then(explain, reject);
    look();
  });
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly urls?: readonly string[];
  readonly sequence?: number;
}

/** What the server has logged so far. */
export function logLines(server: RunningProcess): LogLine[] {
  const complete = server.output().stdout.split('\n').slice(0, -1);
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}

export interface DirectoryFixture {
  /** A path in a temporary directory; nothing is there yet. */
  readonly directory: string;
}

/** A test with a data directory of its own, which goes away afterwards. */
export const durableTest = test.extend<DirectoryFixture>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which other fixtures are needed.
  directory: async ({}, use) => {
    const parent = mkdtempSync(join(tmpdir(), 'uetcd-durable-'));
    await use(join(parent, 'data'));
    removeTemporary(parent);
  },
});

/** Paths of a directory's segments, oldest first. */
export function segmentsIn(directory: string): string[] {
  return filesIn(directory).filter((path) => path.endsWith('.log'));
}

/** Paths of its snapshots, oldest first. */
export function snapshotsIn(directory: string): string[] {
  return filesIn(directory).filter((path) => path.endsWith('.snap'));
}

export function sizeOf(directory: string): number {
  return filesIn(directory).reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));
}
