/**
 * `/metrics`. What etcd 3.4 tells of its v2 side has etcd's names, types and words, as dashboards and alerts know them
 * (`etcd_…`, `process_…`, `os_…`); what only this server has is called `uetcd_…`. What etcd tells of Go, gRPC and the v3
 * store has no counterpart here and is left out.
 */
import { tellEtcd } from './etcd-family.ts';
import { Exposition } from './exposition.ts';
import { tellJournal } from './journal-family.ts';
import { tellRequests } from './requests-family.ts';
import type { ServerReading } from './server-reading.ts';
import { tellStore } from './store-family.ts';
import { tellThreads } from './threads-family.ts';

export function renderMetrics(server: ServerReading): string {
  const page = new Exposition();
  tellEtcd(page, server);
  tellRequests(page, server);
  tellThreads(page, server);
  tellStore(page, server);
  if (server.journal !== undefined) tellJournal(page, server.journal);
  return page.toString();
}
