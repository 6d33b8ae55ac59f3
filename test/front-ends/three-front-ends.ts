/**
 * A server with three front ends, and a client for each of them: connections are handed over in turn, so three that are
 * opened one after the other belong to three front ends.
 */
import { test } from 'vitest';
import { ApiClient } from '../support/http.ts';
import { type RunningServer, startInProcess } from '../support/servers.ts';

export const FRONT_ENDS = 3;
export const flags = ['--front-ends', String(FRONT_ENDS)];

export const frontEndsTest = test.extend<{ server: RunningServer; clients: readonly ApiClient[] }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which other fixtures are needed.
  server: async ({}, use) => {
    const server = await startInProcess({ frontEnds: FRONT_ENDS });
    await use(server);
    await server.stop();
  },
  clients: async ({ server }, use) => {
    const clients = await clientsOf(server.url);
    await use(clients);
    await Promise.all(clients.map((client) => client.close()));
  },
});

/** One client for each front end. */
export async function clientsOf(url: string): Promise<ApiClient[]> {
  const clients = Array.from({ length: FRONT_ENDS }, () => new ApiClient(url));
  for (const client of clients) await client.fetch('/version');
  return clients;
}

/** Every front end with every other. */
export function pairsOf<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((one) => items.filter((other) => other !== one).map((other): [T, T] => [one, other]));
}
