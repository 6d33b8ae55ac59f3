/** The log's word on slow requests, from the built command line. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PageText } from '../metrics/page-text.ts';
import { ApiClient } from '../support/http.ts';
import { startCommandLine } from '../support/servers.ts';

const VALUE_SIZE = 100_000;

/** A listing that takes more than a millisecond on any machine: ten megabytes are put together for it. */
async function askForMuch(flags: readonly string[]) {
  const server = await startCommandLine(flags);
  const api = new ApiClient(server.url);
  for (let count = 0; count < 100; count++) await api.put(`/much/${count}`, `value=${'x'.repeat(VALUE_SIZE)}`);
  await sleep(1_100); // The writes may have been slow, too, and only so many are told in a second.
  await api.get('/much?recursive=true');
  const page = new PageText((await api.fetch('/metrics')).text);
  await api.close();
  await server.stop();
  const lines = server
    .output()
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { lines: lines.filter(({ msg }) => msg === 'slow request'), counted: page.value('uetcd_requests_slow_total') };
}

test('a request that takes longer than it may is told in one warning, as JSON', async () => {
  const { lines, counted } = await askForMuch(['--slow-request-ms', '1']);
  const PINO_WARN = 40;
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: PINO_WARN,
      method: 'GET',
      path: '/much',
      status: 200,
      tookMs: expect.any(Number),
    }),
  );
  for (const { tookMs } of lines) expect(tookMs).toBeGreaterThanOrEqual(1);
  expect(counted).toBeGreaterThanOrEqual(lines.length);
});

test.each([
  ['a limit that it keeps', '3600000'],
  ['0, which is none', '0'],
])('with %s nothing is told', async (_, limit) => {
  expect(await askForMuch(['--slow-request-ms', limit])).toEqual({ lines: [], counted: 0 });
});
