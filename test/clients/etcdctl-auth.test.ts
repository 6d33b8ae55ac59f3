/** etcdctl of etcd 3.4 with ETCDCTL_API=2: users, roles, the switch, and what it does with a user's rights. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningServer } from '../support/servers.ts';
import { hasClient, keepTranscript, runToEnd, startSubject } from './subject.ts';

const isHere = hasClient('etcdctl', 'etcd-client', 'etcdctl');

const ROOT = '--username root:pw';
const ANN = '--username ann:secret';
const REFUSED = 'Error:  110: The request requires user authentication (Insufficient credentials) [0]\n';

/** What is typed, what is printed, and the exit code. */
const steps: readonly (readonly [command: string, printed: string, code?: number])[] = [
  ['user add root:pw', 'User root created\n'],
  ['user add ann:secret', 'User ann created\n'],
  ['user list', 'ann\nroot\n'],
  ['role add reader', 'Role reader created\n'],
  ['role add reader', 'Role reader already exists\n', 1],
  ['role grant reader --path /r/* --read', 'Role reader updated\n'],
  ['role grant reader --path /rw/* --readwrite', 'Role reader updated\n'],
  ['role get reader', 'Role: reader\nKV Read:\n\t/r/*\n\t/rw/*\nKV Write:\n\t/rw/*\n'],
  ['role list', 'reader\nroot\n'],
  ['user grant ann --roles reader', 'User ann updated\n'],
  ['user grant ann --roles reader', 'auth: Granting duplicate role reader for user ann\n', 1],
  ['user get ann', 'User: ann\nRoles:  reader\n'],
  ['auth enable', 'Authentication Enabled\n'],
  ['user list', 'Insufficient credentials\n', 1],
  [`${ROOT} user list`, 'ann\nroot\n'],
  [`${ROOT} role revoke guest --path /* --readwrite`, 'Role guest updated\n'],
  ['set /r/k x', REFUSED, 4],
  [`${ROOT} set /r/k x`, 'x\n'],
  [`${ANN} get /r/k`, 'x\n'],
  [`${ANN} set /r/k y`, REFUSED, 4],
  [`${ANN} set /rw/k y`, 'y\n'],
  ['--username ann:wrong get /r/k', REFUSED, 4],
  [`${ANN} ls --recursive /r/`, '/r/k\n'],
  [`${ANN} ls --recursive /`, REFUSED, 4],
  [`${ROOT} user revoke ann --roles reader`, 'User ann updated\n'],
  [`${ANN} get /r/k`, REFUSED, 4],
  [`${ROOT} user remove ann`, 'User ann removed\n'],
  [`${ROOT} user get ann`, 'auth: User ann does not exist.\n', 1],
  [`${ROOT} user remove root`, 'auth: Cannot delete root user while auth is enabled.\n', 1],
  [`${ROOT} role remove reader`, 'Role reader removed\n'],
  [`${ROOT} role remove root`, 'auth: Cannot modify role root: is root role.\n', 1],
  [`${ROOT} auth disable`, 'Authentication Disabled\n'],
  ['auth disable', 'auth: already disabled\n', 1],
  ['user remove root', 'User root removed\n'],
  ['auth enable', 'auth: No root user available, please create one\n', 1],
];

describe.skipIf(!isHere)('etcdctl', () => {
  let server: RunningServer;
  const transcript: string[] = [];
  beforeAll(async () => {
    server = await startSubject();
  });
  afterAll(async () => {
    keepTranscript('etcdctl-auth', transcript.join('\n'));
    await server?.stop();
  });

  test('prints of users and roles what it prints with a real etcd', async () => {
    for (const [command, printed, code = 0] of steps) {
      // Not etcdctl's two seconds, and five in all: on a busy machine the thread of the passwords, which steps back for all others, needs longer.
      const flags = ['--timeout', '20s', '--total-timeout', '60s', '--endpoints', server.url, ...command.split(' ')];
      const finished = await runToEnd('etcdctl', flags, { ETCDCTL_API: '2' });
      transcript.push(`$ ETCDCTL_API=2 etcdctl ${command}\n${finished.stdout}${finished.stderr}`);
      expect(finished.stdout + finished.stderr, command).toBe(printed);
      expect(finished.code, command).toBe(code);
    }
  });
});
