/**
 * Requests to `/v2/auth/…`: which there are, and what the store is told of them. The order of the checks is etcd's: path,
 * method, then the rights of the client, and only then the body. Source: etcd 3.4, etcdserver/api/v2http/client_auth.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import { ALLOW } from './answers.ts';
import { readRole, readUser, renderRole, type User } from './auth-records.ts';
import { messageAnswer, methodNotAllowed, notFound, type PlainAnswer } from './plain-answer.ts';

/** Operation codes as they stand in command frames, beside `Op`; append only. Those below `getEnabled` are journaled. */
export const AuthOp = {
  putUser: 16,
  deleteUser: 17,
  putRole: 18,
  deleteRole: 19,
  enable: 20,
  disable: 21,
  getEnabled: 24,
  getUsers: 25,
  getUser: 26,
  getRoles: 27,
  getRole: 28,
} as const;
export type AuthOp = (typeof AuthOp)[keyof typeof AuthOp];

/** Whether the operation may change users, roles or the switch, so that it is counted and journaled. */
export function isAuthWriteOp(op: number): boolean {
  return op >= AuthOp.putUser && op <= AuthOp.disable;
}

export function isAuthReadOp(op: number): boolean {
  return op >= AuthOp.getEnabled && op <= AuthOp.getRole;
}

export interface AuthRequest {
  readonly op: AuthOp;
  /** Of the user or role; `''` without. */
  readonly name: ByteString;
}

/** Everybody may ask whether authentication is on; all else is for those with the root role. */
export function needsRoot({ op }: AuthRequest): boolean {
  return op !== AuthOp.getEnabled;
}

const PREFIX = '/v2/auth/';
const NO_NAME = '' as ByteString;
const OPS_BY_METHOD: Readonly<Record<string, Readonly<Record<string, AuthOp>>>> = {
  enable: { GET: AuthOp.getEnabled, PUT: AuthOp.enable, DELETE: AuthOp.disable },
  user: { GET: AuthOp.getUser, PUT: AuthOp.putUser, DELETE: AuthOp.deleteUser },
  role: { GET: AuthOp.getRole, PUT: AuthOp.putRole, DELETE: AuthOp.deleteRole },
  users: { GET: AuthOp.getUsers },
  roles: { GET: AuthOp.getRoles },
};

/** @param path  decoded and clean, beginning with `/v2/auth/`. @returns the request, or the answer to what is none. */
export function parseAuthRequest(method: string, path: ByteString): AuthRequest | PlainAnswer {
  if (path === '/v2/auth/enable') return requestOf('enable', NO_NAME, method, ALLOW.authItems);
  const [kind, name, ...rest] = path.slice(PREFIX.length).split('/');
  if (kind !== 'users' && kind !== 'roles') return notFound();
  // One slash at the end has no meaning.
  if (rest.length > 1 || (rest[0] ?? '') !== '') return messageAnswer(400, 'Invalid path', false);
  if (name === undefined || name === '') return requestOf(kind, NO_NAME, method, ALLOW.authLists);
  return requestOf(kind.slice(0, -1), name as ByteString, method, ALLOW.authItems);
}

function requestOf(kind: string, name: ByteString, method: string, allow: string): AuthRequest | PlainAnswer {
  const op = OPS_BY_METHOD[kind]?.[method];
  return op === undefined ? methodNotAllowed(allow) : { op, name };
}

/** @returns the user of a `putUser`, its password still as it came, or the answer to a body that is none. */
export function userOf({ name }: AuthRequest, body: ByteString): User | PlainAnswer {
  const user = readUser(body);
  if (user === undefined) return refuseJson();
  return user.user === name ? user : messageAnswer(400, 'User JSON name does not match the name in the URL');
}

/** @returns the role of a `putRole` as the store is told of it, or the answer. */
export function roleTextOf({ name }: AuthRequest, body: ByteString): ByteString | PlainAnswer {
  const role = readRole(body);
  if (role === undefined) return refuseJson();
  return role.role === name
    ? renderRole(role)
    : messageAnswer(400, 'Role JSON name does not match the name in the URL');
}

/** To those who may not: without a cluster id, as etcd answers before it knows anything of the request. */
export function refuseAccess(): PlainAnswer {
  return messageAnswer(401, 'Insufficient credentials', false);
}

function refuseJson(): PlainAnswer {
  return messageAnswer(400, 'Invalid JSON in request body.');
}
