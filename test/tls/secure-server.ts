/** Servers that speak https in this process, and the certificates for them. */
import { startServer } from 'uetcd';
import { CertificateAuthority, type CertificateFiles, type ClientTls, clientTls } from '../support/certificates.ts';
import { ApiClient } from '../support/http.ts';
import { type ServerOptions, testFrontEnds } from '../support/servers.ts';
import { makeTemporary, removeTemporary } from '../support/temporary-directory.ts';

export const SECURE_URL = 'https://127.0.0.1:0';
export const PLAIN_URL = 'http://127.0.0.1:0';

/** An authority that server and clients trust, one that nobody does, and a certificate for the server. */
export class Certificates {
  readonly directory = makeTemporary('uetcd-tls');
  readonly authority = new CertificateAuthority(this.directory, 'authority');
  readonly server = this.authority.issue('server');

  /** For a client that trusts the server. */
  client(own?: CertificateFiles): ClientTls {
    return clientTls(this.authority, own);
  }

  remove(): void {
    removeTemporary(this.directory);
  }
}

export type SecureServer = Awaited<ReturnType<typeof startServer>>;

/** Serves https, unless told otherwise, with nothing on disk. */
export function startSecure(certificates: Certificates, options: ServerOptions = {}): Promise<SecureServer> {
  const common = { inMemory: true, frontEnds: testFrontEnds, listenClientUrls: [SECURE_URL] };
  return startServer({ ...common, ...certificates.server, ...options });
}

/** What became of one request on a connection of its own. */
export async function statusOf(url: string, tls: ClientTls | undefined, target = '/version'): Promise<number | 'none'> {
  const client = new ApiClient(url, 1, tls);
  try {
    return (await client.fetch(target)).status;
  } catch {
    return 'none';
  } finally {
    await client.close();
  }
}
