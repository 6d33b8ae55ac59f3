/** Puts a front end together, for whichever thread it is to live on: the first on the main thread, others on their own. */
import type { LinkEnd } from '../frame/link.ts';
import { SharedWords } from '../frame/shared-words.ts';
import { Doorbell } from '../ring/doorbell.ts';
import { FrontEnd } from './front-end.ts';
import type { Identity } from './identity.ts';
import { Responder } from './responder.ts';
import { StoreClient } from './store-client.ts';

/** What a front end is given; all of it can be sent to another thread. */
export interface FrontEndSetup {
  /** From 0 on, as the store worker counts them. 0 is on the main thread. */
  readonly number: number;
  readonly words: SharedArrayBuffer;
  readonly storeBell: SharedArrayBuffer;
  /** Its own. */
  readonly bell: SharedArrayBuffer;
  /** Its ends of its two links. */
  readonly requests: LinkEnd;
  readonly replies: LinkEnd;
  readonly identity: Identity;
  readonly raftTerm: number;
  /** Epoch ms: when the server was started. */
  readonly startedMs: number;
  readonly requestBytesMax: number;
  readonly watchersMax: number;
  readonly pathDepthMax: number;
  readonly pollMs: number;
  readonly streamBacklogBytesMax: number;
  readonly largeAnswerStallMsMax: number;
}

/** What it says to the server. */
export interface FrontEndEvents {
  /** A request could not be served; nothing else has ended. */
  readonly onError: (error: unknown) => void;
  /** It cannot go on. */
  readonly onFatal: (error: unknown) => void;
}

export interface OpenFrontEnd {
  readonly frontEnd: FrontEnd;
  readonly client: StoreClient;
}

export function openFrontEnd(setup: FrontEndSetup, { onError, onFatal }: FrontEndEvents): OpenFrontEnd {
  const { identity, startedMs, requestBytesMax, watchersMax, pathDepthMax } = setup;
  const client = new StoreClient({
    requests: setup.requests,
    replies: setup.replies,
    storeBell: new Doorbell(new Int32Array(setup.storeBell)),
    ownBell: new Doorbell(new Int32Array(setup.bell)),
    words: new SharedWords(setup.words),
    responder: new Responder(identity.clusterId, setup.raftTerm),
    number: setup.number,
    pollMs: setup.pollMs,
    watchersMax,
    streamBacklogBytesMax: setup.streamBacklogBytesMax,
    largeAnswerStallMsMax: setup.largeAnswerStallMsMax,
    onFatal,
  });
  const frontEnd = new FrontEnd(client, { identity, startedMs, requestBytesMax, pathDepthMax, onError });
  return { frontEnd, client };
}
