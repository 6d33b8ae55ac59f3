/** The conformance kit speaks plain TCP: what it says goes into TLS here, byte for byte. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { describe, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { hasKit, replayKit } from '../support/conformance-kit.ts';
import { Certificates, startSecure } from './secure-server.ts';

describe.skipIf(!hasOpenssl || !hasKit)('the conformance kit', () => {
  test('passes over https', { timeout: 400_000 }, async () => {
    const certificates = new Certificates();
    const server = await startSecure(certificates);
    const tunnel = createServer((plain) => {
      const secure = connect({ ...portOf(server.url), ...certificates.client() });
      plain.pipe(secure).pipe(plain);
      for (const socket of [plain, secure]) socket.on('error', () => {}).on('close', () => end(plain, secure));
    }).listen(0, '127.0.0.1');
    await once(tunnel, 'listening');
    // What waits for clocks is no other over TLS, and takes most of the time.
    const skipped = process.env['UETCD_HEAVY_TESTS'] === '1' ? [] : ['slow', 'ttl', 'watch'];
    await replayKit(`http://127.0.0.1:${(tunnel.address() as { port: number }).port}`, 'https', skipped);
    tunnel.close();
    await server.close();
    certificates.remove();
  });
});

function end(...sockets: Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

function portOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
