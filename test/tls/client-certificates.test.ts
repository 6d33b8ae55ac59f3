/** Who is let in where client certificates are wanted, and how TLS is spoken. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority, type CertificateFiles, hasOpenssl } from '../support/certificates.ts';
import { isInstalled, runProcess, testFrontEnds } from '../support/servers.ts';
import { Certificates, PLAIN_URL, SECURE_URL, type SecureServer, startSecure, statusOf } from './secure-server.ts';

describe.skipIf(!hasOpenssl)('where a client certificate is wanted', () => {
  let certificates: Certificates;
  let own: CertificateFiles;
  let server: SecureServer;
  beforeAll(async () => {
    certificates = new Certificates();
    own = certificates.authority.issue('client');
    server = await startSecure(certificates, {
      listenClientUrls: [SECURE_URL, PLAIN_URL],
      listenMetricsUrls: [SECURE_URL],
      trustedCaFile: certificates.authority.certFile,
      clientCertAuth: true,
    });
  });
  afterAll(async () => {
    await server.close();
    certificates.remove();
  });

  test('a client with one is served, on each of its connections', async () => {
    for (let count = 0; count < 3; count++) expect(await statusOf(server.url, certificates.client(own))).toBe(200);
    expect(await statusOf(server.metricsUrls[0] as string, certificates.client(own), '/health')).toBe(200);
  });

  test('a resumed session is one with a certificate, too', async () => {
    const first = await ask(server.url, certificates.client(own));
    expect([first.isResumed, first.answer]).toEqual([false, expect.stringMatching(/^HTTP\/1\.1 200 /)]);
    const second = await ask(server.url, { ...certificates.client(own), session: first.session });
    // Each front end has tickets of its own.
    expect(second.isResumed || testFrontEnds > 1).toBe(true);
    expect(second.answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  test.each([
    ['none', () => undefined],
    ['one of an authority that nobody knows', () => foreign(certificates)],
    ['one that has expired', () => certificates.authority.issue('late', { days: -1 })],
    ['one for servers', () => certificates.authority.issue('wrong', { usage: 'serverAuth' })],
  ])('a client with %s gets no answer', async (_, make) => {
    const tls = certificates.client(make());
    for (const target of ['/version', '/v2/keys/', '/nothing'])
      expect(await statusOf(server.url, tls, target)).toBe('none');
    expect(await statusOf(server.metricsUrls[0] as string, tls, '/health')).toBe('none');
  });

  test('a write without one is not carried out', async () => {
    const { answer } = await ask(server.url, certificates.client(), [
      'PUT /v2/keys/unwanted HTTP/1.1',
      'Host: here',
      'Content-Type: application/x-www-form-urlencoded',
      'Content-Length: 7',
      '',
      'value=1',
    ]);
    expect(answer).toBe('');
    expect(await statusOf(server.url, certificates.client(own), '/v2/keys/unwanted')).toBe(404);
  });

  test('an http URL beside it is open, as with etcd', async () => {
    expect(await statusOf(server.urls[1] as string, undefined)).toBe(200);
  });

  test.skipIf(!isInstalled('curl'))('curl is served with one, and without is not', async () => {
    const curl = (...flags: string[]) =>
      run('curl', '-sS', '--cacert', certificates.authority.certFile, ...flags, `${server.url}/version`);
    expect((await curl('--cert', own.certFile, '--key', own.keyFile)).stdout).toContain('"etcdserver"');
    expect(await curl()).toMatchObject({ code: 52, stdout: '' });
  });

  test.skipIf(!isInstalled('etcdctl'))('etcdctl is served with one', async () => {
    const flags = ['--endpoints', server.url, '--ca-file', certificates.authority.certFile];
    const etcdctl = (...rest: string[]) => run('etcdctl', ...flags, ...rest);
    const certificate = ['--cert-file', own.certFile, '--key-file', own.keyFile];
    expect(await etcdctl(...certificate, 'mk', '/secured', 'value')).toMatchObject({ code: 0, stdout: 'value\n' });
    const looking = await etcdctl(...certificate, 'watch', '--after-index', '1', '/secured');
    expect(looking).toMatchObject({ code: 0, stdout: 'value\n' });
    expect((await etcdctl('get', '/secured')).code).not.toBe(0);
  });
});

async function run(command: string, ...commandArguments: string[]) {
  const running = runProcess(command, commandArguments, { env: { ...process.env, ETCDCTL_API: '2' } });
  const { code } = await running.exited;
  return { code, ...running.output() };
}

describe.skipIf(!hasOpenssl)('a server', () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = new Certificates();
  });
  afterAll(() => certificates.remove());

  test('asks for a certificate as soon as it has an authority for them, as etcd does', async () => {
    const server = await startSecure(certificates, { trustedCaFile: certificates.authority.certFile });
    expect(await statusOf(server.url, certificates.client())).toBe('none');
    expect(await statusOf(server.url, certificates.client(certificates.authority.issue('client')))).toBe(200);
    await server.close();
  });

  test('speaks TLS 1.2 and 1.3 and no other, and serves who offers HTTP/2 with HTTP/1.1', async () => {
    const server = await startSecure(certificates);
    const protocolWith = async (options: ConnectionOptions) =>
      (await ask(server.url, { ...certificates.client(), ...options }).catch(() => undefined))?.protocol;
    expect(await protocolWith({})).toBe('TLSv1.3');
    expect(await protocolWith({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    // Level 0, or the client would not even try.
    expect(
      await protocolWith({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).toBeUndefined();
    expect((await ask(server.url, { ...certificates.client(), ALPNProtocols: ['h2', 'http/1.1'] })).answer).toMatch(
      /^HTTP\/1\.1 200 /,
    );
    await server.close();
  });

  test.each([
    ['RSA', ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['P-384', ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['Ed25519', ['ed25519']],
  ])('has a key of the kind %s', async (name, algorithm) => {
    const server = await startSecure(certificates, certificates.authority.issue(name, { algorithm }));
    expect(await statusOf(server.url, certificates.client())).toBe(200);
    await server.close();
  });
});

function foreign({ directory }: Certificates): CertificateFiles {
  return new CertificateAuthority(directory, 'stranger').issue('foreign');
}

interface Asked {
  readonly protocol: string | null;
  readonly isResumed: boolean;
  /** For a connection that resumes this one. */
  readonly session: Buffer | undefined;
  readonly answer: string;
}

const VERSION_REQUEST = ['GET /version HTTP/1.1', 'Host: here', 'Connection: close', '', ''];

/** One request on a connection of its own, down to what TLS says of it. Rejects when there is no connection. */
function ask(url: string, options: ConnectionOptions, request: readonly string[] = VERSION_REQUEST): Promise<Asked> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    let session: Buffer | undefined;
    const socket: TLSSocket = connect({ host: hostname, port: Number(port), ...options }, () => {
      const [protocol, isResumed] = [socket.getProtocol(), socket.isSessionReused()];
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
        // With the answer the tickets are here, which come behind the handshake.
        if (session !== undefined) socket.end();
      });
      socket.on('close', () => resolve({ protocol, isResumed, session, answer }));
      socket.write(request.join('\r\n'));
    });
    socket.on('session', (ticket) => {
      session = ticket;
    });
    // Once there is a connection, a reset is an end like any other: 'close' follows.
    socket.on('error', reject);
  });
}
