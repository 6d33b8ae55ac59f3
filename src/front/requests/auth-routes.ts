/**
 * The routes of users, roles and the switch. Who asks is judged here, and passwords are hashed here, so that the store is
 * told of nothing that it could not be told again when the journal is replayed; all else is the store's.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { ByteString } from '../../base/byte-string.ts';
import { Counter } from '../../metrics/front-end-metrics.ts';
import { renderUser, type User } from '../../protocol/auth-records.ts';
import {
  AuthOp,
  type AuthRequest,
  needsRoot,
  parseAuthRequest,
  roleTextOf,
  userOf,
} from '../../protocol/auth-request.ts';
import { Flag } from '../../protocol/command.ts';
import { parseForm } from '../../protocol/form.ts';
import type { Passwords } from '../access/passwords.ts';
import type { StoreClient } from '../exchange/store-client.ts';
import type { ClaimedRequests } from './claimed-requests.ts';
import { type PlainRequest, type PlainRequests, refusalOf } from './plain-requests.ts';

const AUTH_PREFIX = '/v2/auth/';
const NOTHING = '' as ByteString;

/** What the store is told of a request, and what its rights have cost in look-ups. */
interface AuthMessage {
  readonly request: AuthRequest;
  readonly flags: number;
  readonly value: ByteString;
  readonly lookUps: number;
}

export class AuthRoutes {
  readonly #store: StoreClient;
  readonly #claimed: ClaimedRequests;
  readonly #plain: PlainRequests;
  readonly #passwords: Passwords;

  constructor(store: StoreClient, claimed: ClaimedRequests, plain: PlainRequests, passwords: Passwords) {
    this.#store = store;
    this.#claimed = claimed;
    this.#plain = plain;
    this.#passwords = passwords;
  }

  has(path: ByteString): boolean {
    return path.startsWith(AUTH_PREFIX);
  }

  /** @param path clean. */
  serve(response: HttpResponse, httpRequest: HttpRequest, method: string, path: ByteString): void {
    const request = parseAuthRequest(method, path);
    if ('status' in request) {
      this.#plain.read(response, httpRequest, method, (pending) => this.#plain.answer(pending, request));
      return;
    }
    const flags = 'fault' in parseForm(NOTHING, (httpRequest.getQuery() ?? '') as ByteString) ? Flag.badQuery : 0;
    const bare = { request, flags, value: NOTHING, lookUps: 0 };
    if (!needsRoot(request)) this.#plain.read(response, httpRequest, method, (pending) => this.#send(pending, bare));
    else {
      this.#plain.readAsRoot(response, httpRequest, method, (pending, lookUps) =>
        this.#perform(pending, { ...bare, lookUps }),
      );
    }
  }

  #perform(pending: PlainRequest, message: AuthMessage): void {
    const { request } = message;
    if (request.op === AuthOp.putUser) {
      const user = userOf(request, pending.body);
      if ('status' in user) this.#refuse(pending, message, user);
      else if (user.password === '') this.#send(pending, { ...message, value: renderUser(user) });
      else this.#hashAndSend(pending, message, user);
      return;
    }
    const value = request.op === AuthOp.putRole ? roleTextOf(request, pending.body) : NOTHING;
    if (typeof value === 'string') this.#send(pending, { ...message, value });
    else this.#refuse(pending, message, value);
  }

  #hashAndSend(pending: PlainRequest, message: AuthMessage, user: User): void {
    void this.#passwords.hash(user.password).then((password) => {
      if (pending.isGone) return;
      this.#plain.guarded(pending, () => {
        if (password === undefined) {
          this.#store.metrics.count(Counter.tooManyPasswords);
          this.#refuse(pending, message, refusalOf('busy'));
        } else this.#send(pending, { ...message, value: renderUser({ ...user, password }) });
      });
    });
  }

  #refuse(pending: PlainRequest, { lookUps }: AuthMessage, answer: Parameters<PlainRequests['answer']>[1]): void {
    this.#store.countLookUps(lookUps);
    this.#plain.answer(pending, answer);
  }

  #send(pending: PlainRequest, { request, flags, value, lookUps }: AuthMessage): void {
    const claimed = this.#claimed.claim(pending.response);
    this.#plain.leave(pending);
    if (claimed === undefined) return;
    claimed.begin(pending.response);
    this.#store.sendAuth(claimed.slot, request.op, flags, request.name, value, lookUps);
  }
}
