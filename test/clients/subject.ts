/**
 * What the client tests share: the server they talk to, whether a client is installed, and its transcript.
 * UETCD_CLIENTS_SUBJECT=etcd runs them against a real etcd, which proves the tests; UETCD_CLIENT_OUTPUT=DIRECTORY
 * keeps what each client printed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled, type RunningServer, runProcess, startCommandLine, startEtcd } from '../support/servers.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const subjectName = process.env['UETCD_CLIENTS_SUBJECT'] === 'etcd' ? 'etcd' : 'uetcd';

export function startSubject(): Promise<RunningServer> {
  return subjectName === 'etcd' ? startEtcd() : startCommandLine(['--log-level', 'warn']);
}

/** Whether all of these can be run; says in one line what is skipped when not. */
export function hasClient(name: string, debianPackages: string, ...commands: string[]): boolean {
  const missing = commands.filter((command) => !isInstalled(command));
  if (missing.length > 0)
    console.log(`${name} skipped: no ${missing.join(', ')} here (Debian: apt-get install ${debianPackages})`);
  return missing.length === 0;
}

/** The same for a test that a command must pass. */
export function canRun(name: string, debianPackages: string, command: string, ...commandArguments: string[]): boolean {
  const isThere = spawnSync(command, commandArguments, { stdio: 'ignore' }).status === 0;
  if (!isThere) console.log(`${name} skipped: not installed here (Debian: apt-get install ${debianPackages})`);
  return isThere;
}

/** Runs to the end, or for at most `withinMs`. */
export async function runToEnd(
  command: string,
  commandArguments: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  withinMs = 60_000,
): Promise<Finished> {
  const running = runProcess(command, commandArguments, { env: { ...process.env, ...environment } });
  const timer = setTimeout(() => running.child.kill('SIGKILL'), withinMs);
  const { code } = await running.exited;
  clearTimeout(timer);
  return { code, ...running.output() };
}

export function keepTranscript(client: string, text: string): void {
  const directory = process.env['UETCD_CLIENT_OUTPUT'];
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${client}-${subjectName}.txt`), text);
}
