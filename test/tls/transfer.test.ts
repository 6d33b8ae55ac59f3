/** Dump and load of servers that want certificates. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { ApiClient } from '../support/http.ts';
import { runCommandLine } from '../support/servers.ts';
import { Certificates, type SecureServer, startSecure } from './secure-server.ts';

describe.skipIf(!hasOpenssl)('a server with https', () => {
  let certificates: Certificates;
  let server: SecureServer;
  let flags: readonly string[];
  let trust: readonly string[];
  beforeAll(async () => {
    certificates = new Certificates();
    const own = certificates.authority.issue('client');
    server = await startSecure(certificates, { trustedCaFile: certificates.authority.certFile });
    trust = ['--ca-file', certificates.authority.certFile];
    flags = [...trust, '--cert-file', own.certFile, '--key-file', own.keyFile];
    const api = new ApiClient(server.url, 1, certificates.client(own));
    for (const name of ['a', 'b']) await api.put(`/moved/${name}`, `value=${name}`);
    await api.close();
  });
  afterAll(async () => {
    await server.close();
    certificates.remove();
  });

  async function run(...commandArguments: string[]) {
    const running = runCommandLine(commandArguments);
    const { code } = await running.exited;
    return { code, stderr: running.output().stderr };
  }

  test('is dumped, loaded, and read by another load', async () => {
    const output = join(certificates.directory, 'dump.jsonl');
    const endpoint = ['--endpoint', server.url, ...flags];
    expect(await run('dump', ...endpoint, '--output', output)).toMatchObject({ code: 0 });
    expect(readFileSync(output, 'latin1')).toContain('"key":"/moved/b"');
    expect(await run('load', output, ...endpoint, '--prefix', '/copy')).toMatchObject({ code: 0 });
    const again = await run('load', '--from', server.url, ...endpoint, '--prefix', '/again');
    expect(again).toEqual({ code: 0, stderr: expect.stringContaining('loaded 4 keys') });
  });

  test('is not dumped without what it wants, and the reason is one line', async () => {
    const { server: own, authority } = certificates;
    const encrypted = authority.encrypt(own, 'PKCS #8');
    const withEncryptedKey = [...trust, '--cert-file', own.certFile, '--key-file', encrypted];
    const cases: readonly (readonly [given: readonly string[], said: RegExp])[] = [
      [[], /cannot reach https:.*certificate/],
      [trust, /cannot reach https:/],
      [[...trust, '--cert-file', certificates.server.certFile], /a certificate and its key go together/],
      [withEncryptedKey, /cannot use .*server\.key\.encrypted: it is encrypted with a passphrase/],
      [['--ca-file', '/nowhere'], /cannot read \/nowhere: ENOENT/],
    ];
    for (const [given, said] of cases) {
      const { code, stderr } = await run('dump', '--endpoint', server.url, ...given);
      expect([code, stderr.trimEnd().split('\n')]).toEqual([1, [expect.stringMatching(said)]]);
    }
  });
});
