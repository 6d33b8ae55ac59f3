/** The name in a client's certificate: with --client-cert-auth, and only then, it is that of a user. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { ApiClient } from '../support/http.ts';
import { Certificates, PLAIN_URL, SECURE_URL, type SecureServer, startSecure } from '../tls/secure-server.ts';
import { AuthClient, basic, clientsOf, type Rights, ROOT_PASSWORD, turnOn } from './auth-client.ts';

describe.skipIf(!hasOpenssl)('a client with the certificate', () => {
  let certificates: Certificates;
  const servers: SecureServer[] = [];
  const apis: ApiClient[] = [];
  let clientOf: (name: string, headers?: Record<string, string>) => AuthClient;
  let clientOfUnnamed: (name: string) => AuthClient;
  let plain: Rights;

  /** Speaks to `url` with a certificate of this name. */
  function withCertificate(url: string, name: string, headers: Record<string, string> = {}): AuthClient {
    const api = new ApiClient(url, 1, certificates.client(certificates.authority.issue(name)));
    apis.push(api);
    return new AuthClient(api, headers);
  }

  async function start(clientCertAuth: boolean): Promise<SecureServer> {
    const trustedCaFile = certificates.authority.certFile;
    const urls = { listenClientUrls: [SECURE_URL, PLAIN_URL] };
    const server = await startSecure(certificates, { ...urls, trustedCaFile, clientCertAuth });
    servers.push(server);
    const api = new ApiClient(server.urls[1] as string);
    apis.push(api);
    await turnOn(api, { ann: { read: ['/a*'], write: ['/a*'] } });
    const { root } = clientsOf(api);
    await root.putRole('guest', { grant: { kv: { read: ['/g*'] } } });
    // Whoever takes the names of CAs for users would let everybody in.
    await root.putUser('authority', { password: 'x', roles: ['root'] });
    return server;
  }

  beforeAll(async () => {
    certificates = new Certificates();
    const naming = await start(true);
    const other = await start(false);
    clientOf = (name, headers) => withCertificate(naming.urls[0] as string, name, headers);
    clientOfUnnamed = (name) => withCertificate(other.urls[0] as string, name);
    plain = clientsOf(apis[0] as ApiClient);
  });
  afterAll(async () => {
    await Promise.all(apis.map((api) => api.close()));
    await Promise.all(servers.map((server) => server.close()));
    certificates.remove();
  });

  test('of a user has the rights of this user, and no others', async () => {
    const ann = clientOf('ann');
    expect((await ann.setByForm('/a/k')).status).toBe(201);
    expect((await ann.get('/a/k')).status).toBe(200);
    expect((await ann.get('/a?recursive=true')).status).toBe(200);
    for (const key of ['/g', '/z', '']) expect((await ann.get(key)).status, key).toBe(401);
    expect((await ann.setByForm('/z')).status).toBe(401);
    expect((await ann.send('GET', '/v2/auth/users')).status).toBe(401);
  });

  test('of root may do everything', async () => {
    const root = clientOf('root');
    expect((await root.setByForm('/z')).status).toBe(201);
    expect((await root.send('GET', '/v2/auth/users')).status).toBe(200);
  });

  test('of nobody known is a guest', async () => {
    const nobody = clientOf('nobody');
    expect((await nobody.get('/g')).status).toBe(404);
    for (const key of ['/a', '/z']) expect((await nobody.get(key)).status, key).toBe(401);
    expect((await nobody.send('GET', '/v2/auth/users')).status).toBe(401);
  });

  test('is judged by its credentials when it has any', async () => {
    expect((await clientOf('ann', basic('ann', 'wrong')).get('/a/k')).status).toBe(401);
    expect((await clientOf('root', basic('ann', 'ann')).get('/z')).status).toBe(401);
    expect((await clientOf('nobody', basic('root', ROOT_PASSWORD)).get('/z2')).status).toBe(404);
  });

  test('loses its rights with its user, on a connection that stays open', async () => {
    await plain.root.putUser('eve', { password: 'x', roles: ['ann'] });
    const eve = clientOf('eve');
    expect((await eve.setByForm('/a/e')).status).toBe(201);
    await plain.root.send('DELETE', '/v2/auth/users/eve');
    expect((await eve.setByForm('/a/e')).status).toBe(401);
  });

  test('is a guest where certificates are wanted and name nobody, and so is one on a plain connection', async () => {
    for (const name of ['ann', 'root']) expect((await clientOfUnnamed(name).get('/a/k')).status, name).toBe(401);
    expect((await clientOfUnnamed('ann').get('/g')).status).toBe(404);
    expect((await plain.guest.get('/a/k')).status).toBe(401);
  });
});
