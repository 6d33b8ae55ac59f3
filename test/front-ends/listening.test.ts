import { startServer } from 'uetcd';
import { describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { freePort, runCommandLine, startCommandLine, startInProcess, stopProcess } from '../support/servers.ts';
import { FRONT_ENDS, flags } from './three-front-ends.ts';

describe('a port in use', () => {
  test.each([
    ['one with three front ends, by one with three', flags, flags],
    ['one with three, by one with one', flags, []],
    ['one with one, by one with three', [], flags],
  ])('by %s: one line that names it, and not zero', async (_, first, second) => {
    const server = await startCommandLine(first);
    const run = runCommandLine(['--listen-client-urls', server.url, '--in-memory', ...second]);
    const { code } = await run.exited;
    expect(code).toBe(1);
    expect(run.output().stderr).toContain(new URL(server.url).port);
    expect(run.output().stderr.trimEnd().split('\n')).toHaveLength(1);
    expect((await fetch(`${server.url}/version`)).status).toBe(200);
    await server.stop();
  });

  test('among several is found, and what was begun is undone', async () => {
    const first = await startInProcess();
    const free = `http://127.0.0.1:${await freePort()}`;
    const options = { frontEnds: FRONT_ENDS, listenClientUrls: [free, first.url], inMemory: true };
    await expect(startServer(options)).rejects.toThrow(new URL(first.url).port);
    await expect(fetch(`${free}/version`)).rejects.toThrow();
    await first.stop();
    const second = await startServer(options);
    expect(second.urls).toEqual([free, first.url]);
    await second.close();
  });
});

describe('addresses', () => {
  test('several are served by all front ends, IPv6 and a free port too', async () => {
    const fixed = `http://127.0.0.1:${await freePort()}`;
    const server = await startServer({
      frontEnds: FRONT_ENDS,
      inMemory: true,
      listenClientUrls: [fixed, 'http://[::1]:0', 'http://127.0.0.1:0'],
    });
    expect(server.urls).toEqual([
      fixed,
      expect.stringMatching(/^http:\/\/\[::1\]:[1-9]\d*$/),
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/),
    ]);
    for (const [ordinal, url] of server.urls.entries()) {
      const api = new ApiClient(url, 2 * FRONT_ENDS);
      for (let count = 0; count < 2 * FRONT_ENDS; count++) {
        expect((await api.put(`/k/${ordinal}/${count}`, 'value=1')).status).toBe(201);
        expect((await api.fetch('/v2/machines')).text).toBe(server.urls.join(', '));
      }
      await api.close();
    }
    await server.close();
    for (const url of server.urls) await expect(fetch(`${url}/version`)).rejects.toThrow();
  });
});

describe('how many there can be', () => {
  test.each(['0', '17', '1000000', '-1', '2.5', 'many'])('not %s: one line, and not zero', async (count) => {
    const run = runCommandLine(['--in-memory', '--front-ends', count]);
    expect((await run.exited).code).toBe(1);
    expect(run.output().stderr).toMatch(/front-ends/);
    expect(run.output().stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test.each([0, 17, -1, 2.5, Number.NaN])('nor %d for a program', async (frontEnds) => {
    await expect(startInProcess({ frontEnds })).rejects.toThrow(
      /1 to 16 front ends|the option frontEnds must be a whole number above 0/,
    );
  });

  test('as many as there can be serve', { timeout: 240_000 }, async () => {
    const most = 16;
    const run = runCommandLine(['--in-memory', '--listen-client-urls', 'http://127.0.0.1:0'], {
      ETCD_FRONT_ENDS: String(most),
    });
    await expect.poll(() => run.output().stdout, { timeout: 120_000 }).toContain('ready to serve');
    const api = new ApiClient(JSON.parse(run.output().stdout.split('\n')[0] as string).urls[0], most);
    for (let count = 0; count < 2 * most; count++)
      expect((await api.put('/k', `value=${count}`)).status).toBeLessThan(300);
    expect((await api.get('/k')).text).toContain(`"value":"${2 * most - 1}"`);
    await api.close();
    await stopProcess(run);
    expect(await run.exited).toEqual({ code: 0, signal: null });
  });
});
