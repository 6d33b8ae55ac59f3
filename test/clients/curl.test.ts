/** Every curl line of the v2 API document, in its order, as a reader would type it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningServer } from '../support/servers.ts';
import { type Finished, hasClient, keepTranscript, runToEnd, startSubject } from './subject.ts';

const isHere = hasClient('curl', 'curl', 'curl');

/** What is typed, with KEYS for the address of the key space and URL for the server's, and what must be in the answer. */
const lines: readonly (readonly [line: string, answer: string | RegExp])[] = [
  ['curl -L URL/version', '{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}'],
  ['curl KEYS/message -XPUT -d value="Hello world"', '{"action":"set","node":{"key":"/message","value":"Hello world",'],
  ['curl KEYS/message', '{"action":"get","node":{"key":"/message","value":"Hello world",'],
  [
    'curl KEYS/message -XPUT -d value="Hello etcd"',
    /"value":"Hello etcd".*"prevNode":\{"key":"\/message","value":"Hello world"/,
  ],
  ['curl KEYS/message -XDELETE', '{"action":"delete","node":{"key":"/message","modifiedIndex"'],
  ['curl KEYS/foo -XPUT -d value=bar -d ttl=5', /"expiration":"[^"]+","ttl":5,/],
  [
    'curl KEYS/foo -XPUT -d value=bar -d ttl= -d prevExist=true',
    /^\{"action":"update","node":\{"key":"\/foo","value":"bar","modifiedIndex"/,
  ],
  ['curl KEYS/foo -XPUT -d value=bar -d ttl=5', '"action":"set"'],
  ['curl KEYS/foo -XPUT -d ttl=5 -d refresh=true -d prevExist=true', /"action":"update".*"value":"bar".*"ttl":5/],
  ['curl KEYS/gone', '"errorCode":100,"message":"Key not found","cause":"/gone"'],
  ['curl KEYS/queue -XPOST -d value=Job1', /"action":"create","node":\{"key":"\/queue\/\d{20}","value":"Job1"/],
  ['curl KEYS/queue -XPOST -d value=Job2', '"value":"Job2"'],
  ["curl -s 'KEYS/queue?recursive=true&sorted=true'", /"value":"Job1".*"value":"Job2"/],
  ['curl KEYS/dir -XPUT -d ttl=30 -d dir=true', '"dir":true,"expiration"'],
  ['curl KEYS/dir -XPUT -d ttl=30 -d dir=true -d prevExist=true', '"action":"update"'],
  ['curl KEYS/cas -XPUT -d value=one', '"action":"set"'],
  [
    'curl KEYS/cas?prevExist=false -XPUT -d value=three',
    '"errorCode":105,"message":"Key already exists","cause":"/cas"',
  ],
  ['curl KEYS/cas?prevValue=two -XPUT -d value=three', '"cause":"[two != one]"'],
  ['curl KEYS/cas?prevValue=one -XPUT -d value=two', '"action":"compareAndSwap"'],
  ['curl KEYS/cas?prevValue=one -XDELETE', '"errorCode":101,"message":"Compare failed"'],
  ['curl KEYS/cas?prevIndex=1 -XDELETE', '"cause":"[1 != '],
  ['curl KEYS/cas?prevValue=two -XDELETE', '"action":"compareAndDelete"'],
  ['curl KEYS/newdir -XPUT -d dir=true', '"dir":true'],
  ['curl KEYS/foo_dir/foo -XPUT -d value=bar', '"key":"/foo_dir/foo"'],
  ['curl KEYS/', '{"action":"get","node":{"dir":true,"nodes":['],
  ['curl KEYS/?recursive=true', '"key":"/foo_dir/foo"'],
  ["curl 'KEYS/foo_dir?dir=true' -XDELETE", '"errorCode":108,"message":"Directory not empty"'],
  ['curl KEYS/foo_dir?recursive=true -XDELETE', '"action":"delete"'],
  ['curl KEYS/_message -XPUT -d value="Hello hidden world"', '"key":"/_message"'],
  ['curl KEYS/_message', 'Hello hidden world'],
  ['printf "hello\\nworld\\n" | curl -s KEYS/afile -XPUT --data-urlencode value@-', '"value":"hello\\nworld\\n"'],
  ["curl 'KEYS/afile?quorum=true'", '"value":"hello\\nworld\\n"'],
  ['curl URL/v2/stats/leader', '"followers":{}'],
  ['curl URL/v2/stats/self', '"state":"StateLeader"'],
  ['curl URL/v2/stats/store', '"getsSuccess"'],
  ['curl URL/v2/members', '{"members":[{"id":"'],
  ['curl URL/v2/machines', 'http://'],
  ['curl URL/health', '{"health":"true"}'],
  ['curl -I KEYS/afile', /^HTTP\/1\.1 200 OK\r\n[\s\S]*X-Etcd-Index: \d+\r\n/i],
];

describe.skipIf(!isHere)('curl', () => {
  const transcript: string[] = [];
  let server: RunningServer;
  beforeAll(async () => {
    server = await startSubject();
  });
  afterAll(async () => {
    keepTranscript('curl', transcript.join(''));
    await server?.stop();
  });

  async function type(line: string): Promise<Finished> {
    const filled = line.replaceAll('KEYS', `${server.url}/v2/keys`).replaceAll('URL', server.url);
    const finished = await runToEnd('sh', ['-c', filled.replace('curl ', 'curl -sS --max-time 15 ')]);
    transcript.push(`$ ${filled}\n${finished.stdout.trimEnd()}\n`);
    return finished;
  }

  test('gets the document’s answers', async () => {
    for (const [line, answer] of lines) {
      const { code, stdout, stderr } = await type(line);
      expect(code, `${line}: ${stderr}`).toBe(0);
      if (typeof answer === 'string') expect(stdout, line).toContain(answer);
      else expect(stdout, line).toMatch(answer);
    }
  });

  test('waits for a change, looks back for one, and follows a stream', async () => {
    const waiting = type('curl KEYS/waited?wait=true');
    await sleep(300);
    const { stdout: written } = await type('curl KEYS/waited -XPUT -d value=bar');
    expect((await waiting).stdout).toBe(written);
    const index: number = JSON.parse(written).node.modifiedIndex;
    expect((await type(`curl 'KEYS/waited?wait=true&waitIndex=${index}'`)).stdout).toBe(written);

    const following = type("curl -N --max-time 2 'KEYS/waited?wait=true&recursive=true&stream=true'");
    await sleep(300);
    const events = [
      (await type('curl KEYS/waited -XPUT -d value=1')).stdout,
      (await type('curl KEYS/waited -XDELETE')).stdout,
    ];
    // A real etcd tells a stream twice that its own key was deleted.
    expect((await following).stdout.startsWith(events.join(''))).toBe(true);
  });
});
