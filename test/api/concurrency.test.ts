/** Many clients at a time: one order of events for all of them. */
import { describe, expect } from 'vitest';
import { type EventShape, eventOf, apiTest as test } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';

const clientsTotal = 32;

/** Runs `body` for each of many clients, each with a connection of its own. */
async function withClients(url: string, body: (client: ApiClient, ordinal: number) => Promise<void>): Promise<void> {
  const clients = Array.from({ length: clientsTotal }, () => new ApiClient(url));
  await Promise.all(clients.map(body));
  await Promise.all(clients.map((client) => client.close()));
}

describe('many clients', () => {
  test('each write has an index of its own, and a stream hears them all in that order', async ({ api }) => {
    const stream = await api.watch('/?wait=true&recursive=true&stream=true');
    const events = new Map<number, EventShape>();
    await withClients(api.url, async (client, ordinal) => {
      for (let round = 0; round < 50; round++) {
        const key = `/k${(ordinal + round) % 10}`;
        const answer = round % 5 === 4 ? await client.delete(key) : await client.put(key, `value=${ordinal}-${round}`);
        if (answer.status >= 300) continue;
        const event = eventOf(answer.text);
        expect(events.has(event.node.modifiedIndex ?? 0)).toBe(false);
        events.set(event.node.modifiedIndex ?? 0, event);
      }
    });
    const values = new Map<string, string>();
    for (let index = 2; index < 2 + events.size; index++) {
      const event = eventOf(await stream.nextLine());
      expect(event).toEqual(events.get(index));
      // What each event says of before is what the event before it, on that key, left behind.
      expect(event.prevNode?.value).toBe(values.get(event.node.key ?? ''));
      if (event.action === 'delete') values.delete(event.node.key ?? '');
      else values.set(event.node.key ?? '', event.node.value ?? '');
    }
    expect(stream.lines).toEqual([]);
    await stream.close();
    const listing = eventOf((await api.get('/')).text).node.nodes ?? [];
    expect(new Map(listing.map(({ key, value }) => [key, value]))).toEqual(values);
  });

  test('a counter kept by compare and swap loses no increment', async ({ api }) => {
    await api.put('/counter', 'value=0');
    await withClients(api.url, async (client) => {
      for (let done = 0; done < 10; ) {
        const { value = '', modifiedIndex } = eventOf((await client.get('/counter')).text).node;
        const swap = await client.put(`/counter?prevIndex=${modifiedIndex}`, `value=${Number(value) + 1}`);
        if (swap.status === 200) done++;
        else expect(swap.status).toBe(412);
      }
    });
    expect(eventOf((await api.get('/counter')).text).node.value).toBe(String(clientsTotal * 10));
  });

  test('each job of a queue is taken by exactly one of them', async ({ api }) => {
    for (let job = 0; job < 200; job++) await api.post('/queue', `value=${job}`);
    const taken: string[] = [];
    await withClients(api.url, async (client) => {
      for (;;) {
        const jobs = eventOf((await client.get('/queue?sorted=true')).text).node.nodes ?? [];
        const job = jobs[0];
        if (job === undefined) return;
        const removal = await client.delete(`${job.key}?prevIndex=${job.modifiedIndex}`);
        if (removal.status === 200) taken.push(job.value ?? '');
      }
    });
    expect(taken.map(Number).sort((one, other) => one - other)).toEqual(Array.from({ length: 200 }, (_, job) => job));
  });

  test('a watch that is answered and opened again with the next index misses nothing', async ({ api }) => {
    const writer = new ApiClient(api.url);
    const writing = (async () => {
      for (let value = 0; value < 500; value++) await writer.put('/k', `value=${value}`);
    })();
    const seen: string[] = [];
    for (let waitIndex = 2; seen.length < 500; ) {
      const { node } = eventOf((await api.get(`/k?wait=true&waitIndex=${waitIndex}`)).text);
      seen.push(node.value ?? '');
      waitIndex = (node.modifiedIndex ?? 0) + 1;
    }
    await writing;
    await writer.close();
    expect(seen).toEqual(Array.from({ length: 500 }, (_, value) => String(value)));
  });
});
