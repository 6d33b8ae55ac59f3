/**
 * `/v2/auth/…` of a server whose authentication is off and has never been on: no users, and the one role that etcd
 * always has. Source: etcd 3.4, etcdserver/api/v2http/client_auth.go and v2auth/auth.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import { ALLOW } from './answers.ts';
import { jsonAnswer, messageAnswer, methodNotAllowed, notFound, type PlainAnswer } from './plain-answer.ts';

const PREFIX = '/v2/auth/';
const ROOT_ROLE = '{"role":"root","permissions":{"kv":{"read":["/*"],"write":["/*"]}}}';
const ENABLED_BODY = '{"enabled":false}\n' as ByteString;
const USERS_BODY = '{"users":null}\n' as ByteString;
const ROLES_BODY = `{"roles":[${ROOT_ROLE}]}\n` as ByteString;
const ROOT_ROLE_BODY = `${ROOT_ROLE}\n` as ByteString;

/** @param path  decoded and clean, beginning with `/v2/auth/`. */
export function answerAuthOff(method: string, path: ByteString): PlainAnswer {
  if (path === '/v2/auth/enable') return answerEnable(method);
  const [kind, name, ...rest] = path.slice(PREFIX.length).split('/');
  if (kind !== 'users' && kind !== 'roles') return notFound();
  // One slash at the end has no meaning.
  if (rest.length > 1 || (rest[0] ?? '') !== '') return messageAnswer(400, 'Invalid path', false);
  if (name === undefined || name === '') {
    if (method !== 'GET') return methodNotAllowed(ALLOW.authLists);
    return jsonAnswer(kind === 'users' ? USERS_BODY : ROLES_BODY);
  }
  return kind === 'users' ? answerUser(method, name) : answerRole(method, name);
}

function answerEnable(method: string): PlainAnswer {
  switch (method) {
    case 'GET':
      return jsonAnswer(ENABLED_BODY);
    case 'PUT':
      return messageAnswer(409, 'auth: No root user available, please create one');
    case 'DELETE':
      return messageAnswer(409, 'auth: already disabled');
    default:
      return methodNotAllowed(ALLOW.authItems);
  }
}

function answerUser(method: string, name: string): PlainAnswer {
  switch (method) {
    case 'GET':
      return messageAnswer(404, `auth: User ${name} does not exist.`);
    case 'PUT':
      return refuseChange();
    case 'DELETE':
      return messageAnswer(404, `auth: User ${name} does not exist`); // Without a full stop, as etcd says it.
    default:
      return methodNotAllowed(ALLOW.authItems);
  }
}

function answerRole(method: string, name: string): PlainAnswer {
  const isRoot = name === 'root';
  switch (method) {
    case 'GET':
      return isRoot ? jsonAnswer(ROOT_ROLE_BODY) : messageAnswer(404, `auth: Role ${name} does not exist.`);
    case 'PUT':
      return isRoot ? refuseRootRole() : refuseChange();
    case 'DELETE':
      return isRoot ? refuseRootRole() : messageAnswer(404, `auth: Role ${name} doesn't exist.`);
    default:
      return methodNotAllowed(ALLOW.authItems);
  }
}

function refuseRootRole(): PlainAnswer {
  return messageAnswer(403, 'auth: Cannot modify role root: is root role.');
}

/** Ours, not etcd's: a user that could be made but would guard nothing is worse than a refusal. */
function refuseChange(): PlainAnswer {
  return messageAnswer(501, 'auth: this server keeps no users and roles');
}
