/** python-etcd (Debian python3-etcd), the client of most Python programs on the v2 API. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { canRun, keepTranscript, runToEnd, startSubject } from './subject.ts';

// Debian's own interpreter: another one first on the PATH would not see Debian's packages.
const python = '/usr/bin/python3';
const isHere = canRun('python-etcd', 'python3-etcd', python, '-c', 'import etcd');
const script = fileURLToPath(new URL('python_etcd.py', import.meta.url));

describe.skipIf(!isHere)('python-etcd', () => {
  test('reads, writes, watches and locks as with a real etcd', { timeout: 180_000 }, async () => {
    const server = await startSubject();
    const finished = await runToEnd(python, ['-W', 'ignore', script, new URL(server.url).port], {}, 150_000);
    await server.stop();
    keepTranscript('python-etcd', finished.stdout + finished.stderr);
    expect(finished.code, finished.stdout + finished.stderr).toBe(0);
    expect(finished.stdout).toContain('all of python-etcd');
  });
});
