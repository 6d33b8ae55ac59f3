/** No server at all: the bytes of a record written and synced. What a durable server cannot be faster than, alone. */
import type { Peer } from './peer.ts';

export const diskFloor: Peer = {
  name: 'fdatasync',
  description: 'no server: write the bytes of the records, fdatasync, one thread',
  dialect: 'bare',
  missing: () => undefined,
  start: async (context) => {
    const floor = {
      target: { port: 0, dialect: 'bare', pid: process.pid } as const,
      version: process.versions.node,
      directory: context.createDirectory('disk'),
      lastWords: async () => undefined,
      stop: async () => {},
      kill: async () => {},
      restart: async () => floor,
    };
    return floor;
  },
};
