/** The Go client of the v2 API, as Debian's golang-etcd-server-dev ships its source. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';
import { canRun, keepTranscript, runToEnd, startSubject } from './subject.ts';

const packages = 'golang-go golang-etcd-server-dev';
const source = '/usr/share/gocode/src/go.etcd.io/etcd/client';
const isHere = canRun('the Go client', packages, 'sh', '-c', `command -v go && test -d ${source}`);
const program = fileURLToPath(new URL('go-client/main.go', import.meta.url));

describe.skipIf(!isHere)('the Go client', () => {
  test('reads, writes and watches as with a real etcd', { timeout: 600_000 }, async () => {
    const directory = makeTemporary('uetcd-go');
    const binary = join(directory, 'go-client');
    try {
      const goPath = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '-p=1' };
      const built = await runToEnd('go', ['build', '-o', binary, program], goPath, 500_000);
      expect(built.code, built.stderr).toBe(0);
      const server = await startSubject();
      const finished = await runToEnd(binary, [server.url], {}, 90_000);
      await server.stop();
      keepTranscript('go-client', finished.stdout + finished.stderr);
      expect(finished.code, finished.stdout + finished.stderr).toBe(0);
      expect(finished.stdout).toContain('all of the Go client');
    } finally {
      removeTemporary(directory);
    }
  });
});
