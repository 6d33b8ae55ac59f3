/** A figure made of wrong answers is worth nothing: each kind of load finds out a server that lies about what it is asked. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import type { Target } from '../../native-bench/load/dialect.ts';
import { closedLoop } from '../../native-bench/load/programs/closed-loop.ts';
import { expiry } from '../../native-bench/load/programs/expiry.ts';
import { pollCrowd } from '../../native-bench/load/programs/poll-crowd.ts';
import type { RequestPlan } from '../../native-bench/load/request-source.ts';

/** How it lies; it tells the truth about all else. */
interface Lie {
  readonly value?: string;
  readonly indexStep?: number;
  readonly status?: number;
  /** Ends a long poll at once, with what nobody has set. */
  readonly pollsEndAtOnce?: boolean;
  /** Keys end so long before they are due. */
  readonly expiresEarlyMs?: number;
}

/** These loads have moments to keep, which they miss where others want the cores. */
const BUSY = { retry: 3 };

const plan: RequestPlan = { kind: 'set', keyCount: 1, valueSizeBytes: 11, seed: 1 };
const gets: RequestPlan = { ...plan, kind: 'get' };

test.each<[string, RequestPlan, Lie, RegExp | undefined]>([
  ['the truth about sets', plan, {}, undefined],
  ['the truth about gets', gets, {}, undefined],
  ['another value than was set', plan, { value: 'another' }, /expected "value":"c0/],
  ['another value than is there', gets, { value: 'fill.another' }, /expected "value":"fill/],
  ['no value of a key among others', { ...gets, keyCount: 2 }, { value: '' }, /expected "key":/],
  ['an index that stays', plan, { indexStep: 0 }, /index 7 after 7/],
  ['an index that grows by two', plan, { indexStep: 2 }, /the index grew by/],
  ['an error', plan, { status: 500 }, /status 500/],
])('%s', async (_, wanted, lie, complaint) => {
  const target = await serve(lie);
  const run = closedLoop({ target, connections: 1, plan: wanted, warmupMs: 0, measureMs: 100, isOnlyWriter: true });
  if (complaint === undefined) expect((await run).answers).toBeGreaterThan(0);
  else await expect(run).rejects.toThrow(complaint);
});

test.each([
  ['of what is set', {}, undefined],
  ['at once of what nobody has set', { pollsEndAtOnce: true }, /of set n0 watcher \d+ heard/],
])('a crowd is told %s', BUSY, async (_, lie, complaint) => {
  const target = await serve(lie);
  const beginsAt = performance.timeOrigin + performance.now() + 1_000;
  const run = pollCrowd({ target, watchers: 3, beginsAt, sets: 2, everyMs: 100 });
  if (complaint === undefined) await run;
  else await expect(run).rejects.toThrow(complaint);
});

test.each([
  ['when they are due', 0, undefined],
  ['before they are due', 500, /ended before their time/],
])('keys end %s', BUSY, async (_, expiresEarlyMs, complaint) => {
  const target = await serve({ expiresEarlyMs });
  const deadline = performance.timeOrigin + performance.now() + 5_500;
  const run = expiry({ target, keyCount: 20, rehearsedKeyCount: 10, deadline, fillMs: 1_000, patienceMs: 1_200 });
  if (complaint === undefined) expect((await run).events).toBe(20);
  else await expect(run).rejects.toThrow(complaint);
});

/** As much of the API as these loads ask for. */
async function serve(lie: Lie): Promise<Target> {
  let index = 7;
  const values = new Map<string, string>();
  const polls = new Map<string, ServerResponse[]>();
  const streams = new Set<ServerResponse>();
  const eventOf = (action: string, key: string, value: string) =>
    `${JSON.stringify({ action, node: { key, value: lie.value ?? value, modifiedIndex: index } })}\n`;

  function set(key: string, form: URLSearchParams, response: ServerResponse): void {
    const value = form.get('value') ?? '';
    index += lie.indexStep ?? 1;
    values.set(key, value);
    const event = eventOf('set', key, value);
    response.writeHead(lie.status ?? 201, { 'X-Etcd-Index': index }).end(event);
    for (const poll of polls.get(key)?.splice(0) ?? []) poll.end(event);
    const ttlMs = Number(form.get('ttl') ?? 0) * 1000 - (lie.expiresEarlyMs ?? 0);
    const expire = () => {
      for (const stream of streams) stream.write(eventOf('expire', key, ''));
    };
    if (form.has('ttl')) setTimeout(expire, ttlMs + 1);
  }

  function get(key: string, query: URLSearchParams, response: ServerResponse): void {
    response.setHeader('X-Etcd-Index', index);
    if (!query.has('wait')) {
      const value = values.get(key) ?? 'fill.xxxxxx';
      response.end(lie.value === '' ? JSON.stringify({ node: { key, dir: true } }) : eventOf('get', key, value));
      return;
    }
    response.flushHeaders();
    if (query.has('stream')) streams.add(response);
    else if (lie.pollsEndAtOnce) setTimeout(() => response.end(eventOf('set', key, 'nothing')), 2);
    else polls.set(key, [...(polls.get(key) ?? []), response]);
  }

  const server = createServer(async (request: IncomingMessage, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const key = pathname.slice('/v2/keys'.length);
    if (request.method === 'PUT') set(key, new URLSearchParams(await text(request)), response);
    else get(key, searchParams, response);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, dialect: 'v2', pid: process.pid };
}
