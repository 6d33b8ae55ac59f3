/** etcdctl of etcd 3.4 with ETCDCTL_API=2 (Debian etcd-client), command by command. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, runProcess } from '../support/servers.ts';
import { type Finished, hasClient, keepTranscript, runToEnd, startSubject } from './subject.ts';

const isHere = hasClient('etcdctl', 'etcd-client', 'etcdctl');

/** What is typed, what is printed, and the exit code; or what the error says. */
const steps: readonly (readonly [command: string, printed: string | RegExp, code?: number])[] = [
  ['mk /t/a one', 'one\n'],
  ['mk /t/a one', /105: Key already exists \(\/t\/a\) \[\d+\]/, 4],
  ['get /t/a', 'one\n'],
  ['get --quorum /t/a', 'one\n'],
  ['set /t/a two', 'two\n'],
  ['set --swap-with-value two /t/a three', 'three\n'],
  ['set --swap-with-value two /t/a three', /101: Compare failed \(\[two != three\]\) \[\d+\]/, 4],
  ['set --swap-with-index 1 /t/a three', /101: Compare failed \(\[1 != \d+\]\)/, 4],
  ['-o extended get /t/a', /^Key: \/t\/a\nCreated-Index: \d+\nModified-Index: \d+\nTTL: 0\nIndex: \d+\n\nthree\n$/],
  ['-o json get /t/a', /^\{"action":"get","node":\{"key":"\/t\/a","value":"three",.*"prevNode":null\}\n$/],
  ['update /t/a four', 'four\n'],
  ['update /t/missing four', /100: Key not found \(\/t\/missing\)/, 4],
  ['mkdir /t/d', ''],
  ['mkdir /t/d', /105: Key already exists \(\/t\/d\)/, 4],
  ['setdir /t/e', ''],
  ['updatedir --ttl 100 /t/e', ''],
  ['set --ttl 50 /t/ttl x', 'x\n'],
  ['-o extended get /t/ttl', /\nTTL: (50|49)\n/],
  ['mk --in-order /t/q job', 'job\n'],
  ['set /t/_hidden x', 'x\n'],
  ['ls --sort /t', '/t/a\n/t/d\n/t/e\n/t/q\n/t/ttl\n'],
  ['ls --sort --recursive -p /t', /^\/t\/a\n\/t\/d\/\n\/t\/e\/\n\/t\/q\/\n\/t\/q\/\d{20}\n\/t\/ttl\n$/],
  ['rm --with-value other /t/a', /101: Compare failed/, 4],
  ['rm --with-value four /t/a', '\n'],
  ['rm /t/a', /100: Key not found \(\/t\/a\)/, 4],
  ['rmdir /t/d', ''],
  ['rmdir /t', /108: Directory not empty \(\/t\)/, 4],
  ['rm /t', /102: Not a file \(\/t\)/, 4],
  ['rm --recursive /t', ''],
  ['get /t', /100: Key not found \(\/t\)/, 4],
  ['cluster-health', /^member [0-9a-f]+ is healthy: got healthy result from http:\S+\ncluster is healthy\n$/],
  ['member list', /^[0-9a-f]+: name=default peerURLs=http:\S+ clientURLs=http:\S+ isLeader=true\n$/],
  ['user list', ''],
  ['role list', 'root\n'],
];

describe.skipIf(!isHere)('etcdctl', () => {
  let server: RunningServer;
  const transcript: string[] = [];
  beforeAll(async () => {
    server = await startSubject();
  });
  afterAll(async () => {
    keepTranscript('etcdctl', transcript.join('\n'));
    await server?.stop();
  });

  const argumentsOf = (command: string) => [
    '--timeout',
    '20s',
    '--total-timeout',
    '60s',
    '--endpoints',
    server.url,
    ...command.split(' '),
  ];
  const environment = { ETCDCTL_API: '2' };
  async function etcdctl(command: string): Promise<Finished> {
    const finished = await runToEnd('etcdctl', argumentsOf(command), environment, 20_000);
    note(command, finished.stdout + finished.stderr);
    return finished;
  }
  function note(command: string, printed: string): void {
    transcript.push(`$ ETCDCTL_API=2 etcdctl ${command}\n${printed}`);
  }

  test('prints what it prints with a real etcd', async () => {
    for (const [command, printed, code = 0] of steps) {
      const finished = await etcdctl(command);
      expect(finished.code, `${command}: ${finished.stderr}`).toBe(code);
      if (typeof printed === 'string') expect(finished.stdout, command).toBe(printed);
      else expect(finished.stdout + finished.stderr, command).toMatch(printed);
    }
  });

  test('watch waits for one event, also from the past', async () => {
    const waiting = runToEnd('etcdctl', argumentsOf('watch /w/key'), environment, 20_000);
    await sleep(500);
    await etcdctl('set /w/key seen');
    const seen = await waiting;
    note('watch /w/key', seen.stdout);
    expect(seen).toMatchObject({ code: 0, stdout: 'seen\n' });
    const index = /Modified-Index: (\d+)/.exec((await etcdctl('-o extended get /w/key')).stdout)?.[1];
    await etcdctl('set /w/key later');
    expect((await etcdctl(`watch --after-index ${Number(index) - 1} /w/key`)).stdout).toBe('seen\n');
  });

  test('watch --forever sees every event', async () => {
    const watching = runProcess('etcdctl', argumentsOf('watch --forever --recursive /w'), {
      env: { ...process.env, ...environment },
    });
    await sleep(500);
    await etcdctl('set /w/a 1');
    await etcdctl('set /w/b 2');
    await etcdctl('rm /w/a');
    await etcdctl('set /w/_hidden 3');
    await etcdctl('set /w/c 4');
    const wanted = '[set] /w/a\n1\n[set] /w/b\n2\n[delete] /w/a\nPrevNode.Value: 1\n[set] /w/c\n4\n';
    await expect.poll(() => watching.output().stdout, { timeout: 10_000 }).toBe(wanted);
    note('watch --forever --recursive /w', watching.output().stdout);
    watching.child.kill('SIGINT');
    await watching.exited;
  });

  test('exec-watch runs a command with the event in its environment', async () => {
    const script = 'echo "$ETCD_WATCH_ACTION $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE"';
    const flags = ['--endpoints', server.url, 'exec-watch', '--recursive', '/x', '--', 'sh', '-c', script];
    const watching = runProcess('etcdctl', flags, { env: { ...process.env, ...environment } });
    await sleep(500);
    await etcdctl('set /x/a 1');
    await expect.poll(() => watching.output().stdout, { timeout: 10_000 }).toContain('set /x/a=1');
    await etcdctl('set /x/b 2');
    await expect.poll(() => watching.output().stdout, { timeout: 10_000 }).toContain('set /x/b=2');
    note(`exec-watch --recursive /x -- sh -c '${script}'`, watching.output().stdout);
    watching.child.kill('SIGTERM');
    await watching.exited;
  });
});
