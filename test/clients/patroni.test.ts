/**
 * Patroni with two PostgreSQL members (Debian patroni, postgresql), its `etcd:` section pointing at the server: a
 * leader is elected, the replica streams, and when the leader is killed the replica takes over.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, type RunningProcess, type RunningServer, runProcess, stopProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';
import { hasClient, keepTranscript, startSubject } from './subject.ts';

const installed = '/usr/lib/postgresql';
const postgresVersion = existsSync(installed) ? readdirSync(installed).sort().at(-1) : undefined;
const postgresBin = join(installed, postgresVersion ?? '', 'bin');
const isRoot = process.getuid?.() === 0;
const isHere =
  hasClient('Patroni', 'patroni postgresql', 'patroni', 'patronictl', 'psql', join(postgresBin, 'postgres')) &&
  (!isRoot || hasUser('postgres'));

interface Member {
  readonly name: string;
  readonly configuration: string;
  readonly dataDirectory: string;
  readonly apiUrl: string;
  readonly postgresPort: number;
}

describe.skipIf(!isHere)('Patroni', () => {
  // PostgreSQL refuses to run as root.
  const user = isRoot ? { uid: idOf('-u', 'postgres'), gid: idOf('-g', 'postgres') } : {};
  const transcript: string[] = [];
  const running = new Map<string, RunningProcess>();
  let directory: string;
  let server: RunningServer;
  let members: readonly [Member, Member];

  beforeAll(async () => {
    server = await startSubject();
    directory = makeTemporary('uetcd-patroni');
    if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid);
    members = [await newMember(directory, 'one', server.url), await newMember(directory, 'two', server.url)];
  });
  afterAll(async () => {
    await Promise.all([...running.values()].map(stopProcess));
    // A leader that was killed without its Patroni, or the other way round.
    for (const { dataDirectory } of members ?? []) killPostgres(dataDirectory);
    for (const [name, { output }] of running) transcript.push(`--- log of ${name}\n${output().stderr}`);
    keepTranscript('patroni', transcript.join('\n'));
    if (directory !== undefined) removeTemporary(directory);
    await server?.stop();
  });

  function start(member: Member): void {
    const environment = { PATH: process.env['PATH'], HOME: directory, LC_ALL: 'C.UTF-8' };
    running.set(
      member.name,
      runProcess('patroni', [member.configuration], { ...user, cwd: directory, env: environment }),
    );
  }

  async function sql(member: Member, statement: string): Promise<string> {
    const address = ['-h', '127.0.0.1', '-p', String(member.postgresPort), '-U', 'postgres', '-d', 'postgres'];
    const psql = runProcess('psql', [...address, '-AtX', '-v', 'ON_ERROR_STOP=1', '-c', statement]);
    const { code } = await psql.exited;
    return code === 0 ? psql.output().stdout.trim() : `psql: ${psql.output().stderr}`;
  }

  async function list(member: Member, title: string): Promise<void> {
    const patronictl = runProcess('patronictl', ['-c', member.configuration, 'list'], { cwd: directory });
    await patronictl.exited;
    transcript.push(`# ${title}\n$ patronictl list\n${patronictl.output().stdout}`);
  }

  test('elects a leader, streams to the replica, and fails over', { timeout: 300_000 }, async () => {
    const [one, two] = members;
    start(one);
    await expect.poll(() => roleOf(one), { timeout: 60_000, interval: 500 }).toBe('leader');
    start(two);
    await expect.poll(() => sql(one, 'select state from pg_stat_replication'), slowly).toBe('streaming');
    await sql(one, "create table t (word text); insert into t values ('before')");
    await expect.poll(() => sql(two, 'select word from t'), slowly).toBe('before');
    await expect.poll(() => roleOf(two), slowly).toBe('replica');
    await list(one, 'one leads, two streams');

    running.get('one')?.child.kill('SIGKILL');
    killPostgres(one.dataDirectory);
    const killedAt = Date.now();
    await expect.poll(() => roleOf(two), slowly).toBe('leader');
    transcript.push(`# one was killed; two leads after ${((Date.now() - killedAt) / 1000).toFixed(1)} s`);
    await expect.poll(() => sql(two, "insert into t values ('after') returning word"), slowly).toContain('after');
    await list(two, 'two leads alone');

    await running.get('one')?.exited;
    start(one);
    await expect.poll(() => roleOf(one), slowly).toBe('replica');
    await expect.poll(() => sql(one, 'select word from t order by 1'), slowly).toBe('after\nbefore');
    await list(two, 'one has come back as a replica');
  });
});

const slowly = { timeout: 90_000, interval: 500 };

/** What the member says of itself; Patroni's word for the leader was `master` before its version 4. */
async function roleOf({ apiUrl }: Member): Promise<string> {
  const answer = await fetch(`${apiUrl}/patroni`).then(
    async (response) => (await response.json()) as { role?: string; state?: string },
    () => ({ role: 'none', state: 'none' }),
  );
  if (answer.state !== 'running' && answer.state !== 'streaming') return `${answer.state}`;
  return answer.role === 'master' || answer.role === 'primary' ? 'leader' : `${answer.role}`;
}

async function newMember(directory: string, name: string, etcdUrl: string): Promise<Member> {
  const [apiPort, postgresPort] = [await freePort(), await freePort()];
  const dataDirectory = join(directory, name);
  const configuration = join(directory, `${name}.yml`);
  const login = (username: string) => ({ username, password: 'secret' });
  const settings = {
    scope: 'uetcd-test',
    name,
    restapi: { listen: `127.0.0.1:${apiPort}`, connect_address: `127.0.0.1:${apiPort}` },
    etcd: { host: new URL(etcdUrl).host },
    bootstrap: {
      // The shortest times that Patroni allows.
      dcs: { ttl: 20, loop_wait: 1, retry_timeout: 5, postgresql: { use_pg_rewind: true } },
      initdb: [{ encoding: 'UTF8' }, { auth: 'trust' }],
    },
    postgresql: {
      listen: `127.0.0.1:${postgresPort}`,
      connect_address: `127.0.0.1:${postgresPort}`,
      data_dir: dataDirectory,
      bin_dir: postgresBin,
      pgpass: join(directory, `${name}.pgpass`),
      authentication: { superuser: login('postgres'), replication: login('replicator'), rewind: login('rewinder') },
      pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
      parameters: { unix_socket_directories: directory, wal_log_hints: 'on', fsync: 'off', shared_buffers: '16MB' },
    },
  };
  // JSON is YAML.
  writeFileSync(configuration, JSON.stringify(settings, null, 2), { mode: 0o644 });
  return { name, configuration, dataDirectory, apiUrl: `http://127.0.0.1:${apiPort}`, postgresPort };
}

/** Kills the postmaster of this data directory, by the number it left there, if it still runs. */
function killPostgres(dataDirectory: string): void {
  try {
    const pid = Number(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
    if (pid > 1 && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(dataDirectory)) process.kill(pid, 'SIGKILL');
  } catch {
    // No such file or no such process: nothing runs there.
  }
}

function idOf(flag: '-u' | '-g', user: string): number {
  return Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
}

function hasUser(user: string): boolean {
  try {
    return idOf('-u', user) > 0;
  } catch {
    return false;
  }
}
