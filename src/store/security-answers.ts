/** What is said of users and roles: to those who asked for them, and to those who are refused, in etcd's words. */
import type { ByteString } from '../base/byte-string.ts';
import { renderMessage } from '../protocol/answers.ts';

/** JSON, or nothing at all. */
export interface AuthAnswer {
  readonly status: number;
  readonly body: ByteString;
}

export const DONE = answer(200, '');
export const BAD_QUERY = refuse(500, 'Internal Server Error');

export function answer(status: number, body: string): AuthAnswer {
  return { status, body: body as ByteString };
}

export function refuse(status: number, message: string): AuthAnswer {
  return answer(status, renderMessage(message as ByteString));
}

export function refuseAuth(status: number, message: string): AuthAnswer {
  return refuse(status, `auth: ${message}`);
}

export function refuseRootRole(): AuthAnswer {
  return refuseAuth(403, 'Cannot modify role root: is root role.');
}

/** Whether instead of what was looked for there is the answer that it is not there. */
export function isRefusal<T extends object>(found: T | AuthAnswer): found is AuthAnswer {
  return 'status' in found;
}
