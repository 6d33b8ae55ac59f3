/** What is said of certificates before a server serves, or instead. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from 'uetcd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { freePort, runCommandLine, stopProcess } from '../support/servers.ts';
import { Certificates, SECURE_URL, startSecure, statusOf } from './secure-server.ts';

describe.skipIf(!hasOpenssl)('a start', () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = new Certificates();
  });
  afterAll(() => certificates.remove());

  const start = (options: object) =>
    startServer({ inMemory: true, listenClientUrls: [SECURE_URL], ...options }).then((server) => server.close());
  const file = (name: string, text: string) => {
    const path = join(certificates.directory, name);
    writeFileSync(path, text);
    return path;
  };

  test('with https and no certificate, or no key, is refused', async () => {
    const { certFile, keyFile } = certificates.server;
    for (const options of [{}, { certFile }, { keyFile }, { trustedCaFile: certFile }])
      await expect(start(options)).rejects.toThrow(/^an https URL needs --cert-file and --key-file$/);
    const metrics = { listenClientUrls: ['http://127.0.0.1:0'], listenMetricsUrls: [SECURE_URL] };
    await expect(start(metrics)).rejects.toThrow(/^an https URL needs/);
  });

  test('with files that are of no use is refused, and names the file', async () => {
    const { certFile, keyFile } = certificates.server;
    const other = certificates.authority.issue('other');
    const missing = join(certificates.directory, 'missing');
    const garbage = file('garbage', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const cases: readonly (readonly [options: object, said: string])[] = [
      [{ certFile: missing, keyFile }, `no certificate can be read from ${missing}: ENOENT`],
      [{ certFile, keyFile: missing }, `no private key can be read from ${missing}: ENOENT`],
      [{ certFile: garbage, keyFile }, `no certificate can be read from ${garbage}`],
      [{ certFile, keyFile: garbage }, `no private key can be read from ${garbage}`],
      [{ certFile, keyFile: other.keyFile }, `${other.keyFile} is not the key of the certificate in ${certFile}`],
      [
        { certFile, keyFile, trustedCaFile: keyFile },
        `no certificate can be read from ${keyFile}: there is none in it`,
      ],
      [{ certFile, keyFile, clientCertAuth: true }, '--client-cert-auth needs --trusted-ca-file'],
    ];
    for (const [options, said] of cases) await expect(start(options)).rejects.toThrow(said);
  });

  test('with files that only uWebSockets.js has no use for is refused, with threads that would have the same fault, too', async () => {
    const { certFile, keyFile } = certificates.authority.issue('curve', { algorithm: ['ED448'] });
    const said = `TLS cannot be set up with ${certFile} and ${keyFile}`;
    for (const frontEnds of [1, 3]) await expect(start({ certFile, keyFile, frontEnds })).rejects.toThrow(said);
  });

  test('with a certificate that is not in force is told, and served, as with etcd', async () => {
    const late = certificates.authority.issue('late', { days: -1 });
    const url = `https://127.0.0.1:${await freePort()}`;
    const flags = ['--cert-file', late.certFile, '--key-file', late.keyFile];
    const run = runCommandLine(['--in-memory', '--listen-client-urls', url, ...flags]);
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('ready to serve');
    expect(run.output().stdout).toContain('the certificate is not in force');
    await stopProcess(run);
  });

  test('with certificates and http URLs only warns, and serves http', async () => {
    const { certFile, keyFile } = certificates.server;
    const url = `http://127.0.0.1:${await freePort()}`;
    const variables = { ETCD_CERT_FILE: certFile, ETCD_KEY_FILE: keyFile, ETCD_CLIENT_CERT_AUTH: 'true' };
    const run = runCommandLine(['--in-memory', '--listen-client-urls', url], variables);
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('ready to serve');
    expect(run.output().stdout).toContain('certificates count for https URLs only');
    expect(await statusOf(url, undefined)).toBe(200);
    await stopProcess(run);
  });

  test.each([
    ['a flag without a word', ['--client-cert-auth'], {}, 'none'],
    ['a flag that says true', ['--client-cert-auth=true'], {}, 'none'],
    ['a flag that says false', ['--client-cert-auth=false'], {}, 200],
    ['a variable that says false', [], { ETCD_CLIENT_CERT_AUTH: 'false' }, 200],
  ] as const)('takes --client-cert-auth as %s', async (_, flags, variables, status) => {
    // Without an authority it is refused where it is on, so that its absence tells the two apart.
    const { certFile, keyFile } = certificates.server;
    const url = `https://127.0.0.1:${await freePort()}`;
    const common = ['--in-memory', '--listen-client-urls', url, '--cert-file', certFile, '--key-file', keyFile];
    const run = runCommandLine([...common, ...flags], variables);
    if (status === 'none') {
      expect((await run.exited).code).toBe(1);
      expect(run.output().stderr).toContain('--client-cert-auth needs --trusted-ca-file');
    } else {
      await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('ready to serve');
      expect(await statusOf(url, certificates.client())).toBe(status);
      await stopProcess(run);
    }
  });

  test('without https has nothing to reload', async () => {
    const server = await startSecure(certificates, { listenClientUrls: ['http://127.0.0.1:0'] });
    await expect(server.reloadCertificates()).rejects.toThrow('no https URL is served');
    await server.close();
  });
});
