/** Certificates are replaced while the server serves: by SIGHUP, or by the program that holds it. */
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority, type CertificateFiles, type ClientTls, hasOpenssl } from '../support/certificates.ts';
import { ApiClient } from '../support/http.ts';
import { freePort, runCommandLine, stopProcess } from '../support/servers.ts';
import { Certificates, SECURE_URL, type SecureServer, startSecure, statusOf } from './secure-server.ts';

let certificates: Certificates;
/** What the server was told to read; what lies there is replaced. */
let used: CertificateFiles;
beforeAll(() => {
  if (!hasOpenssl) return;
  certificates = new Certificates();
  used = { certFile: join(certificates.directory, 'used.crt'), keyFile: join(certificates.directory, 'used.key') };
});
afterAll(() => certificates?.remove());
/** Each test begins with the server's certificate in use. */
beforeEach(() => {
  if (hasOpenssl) install(certificates.server);
});

function install({ certFile, keyFile }: CertificateFiles): void {
  copyFileSync(certFile, used.certFile);
  copyFileSync(keyFile, used.keyFile);
}

/** The key is the right one, but behind a passphrase. */
function encryptKey(format: 'PKCS #8' | 'traditional'): void {
  copyFileSync(certificates.authority.encrypt(certificates.server, format), used.keyFile);
}

describe.skipIf(!hasOpenssl).each([1, 3])('a reload with %i front ends', (frontEnds) => {
  let server: SecureServer;
  let api: ApiClient;
  beforeAll(async () => {
    install(certificates.server);
    server = await startSecure(certificates, { frontEnds, ...used, listenMetricsUrls: [SECURE_URL] });
    api = new ApiClient(server.url, frontEnds, certificates.client());
  });
  beforeEach(() => server.reloadCertificates());
  afterAll(async () => {
    await api.close();
    await server.close();
  });

  /** The names on as many new connections as there are front ends. */
  const namesOf = async (url = server.url) => {
    const names = new Set<string>();
    for (let count = 0; count < frontEnds; count++) names.add(await nameOf(url, certificates.client()));
    return [...names];
  };

  test('gives new connections the new certificate, and leaves open ones and their watches alone', async () => {
    const watches = await Promise.all([1, 2, 3].map(() => api.watch('/watched?wait=true&stream=true')));
    for (let count = 0; count < frontEnds; count++) await api.fetch('/version');
    expect(await namesOf()).toEqual(['server']);
    for (const name of ['second', 'third']) {
      install(certificates.authority.issue(name));
      await server.reloadCertificates();
      expect(await namesOf()).toEqual([name]);
      expect(await namesOf(server.metricsUrls[0])).toEqual([name]);
      const event = (await api.put('/watched', `value=${name}`)).text;
      for (const watch of watches) expect(`${await watch.nextLine()}\n`).toBe(event);
      const fresh = new ApiClient(server.url, frontEnds, certificates.client());
      for (let count = 0; count < frontEnds; count++)
        expect(JSON.parse((await fresh.get('/watched')).text).node.value).toBe(name);
      await fresh.close();
    }
    for (const watch of watches) await watch.close();
  });

  test('refuses certificates that are of no use, and the old one goes on', async () => {
    const spoilt: readonly (readonly [spoil: () => void, said: RegExp])[] = [
      [() => writeFileSync(used.certFile, 'garbage'), /no certificate can be read from .*used\.crt/],
      [() => install(certificates.authority.issue('old', { days: -1 })), /in force from/],
      [() => writeFileSync(used.keyFile, ''), /no private key can be read from .*used\.key/],
      [() => copyFileSync(certificates.authority.issue('x').keyFile, used.keyFile), /not the key/],
      [() => encryptKey('PKCS #8'), /no private key can be read from .*used\.key: it is encrypted with a passphrase/],
    ];
    for (const [spoil, said] of spoilt) {
      install(certificates.server);
      spoil();
      await expect(server.reloadCertificates()).rejects.toThrow(said);
      expect(await namesOf()).toEqual(['server']);
    }
    install(certificates.authority.issue('good'));
    await server.reloadCertificates();
    expect(await namesOf()).toEqual(['good']);
  });

  test('that comes many times at once ends with the newest certificate', async () => {
    install(certificates.authority.issue('newest'));
    await Promise.all(Array.from({ length: 10 }, () => server.reloadCertificates()));
    expect(await namesOf()).toEqual(['newest']);
  });

  test('can be followed by the end at once, and connections that have just come do not hold it up', async () => {
    const ending = await startSecure(certificates, { frontEnds });
    await ending.reloadCertificates();
    const coming = Array.from({ length: 10 }, () => statusOf(ending.url, certificates.client()));
    await ending.close();
    await Promise.all(coming);
  });
});

describe.skipIf(!hasOpenssl)('authorities of clients', () => {
  test('are replaced, too', async () => {
    const trustedCaFile = join(certificates.directory, 'trusted.crt');
    const other = new CertificateAuthority(certificates.directory, 'other');
    const [ours, theirs] = [certificates.authority.issue('ours'), other.issue('theirs')].map((own) =>
      certificates.client(own),
    ) as [ClientTls, ClientTls];
    copyFileSync(certificates.authority.certFile, trustedCaFile);
    const server = await startSecure(certificates, { trustedCaFile });
    const outcomes = async () => [await statusOf(server.url, ours), await statusOf(server.url, theirs)];
    expect(await outcomes()).toEqual([200, 'none']);
    copyFileSync(other.certFile, trustedCaFile);
    await server.reloadCertificates();
    expect(await outcomes()).toEqual(['none', 200]);
    writeFileSync(trustedCaFile, '');
    await expect(server.reloadCertificates()).rejects.toThrow(/no certificate can be read from .*trusted\.crt/);
    expect(await outcomes()).toEqual(['none', 200]);
    await server.close();
  });
});

describe.skipIf(!hasOpenssl)('SIGHUP', () => {
  test('reloads, and the log says what came of it', async () => {
    const url = `https://127.0.0.1:${await freePort()}`;
    const flags = ['--cert-file', used.certFile, '--key-file', used.keyFile];
    const run = runCommandLine(['--in-memory', '--listen-client-urls', url, ...flags]);
    const said = (text: string) => expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain(text);
    await said('ready to serve');
    install(certificates.authority.issue('renewed'));
    run.child.kill('SIGHUP');
    await said('"msg":"certificates reloaded"');
    expect(await nameOf(url, certificates.client())).toBe('renewed');
    writeFileSync(used.certFile, 'garbage');
    run.child.kill('SIGHUP');
    await said('"msg":"certificates not reloaded; those from before stay in use"');
    expect(run.output().stdout).toContain(`no certificate can be read from ${used.certFile}`);
    install(certificates.server);
    encryptKey('PKCS #8');
    run.child.kill('SIGHUP');
    await said(`"reason":"no private key can be read from ${used.keyFile}: it is encrypted with a passphrase`);
    expect(run.output().stdout).not.toContain('stack');
    expect(await nameOf(url, certificates.client())).toBe('renewed');
    await stopProcess(run);
    expect((await run.exited).code).toBe(0);
  });

  test.skipIf(process.platform !== 'linux')('to a server that starts reloads when it serves', async () => {
    const url = `https://127.0.0.1:${await freePort()}`;
    const flags = ['--cert-file', used.certFile, '--key-file', used.keyFile];
    const run = runCommandLine(['--in-memory', '--listen-client-urls', url, ...flags]);
    await expect.poll(() => hearsHangUp(run.child.pid), { interval: 1, timeout: 20_000 }).toBe(true);
    run.child.kill('SIGHUP');
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('"msg":"certificates reloaded"');
    await stopProcess(run);
  });

  test('to a server without https is no more than a line in the log', async () => {
    const run = runCommandLine(['--in-memory', '--listen-client-urls', `http://127.0.0.1:${await freePort()}`]);
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('ready to serve');
    run.child.kill('SIGHUP');
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('no https URL is served');
    await stopProcess(run);
    expect((await run.exited).code).toBe(0);
  });
});

describe.skipIf(!hasOpenssl)('a start', () => {
  test.each(['PKCS #8', 'traditional'] as const)(
    'with an encrypted key, %s, ends with a line that says so',
    async (format) => {
      encryptKey(format);
      const url = `https://127.0.0.1:${await freePort()}`;
      const flags = ['--cert-file', used.certFile, '--key-file', used.keyFile];
      const run = runCommandLine(['--in-memory', '--listen-client-urls', url, ...flags]);
      expect((await run.exited).code).toBe(1);
      const said = `no private key can be read from ${used.keyFile}: it is encrypted with a passphrase`;
      expect(run.output().stderr).toBe(`uetcd: ${said} (openssl pkey decrypts it)\n`);
    },
  );
});

/** Whether a process has a handler for SIGHUP, the first bit of those that it catches. */
function hearsHangUp(pid: number | undefined): boolean {
  const [, caught = '0'] = /SigCgt:\s*([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${caught}`) & 1n) === 1n;
}

/** Whose certificate a new connection is shown, by its common name. */
function nameOf(url: string, tls: ClientTls): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ...tls }, () => {
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      resolve(new X509Certificate(raw).subject.replace('CN=', ''));
    });
    socket.on('error', reject);
  });
}
