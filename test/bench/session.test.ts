/** A session survives its peers, and forgets nothing that they have shown. */
import { expect, test } from 'vitest';
import { lower, type RunMeasurement } from '../../native-bench/measurement.ts';
import type { Peer, RunningPeer } from '../../native-bench/peers/peer.ts';
import { startServerProcess } from '../../native-bench/peers/server-process.ts';
import { createSurroundings } from '../../native-bench/peers/surroundings.ts';
import type { Scenario } from '../../native-bench/scenarios/scenario.ts';
import { Session } from '../../native-bench/session.ts';

const surroundings = createSurroundings(6_080, undefined);
const measured: RunMeasurement = { metrics: [lower('p50', 'µs', 1)], latencies: {}, warnings: [] };

function scenarioOf(name: string, run: Scenario['run']): Scenario {
  return { name, family: '', title: '', peers: ['redis', 'bare-uws'], needsFreshServer: true, run };
}

function peerOf(name: Peer['name'], start: Peer['start']): Peer {
  return { name, description: '', dialect: 'bare', missing: () => undefined, start };
}

function runningOf(lastWords?: string): RunningPeer {
  const running: RunningPeer = {
    target: { port: 0, dialect: 'bare', pid: process.pid },
    version: '1.0',
    lastWords: async () => lastWords,
    stop: async () => {},
    kill: async () => {},
    restart: async () => running,
  };
  return running;
}

async function run(peers: readonly Peer[], scenarios: readonly Scenario[]) {
  const options = { rounds: 2, seconds: 0.01, isSmoke: false, awake: 'never', seed: 1 } as const;
  return new Session(options, peers, surroundings, () => {}).run(scenarios);
}

test('a peer that once does not come up again has failed there, with what it showed before; it is tried again later', async () => {
  let starts = 0;
  const flaky = peerOf('redis', async () => {
    if (++starts === 2) throw new Error('did not come up');
    return runningOf();
  });
  const report = await run(
    [flaky],
    [scenarioOf('first', async () => measured), scenarioOf('second', async () => measured)],
  );
  expect(report.skipped).toEqual([]);
  const [first, second] = report.scenarios.map(({ results }) => results[0]);
  expect(first).toMatchObject({ error: 'did not come up', metrics: [{ rounds: [1] }] });
  expect(second).toMatchObject({ metrics: [{ rounds: [1, 1] }] });
});

test('a peer that never came up is skipped, with the reason, and the others go on', async () => {
  const absent = peerOf('redis', async () => {
    throw new Error('did not come up: no such file');
  });
  const report = await run(
    [absent, peerOf('bare-uws', async () => runningOf())],
    [scenarioOf('only', async () => measured)],
  );
  expect(report.skipped).toEqual([{ peer: 'redis', reason: 'did not come up: no such file' }]);
  expect(report.scenarios[0]?.results.map(({ peer }) => peer)).toEqual(['bare-uws']);
});

test('of a server that ends in the middle of a run its end and its last words are told', async () => {
  const program = `
    require('node:http').createServer((_, response) => {
      response.end('ready');
      setTimeout(() => { console.error('out of luck'); process.exit(3); }, 300);
    }).listen(Number(process.argv[1]), '127.0.0.1')`;
  const mortal = peerOf('bare-uws', async (context) => {
    const port = await context.nextPort();
    return startServerProcess({
      command: process.execPath,
      arguments: ['-e', program, String(port)],
      dialect: 'bare',
      port,
      version: '1.0',
      readyRequest: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      readyAnswer: 'ready',
    });
  });
  const { closedLoop } = await import('../../native-bench/load/programs/closed-loop.ts');
  const dies = scenarioOf('dies', async ({ target }) => {
    await closedLoop({
      target,
      connections: 2,
      plan: { kind: 'set', keyCount: 1, valueSizeBytes: 8, seed: 1 },
      warmupMs: 0,
      measureMs: 60_000,
      isOnlyWriter: true,
    });
    return measured;
  });
  const report = await run([mortal], [dies]);
  const error = report.scenarios[0]?.results[0]?.error;
  expect(error).toMatch(/connection lost|has ended/);
  expect(error).toContain('it ended (3): out of luck');
});
