/** Moving from a real etcd to uetcd, and back. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { isInstalled, type RunningServer, startEtcd } from '../support/servers.ts';
import { dumpTo, fileIn, fillVisibly, loadFrom, readLines, transferTest, treeOf } from './transfer-fixture.ts';

const hasEtcd = isInstalled('etcd');
if (!hasEtcd) {
  console.log('moving from a real etcd not tested: no etcd binary on the PATH (Debian: apt-get install etcd-server)');
}

describe.skipIf(!hasEtcd)('a real etcd', () => {
  let server: RunningServer;
  let etcd: ApiClient;

  beforeAll(async () => {
    server = await startEtcd();
    etcd = new ApiClient(server.url);
    await fillVisibly(etcd);
  });

  afterAll(async () => {
    await etcd.close();
    await server.stop();
  });

  transferTest('is loaded directly, and by way of a dump', async ({ directory, source, target }) => {
    await loadFrom('', source, { from: etcd.url });
    await dumpTo(fileIn(directory), { endpoint: etcd.url });
    await loadFrom(fileIn(directory), target);
    const expected = await treeOf(etcd);
    expect(expected.size).toBeGreaterThan(300);
    expect(await treeOf(source)).toEqual(expected);
    expect(await treeOf(target)).toEqual(expected);
  });

  transferTest('gives the same lines as uetcd does', async ({ directory, target }) => {
    await dumpTo(fileIn(directory), { endpoint: etcd.url });
    await loadFrom(fileIn(directory), target);
    await dumpTo(fileIn(directory, 'again.jsonl'), { endpoint: target.url });
    const [one, other] = [fileIn(directory), fileIn(directory, 'again.jsonl')].map((file) =>
      readLines(file).nodes.map(({ key, value, dir }) => ({ key, value, dir })),
    );
    expect(other).toEqual(one);
  });

  transferTest('is loaded into, beneath a prefix, over what is there and around it', async ({ source }) => {
    await fillVisibly(source);
    const expected = [...(await treeOf(source)).values()];
    await loadFrom('', etcd, { from: source.url, prefix: '/from/uetcd' });
    expect([...(await treeOf(etcd, '/from/uetcd')).values()]).toEqual(expected);
    // The directories that are there already are kept, whatever an etcd calls that.
    await loadFrom('', etcd, { from: source.url, prefix: '/from/uetcd' });
    expect([...(await treeOf(etcd, '/from/uetcd')).values()]).toEqual(expected);
    expect(await loadFrom('', etcd, { from: source.url, prefix: '/from/uetcd', ifAbsent: true })).toContain(
      `loaded 0 keys and 0 directories (${expected.length - 1} were there already)`,
    );
  });

  transferTest('that holds bytes which it does not show is refused, unless told', async ({ target }) => {
    await etcd.put('/bytes', 'value=%ff');
    await expect(loadFrom('', target, { from: etcd.url })).rejects.toThrow('"/bytes" or its value has bytes');
    expect(await loadFrom('', target, { from: etcd.url, lossy: true })).toContain('1 times U+FFFD');
    await etcd.delete('/bytes');
  });
});
