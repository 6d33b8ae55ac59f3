/** Where connections are accepted. */
import type { HttpApp } from './http-app.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** @returns the URLs with their real ports. Rejects when an address cannot be had. */
export async function listenOn(app: HttpApp, addresses: readonly ListenAddress[]): Promise<string[]> {
  const urls: string[] = [];
  for (const { host, port } of addresses) {
    const realPort = await app.listen(host, port);
    urls.push(`http://${host.includes(':') ? `[${host}]` : host}:${realPort}`);
  }
  return urls;
}
