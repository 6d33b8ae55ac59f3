/** Tests that speak HTTP to a server of their own, so that the first write of each has index 2, as in the document. */
import { test } from 'vitest';
import { ApiClient } from './http.ts';
import { startInProcess, testFrontEnds } from './servers.ts';

export const apiTest = test.extend<{ api: ApiClient }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which other fixtures are needed.
  api: async ({}, use) => {
    const server = await startInProcess();
    const api = new ApiClient(server.url, testFrontEnds);
    await use(api);
    await api.close();
    await server.stop();
  },
});

/** The JSON of an answer as the server writes it: fields in the order given here, and a newline. */
export function line(body: object): string {
  return `${JSON.stringify(body)}\n`;
}

export interface EventShape {
  readonly action: string;
  readonly node: NodeShape;
  readonly prevNode?: NodeShape;
}

export interface NodeShape {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly expiration?: string;
  readonly ttl?: number;
  readonly nodes?: readonly NodeShape[];
  readonly modifiedIndex?: number;
  readonly createdIndex?: number;
}

export function eventOf(text: string): EventShape {
  return JSON.parse(text);
}
