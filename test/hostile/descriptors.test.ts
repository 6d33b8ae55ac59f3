/** More connections than the process has descriptors for. */
import { describe, expect, test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { builtEntry, freePort, runProcess, stopProcess } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

const DESCRIPTORS = 256;
/** Nine tenths of them, less a hundred. */
const CONNECTIONS_MAX = 130;

describe.skipIf(process.platform !== 'linux')('a process with few descriptors', () => {
  test('takes fewer connections than it has descriptors, refuses the others with 503, and writes its journal', {
    timeout: 60_000,
  }, async () => {
    const directory = makeTemporary('uetcd-descriptors');
    const url = `http://127.0.0.1:${await freePort()}`;
    const flags = ['--listen-client-urls', url, '--data-dir', directory, '--snapshot-count', '50'];
    // Of the test itself they must not become fewer.
    const command = `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`;
    const server = runProcess('sh', [
      '-c',
      command,
      process.execPath,
      builtEntry,
      ...flags,
      '--max-connections',
      '500',
    ]);
    const isUp = () => server.output().stdout.includes('ready to serve');
    await expect.poll(isUp, { timeout: 20_000 }).toBe(true);
    expect(server.output().stdout).toContain('too few descriptors for so many connections');
    const api = new ApiClient(url);
    expect((await api.put('/a', 'value=0')).status).toBe(201);
    const open: RawConnection[] = [];
    const statuses = new Map<number | undefined, number>();
    for (let count = 0; count < 2 * DESCRIPTORS; count++) {
      const connection = await RawConnection.open(url);
      open.push(connection);
      await connection.write(requestBytes('GET', '/v2/keys/a?wait=true&recursive=true'));
      await connection.until(() => connection.received.includes('\r\n') || connection.isClosed);
      const status = Number(connection.received.split(' ')[1]);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses.keys()].sort()).toEqual([200, 503]);
    expect(statuses.get(200)).toBe(CONNECTIONS_MAX - 1); // One is ours.
    const openDescriptors = Number(/^process_open_fds (\d+)$/m.exec((await api.fetch('/metrics')).text)?.[1]);
    expect(openDescriptors).toBeLessThan(DESCRIPTORS - 20);
    for (let count = 0; count < 200; count++) expect((await api.put('/b', `value=${count}`)).status).toBeLessThan(300);
    await expect.poll(() => server.output().stdout.includes('snapshot made'), { timeout: 20_000 }).toBe(true);
    expect((await api.fetch('/health')).status).toBe(200);
    for (const connection of open) connection.destroy();
    await api.close();
    await stopProcess(server);
    removeTemporary(directory);
  });
});
