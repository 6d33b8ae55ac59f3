/**
 * The load generator against wrk (C, epoll, one thread): both ask the same bare uWebSockets.js, in turns. A generator
 * much slower than wrk would measure itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GeneratorPool } from './load/generator-pool.ts';
import { perSecond } from './measurement.ts';
import type { PeerContext } from './peers/peer.ts';
import { bareUws } from './peers/responders.ts';
import { isInstalled } from './peers/server-process.ts';
import { alignColumns, formatNumber } from './report/format.ts';
import { medianOf } from './report/report.ts';

const CONNECTIONS = 64;
const WRK_SCRIPT = `wrk.method = "PUT"
wrk.body = "value=c0.xxxxxxxx"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
`;

export async function checkGenerator(surroundings: PeerContext, rounds: number, seconds: number): Promise<string> {
  if (!isInstalled('wrk')) throw new Error('no wrk in the PATH (Debian: wrk)');
  const script = join(surroundings.createDirectory('memory'), 'put.lua');
  writeFileSync(script, WRK_SCRIPT);
  const server = await bareUws.start(surroundings);
  const pool = new GeneratorPool();
  const rows = [['', 'wrk /s', 'this generator /s', 'ratio']];
  try {
    for (const kind of ['get', 'set'] as const) {
      const [wrk, own]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        wrk.push(await runWrk(server.target.port, seconds, kind === 'set' ? ['-s', script] : []));
        const result = await pool.run('closedLoop', {
          target: server.target,
          connections: CONNECTIONS,
          plan: { kind, keyCount: 1, valueSizeBytes: 11, seed: 1 },
          warmupMs: 500,
          measureMs: seconds * 1000,
          isOnlyWriter: true,
        });
        own.push(perSecond(result.answers, result.usage));
      }
      const [theirs, ours] = [median(wrk), median(own)];
      const ratio = (ours / theirs).toFixed(2);
      rows.push([`${kind}, ${CONNECTIONS} connections`, formatNumber(theirs), formatNumber(ours), ratio]);
    }
  } finally {
    await pool.close();
    await server.stop();
  }
  const heading = `medians of ${rounds} interleaved rounds of ${seconds} s on bare uWebSockets.js`;
  return [heading, ...alignColumns(rows)].join('\n');
}

async function runWrk(port: number, seconds: number, options: readonly string[]): Promise<number> {
  const duration = `${Math.max(1, Math.round(seconds))}s`;
  const url = `http://127.0.0.1:${port}/v2/keys/bench/key`;
  const wrk = spawn('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${duration}`, ...options, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  wrk.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await once(wrk, 'close');
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1];
  if (rate === undefined) throw new Error(`wrk printed no rate: ${printed}`);
  return Number(rate);
}

function median(values: readonly number[]): number {
  return medianOf(values.toSorted((a, b) => a - b));
}
