/** What the disk has refused is shown by no front end. */
import { describe, expect } from 'vitest';
import { durableTest, logLines, startOn } from '../durability/durable-server.ts';
import { eventOf } from '../support/api-test.ts';
import { removeTemporary } from '../support/temporary-directory.ts';
import { clientsOf, FRONT_ENDS, flags } from './three-front-ends.ts';

const ERROR_LEVEL = 50;

describe.skipIf(process.platform === 'win32')('a directory that goes away', () => {
  durableTest(
    'refuses writes through each front end, takes them back, and closes their watches',
    async ({ directory }) => {
      const server = await startOn(directory, { flags });
      const clients = await clientsOf(server.url);
      const [first] = clients;
      await first?.put('/k', 'value=kept');
      const watches = await Promise.all(
        clients.map((client) => client.watch('/?wait=true&recursive=true&stream=true')),
      );
      removeTemporary(directory);
      const refusals = await Promise.all(clients.map((client, ordinal) => client.put('/k', `value=${ordinal}`)));
      for (const { status, text } of refusals) {
        expect(status).toBe(500);
        expect(JSON.parse(text)).toMatchObject({ errorCode: 300, cause: expect.stringMatching(/deleted/), index: 2 });
      }
      for (const watch of watches) {
        // Of the events that it might have been shown none was durable.
        expect(await watch.until(() => watch.ended, 60_000)).toBe(true);
        expect(watch.lines).toEqual([]);
      }
      for (const client of clients) {
        const read = await client.get('/k');
        expect(eventOf(read.text).node).toEqual({ key: '/k', value: 'kept', modifiedIndex: 2, createdIndex: 2 });
        expect(read.headers['x-etcd-index']).toBe('2');
        expect((await client.fetch('/health')).status).toBe(503);
        expect((await client.put('/k', 'value=late')).status).toBe(500);
      }
      expect(clients).toHaveLength(FRONT_ENDS);
      expect(logLines(server).filter(({ level }) => level >= ERROR_LEVEL)).toHaveLength(1);
      for (const client of clients) await client.close();
      await server.stop();
      expect((await server.exited).code).toBe(0);
    },
  );
});
