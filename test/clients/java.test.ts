/** The HTTP clients that Java comes with, by which the etcd libraries written in it speak. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { canRun, keepTranscript, runToEnd, startSubject } from './subject.ts';

// It is run from its source, which a bare runtime cannot do.
const isHere = canRun('the Java clients', 'default-jdk-headless', 'javac', '--version');
const program = fileURLToPath(new URL('java-client/Client.java', import.meta.url));

describe.skipIf(!isHere)('the Java clients', () => {
  test('read, write and watch as with a real etcd', { timeout: 180_000 }, async () => {
    const server = await startSubject();
    const finished = await runToEnd('java', [program, server.url], {}, 150_000);
    await server.stop();
    keepTranscript('java', finished.stdout + finished.stderr);
    expect(finished.code, finished.stdout + finished.stderr).toBe(0);
    expect(finished.stdout).toContain('all of the Java clients');
  });
});
