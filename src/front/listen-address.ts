/** Where connections are accepted. */
import type { FrontEnd } from './front-end.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** @returns the URLs with their real ports. Rejects when an address cannot be had. */
export async function listenOn(frontEnd: FrontEnd, addresses: readonly ListenAddress[]): Promise<string[]> {
  const urls: string[] = [];
  for (const { host, port } of addresses) {
    const realPort = await frontEnd.listen(host, port);
    urls.push(`http://${host.includes(':') ? `[${host}]` : host}:${realPort}`);
  }
  return urls;
}
