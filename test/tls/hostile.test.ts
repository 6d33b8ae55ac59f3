/** What is not TLS, or not yet, on an https port: it is dropped, and holds up nobody, a stop neither. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { RawConnection, requestBytes } from '../support/raw-connection.ts';
import { freePort, runCommandLine } from '../support/servers.ts';
import { Certificates, PLAIN_URL, type SecureServer, startSecure, statusOf } from './secure-server.ts';

describe.skipIf(!hasOpenssl).each([1, 3])('the https port of %i front ends', (frontEnds) => {
  let certificates: Certificates;
  let server: SecureServer;
  beforeAll(async () => {
    certificates = new Certificates();
    server = await startSecure(certificates, { frontEnds });
    // Renewed, so that one front end hands its connections over as well.
    await server.reloadCertificates();
  });
  afterAll(async () => {
    await server.close();
    certificates.remove();
  });

  /** A client hello that promises more than comes. */
  const beginning = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
  test.each([
    ['plain http', Buffer.from(requestBytes('GET', '/version'), 'latin1')],
    ['garbage', Buffer.concat([Buffer.from([0x47]), randomBytes(4096)])],
    ['a record of an unknown kind', Buffer.from([0x99, 0x03, 0x03, 0x00, 0x01, 0x00])],
    ['a handshake of garbage', Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x40]), randomBytes(64)])],
  ])('drops a client that sends %s', async (_, bytes) => {
    const connection = await RawConnection.open(server.url);
    await connection.write(bytes);
    expect(await connection.until(() => connection.isClosed, 20_000)).toBe(true);
    expect(connection.received).not.toContain('HTTP/');
    expect(await statusOf(server.url, certificates.client())).toBe(200);
  });

  test('closes a connection beyond --max-connections before its handshake, and takes one when another has gone', async () => {
    const options = { frontEnds, maxConnections: 2, listenMetricsUrls: [PLAIN_URL] };
    const small = await startSecure(certificates, options);
    await small.reloadCertificates();
    const kept = [await RawConnection.open(small.url), await RawConnection.open(small.url)];
    // Front ends that accept in the same moment may both take the last place.
    const counted = async () => {
      const metrics = await (await fetch(`${small.metricsUrls[0]}/metrics`)).text();
      return /^uetcd_connections (\d+)$/m.exec(metrics)?.[1];
    };
    await expect.poll(counted, { timeout: 20_000 }).toBe('2');
    const tooMany = await RawConnection.open(small.url);
    expect(await tooMany.until(() => tooMany.isClosed, 20_000)).toBe(true);
    expect(kept.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    kept.pop()?.destroy();
    const attempt = () => statusOf(small.url, certificates.client());
    await expect.poll(attempt, { timeout: 20_000 }).toBe(200);
    for (const connection of kept) connection.destroy();
    await small.close();
  });

  test('serves others while handshakes stand still, and stops in spite of them', async () => {
    const stopped = await startSecure(certificates, { frontEnds });
    await stopped.reloadCertificates();
    const silent = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(stopped.url)));
    const halfway = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(stopped.url)));
    for (const connection of halfway) await connection.write(beginning);
    expect(await statusOf(stopped.url, certificates.client())).toBe(200);
    await stopped.close();
    for (const connection of [...silent, ...halfway])
      expect(await connection.until(() => connection.isClosed, 20_000)).toBe(true);
  });

  test('ends its process with code 0 while handshakes stand still', async () => {
    const url = `https://127.0.0.1:${await freePort()}`;
    const { certFile, keyFile } = certificates.server;
    const flags = ['--cert-file', certFile, '--key-file', keyFile, '--front-ends', String(frontEnds)];
    const run = runCommandLine(['--in-memory', '--listen-client-urls', url, ...flags]);
    await expect.poll(() => run.output().stdout, { timeout: 20_000 }).toContain('ready to serve');
    const halfway = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(url)));
    for (const connection of halfway) await connection.write(beginning);
    run.child.kill('SIGTERM');
    expect([await run.exited, run.output().stderr]).toEqual([{ code: 0, signal: null }, '']);
    for (const connection of halfway) connection.socket.destroy();
  });
});
