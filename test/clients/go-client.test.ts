/** The Go client of the v2 API, as Debian's golang-etcd-server-dev ships its source. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from 'uetcd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority, hasOpenssl } from '../support/certificates.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';
import { canRun, keepTranscript, runToEnd, startSubject } from './subject.ts';

const packages = 'golang-go golang-etcd-server-dev';
const source = '/usr/share/gocode/src/go.etcd.io/etcd/client';
const isHere = canRun('the Go client', packages, 'sh', '-c', `command -v go && test -d ${source}`);
const program = fileURLToPath(new URL('go-client/main.go', import.meta.url));

describe.skipIf(!isHere)('the Go client', () => {
  let directory: string;
  let binary: string;
  beforeAll(async () => {
    directory = makeTemporary('uetcd-go');
    binary = join(directory, 'go-client');
    const goPath = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '-p=1' };
    const built = await runToEnd('go', ['build', '-o', binary, program], goPath, 500_000);
    expect(built.code, built.stderr).toBe(0);
  }, 600_000);
  afterAll(() => removeTemporary(directory));

  async function expectToPass(server: string, ...files: string[]): Promise<string> {
    const finished = await runToEnd(binary, [server, ...files], {}, 90_000);
    expect(finished.code, finished.stdout + finished.stderr).toBe(0);
    expect(finished.stdout).toContain('all of the Go client');
    return finished.stdout + finished.stderr;
  }

  test('reads, writes and watches as with a real etcd', { concurrent: true, timeout: 100_000 }, async () => {
    const server = await startSubject();
    keepTranscript('go-client', await expectToPass(server.url));
    await server.stop();
  });

  test.skipIf(!hasOpenssl)(
    'does the same over https, with a certificate',
    { concurrent: true, timeout: 100_000 },
    async () => {
      const authority = new CertificateAuthority(directory, 'authority');
      const [own, client] = [authority.issue('server'), authority.issue('client')];
      const server = await startServer({
        ...own,
        inMemory: true,
        listenClientUrls: ['https://127.0.0.1:0'],
        trustedCaFile: authority.certFile,
      });
      await expectToPass(server.url, authority.certFile, client.certFile, client.keyFile);
      await server.close();
    },
  );
});
