/**
 * The key space of a server, in one recursive listing. A listing shows all keys at one etcd index, whatever is written
 * meanwhile, as no walk from directory to directory could; and since it is read as it arrives, with the server held back
 * while the nodes are dealt with, its size does not matter. What the API does not list, hidden nodes, is not there.
 */
import '../base/latin1.ts';
import type { IncomingMessage } from 'node:http';
import { type ClientTls, EtcdClient, reasonOf } from './etcd-client.ts';
import { ListingParser, LostBytesError } from './listing-parser.ts';
import type { Source, TransferNode } from './transfer-node.ts';

export interface LiveSource extends Source {
  /** Nodes of which bytes were replaced by U+FFFD so far; always 0 unless that was allowed. */
  lossyCount(): number;
}

/** Sorted, so that two dumps of the same keys are the same lines. */
const WHOLE_KEY_SPACE = '/v2/keys/?recursive=true&sorted=true';

/**
 * @param isLossy takes U+FFFD for bytes that the API does not show; otherwise reading them is an error.
 * @throws as EtcdClient does.
 */
export async function openLiveSource(endpoint: URL, isLossy: boolean, tls: ClientTls): Promise<LiveSource> {
  const client = new EtcdClient(endpoint, 1, tls);
  try {
    const answer = await client.get(WHOLE_KEY_SPACE);
    const parser = new ListingParser({ isLossy });
    return {
      name: client.name,
      etcdIndex: Number(answer.headers['x-etcd-index'] ?? 0),
      includesHidden: false,
      batches: readListing(answer, parser, client.name),
      lossyCount: () => parser.lossyCount,
      close: async () => client.close(),
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

async function* readListing(
  answer: IncomingMessage,
  parser: ListingParser,
  name: string,
): AsyncGenerator<readonly TransferNode[]> {
  const chunks: AsyncIterator<Buffer> = answer[Symbol.asyncIterator]();
  for (;;) {
    const nodes = await nextNodes(chunks, parser).catch((cause: unknown) => {
      if (cause instanceof LostBytesError) throw cause;
      throw new Error(`the listing of ${name} cannot be read: ${reasonOf(cause)}`, { cause });
    });
    if (nodes === undefined) return;
    if (nodes.length > 0) yield nodes;
  }
}

async function nextNodes(
  chunks: AsyncIterator<Buffer>,
  parser: ListingParser,
): Promise<readonly TransferNode[] | undefined> {
  const { done, value } = await chunks.next();
  if (done !== true) return parser.take(value.latin1Slice());
  parser.finish();
  return undefined;
}
