/**
 * Tasks for piscina: bcrypt, which takes a core for the tenth of a second that it is meant to take. On a thread of its
 * own, and behind those that serve: not so far that nobody could come in while they are busy.
 */
import { constants } from 'node:os';
import { compareSync, genSaltSync, hashSync } from 'bcryptjs';
import { setThreadPriority } from '../../base/thread-priority.ts';

/** etcd's, which is Go's default. */
const COST = 10;

setThreadPriority(constants.priority.PRIORITY_BELOW_NORMAL);

export interface PasswordCheck {
  readonly password: string;
  /** As bcrypt writes it; what is none matches nothing. */
  readonly hash: string;
}

export function checkPassword({ password, hash }: PasswordCheck): boolean {
  try {
    return compareSync(password, hash);
  } catch {
    return false;
  }
}

/** @returns the hash in the spelling of Go's bcrypt: this library's `$2b$` differs from `$2a$` in nothing but the letter. */
export function hashPassword(password: string): string {
  return hashSync(password, genSaltSync(COST).replace(/^\$2b\$/, '$2a$'));
}
