/** The routes outside the key space: what the front end answers by itself, and what it asks the store for. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { ByteString } from '../../base/byte-string.ts';
import { ControlOp } from '../../frame/command-frame.ts';
import {
  ALLOW,
  CONTENT_TYPE_JSON,
  CONTENT_TYPE_TEXT,
  renderLeaderStats,
  renderMachines,
  renderSelfStats,
  VERSION_BODY,
} from '../../protocol/answers.ts';
import { answerMembers } from '../../protocol/members.ts';
import { ignoreBody, refuseMethod, writeNotFound, writeOwnAnswer } from '../answers/responder.ts';
import type { StoreClient } from '../exchange/store-client.ts';
import type { ClaimedRequests } from './claimed-requests.ts';
import type { Identity } from './identity.ts';
import { Page, type Pages } from './pages.ts';
import type { PlainRequest, PlainRequests } from './plain-requests.ts';

export const METRICS_PATH = '/metrics';
export const HEALTH_PATH = '/health';
const VARS_PATH = '/debug/vars';
/** What changes the list, or would: for the role `root` only. */
const MEMBER_CHANGES: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE']);
const ALLOW_EXACT: Readonly<Record<string, string>> = {
  '/version': ALLOW.version,
  '/health': ALLOW.health,
  '/debug/vars': ALLOW.vars,
  '/v2/stats/store': ALLOW.stats,
  '/v2/stats/self': ALLOW.stats,
  '/v2/stats/leader': ALLOW.stats,
  '/v2/machines': ALLOW.machines,
};

export interface OtherRoutesOptions {
  readonly identity: Identity;
  /** Epoch ms: when the server was started. */
  readonly startedMs: number;
  readonly pages: Pages;
}

export class OtherRoutes {
  readonly #store: StoreClient;
  readonly #claimed: ClaimedRequests;
  readonly #plain: PlainRequests;
  readonly #options: OtherRoutesOptions;

  constructor(store: StoreClient, claimed: ClaimedRequests, plain: PlainRequests, options: OtherRoutesOptions) {
    this.#store = store;
    this.#claimed = claimed;
    this.#plain = plain;
    this.#options = options;
  }

  /** Any request outside the key space. @param path clean. */
  serve(response: HttpResponse, request: HttpRequest, method: string, path: ByteString): void {
    if (path === '/v2/members' || path.startsWith('/v2/members/')) {
      this.#serveMembers(response, request, method, path);
      return;
    }
    ignoreBody(response);
    if (path === METRICS_PATH) {
      this.#tell(response, method, Page.metrics); // By whatever method, as etcd does.
      return;
    }
    const allow = ALLOW_EXACT[path];
    if (allow === undefined) writeNotFound(response, method === 'HEAD');
    else if (!allow.split(',').includes(method)) refuseMethod(response, method, allow);
    else if (path === VARS_PATH) this.#tell(response, method, Page.vars);
    else this.#answer(response, method, path);
  }

  /** A page about this server, for which the store is asked. */
  #tell(response: HttpResponse, method: string, page: Page): void {
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.begin(response);
    this.#options.pages.ask(this.#store, claimed.slot, page, method === 'HEAD');
  }

  #serveMembers(response: HttpResponse, httpRequest: HttpRequest, method: string, path: ByteString): void {
    const contentType = httpRequest.getHeader('content-type');
    const answer = (request: PlainRequest) => {
      const { member } = this.#options.identity;
      this.#plain.answer(request, answerMembers(method, path, contentType, request.body, member));
    };
    if (!MEMBER_CHANGES.has(method)) this.#plain.read(response, httpRequest, method, answer);
    else {
      this.#plain.readAsRoot(response, httpRequest, method, (request, lookUps) => {
        this.#store.countLookUps(lookUps);
        answer(request);
      });
    }
  }

  #answer(response: HttpResponse, method: string, path: ByteString): void {
    const { member } = this.#options.identity;
    switch (path) {
      case '/version':
        writeOwnAnswer(response, 200, CONTENT_TYPE_JSON, {}, VERSION_BODY);
        return;
      case HEALTH_PATH:
        this.#askStore(response, ControlOp.healthCheck);
        return;
      case '/v2/stats/store':
        this.#askStore(response, ControlOp.storeStatistics);
        return;
      case '/v2/stats/self':
        writeOwnAnswer(response, 200, CONTENT_TYPE_JSON, {}, this.#renderSelf());
        return;
      case '/v2/stats/leader':
        writeOwnAnswer(response, 200, CONTENT_TYPE_JSON, {}, renderLeaderStats(member.id));
        return;
      case '/v2/machines': {
        const machines = latin1(renderMachines([member]));
        writeOwnAnswer(response, 200, CONTENT_TYPE_TEXT, {}, machines, method === 'HEAD');
        return;
      }
      default:
        throw new RangeError(`no answer is known for ${path}`);
    }
  }

  #renderSelf(): ByteString {
    const { id, name } = this.#options.identity.member;
    const startTimeMs = this.#options.startedMs;
    return renderSelfStats({ name, id, leaderId: id, startTimeMs, leaderSinceMs: startTimeMs, nowMs: Date.now() });
  }

  #askStore(response: HttpResponse, op: ControlOp): void {
    const claimed = this.#claimed.claim(response);
    if (claimed === undefined) return;
    claimed.begin(response);
    this.#store.sendControl(op, claimed.slot);
  }
}

function latin1(bytes: ByteString): Uint8Array {
  return Buffer.from(bytes, 'latin1');
}
