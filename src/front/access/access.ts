/**
 * Who may do what, by the front end's copy of users and roles. Which rights a request needs, and what is looked up for it
 * in which order, is etcd's: etcdserver/api/v2http/client_auth.go and v2auth/auth.go of etcd 3.4.
 *
 *   off                      everybody may do everything
 *   no Authorization header  with --client-cert-auth the rights of the user whose name the certificate has, if there is one;
 *                            else keys by the role `guest`, which knows no difference between a key and all below it
 *   a user and its password  keys by any of the user's roles; all else by the role `root`
 *   anything else            nothing
 *
 * Rights are looked at once, when a request is complete. A watch that was let in goes on, as in etcd, whatever becomes of
 * its client's rights. A request that began while authentication was off, and whose body comes when it is on, is judged as
 * one without credentials: its header has not been looked at.
 */
import type { ByteString } from '../../base/byte-string.ts';
import { packLookUps } from '../../frame/command-frame.ts';
import type { SharedWords } from '../../frame/shared-words.ts';
import { GUEST, type NameList, ROOT, type Role, type User } from '../../protocol/auth-records.ts';
import { parseBasicAuth } from '../../protocol/basic-auth.ts';
import type { Passwords } from './passwords.ts';
import type { SecurityCopy } from './security-copy.ts';

/** `busy`: more passwords wait to be checked than may. */
export type Verdict = 'allowed' | 'denied' | 'busy';

/** What a client wants. */
export interface Claim {
  /** The header, `''` without. */
  readonly authorization: string;
  /** `certificateNameOf` its client. */
  readonly certificateName: ByteString;
  /** What follows `/v2/keys` in the path, its last slash included; undefined where the role `root` is needed. */
  readonly key: ByteString | undefined;
  readonly isWrite: boolean;
  readonly isRecursive: boolean;
}

/** @param lookUps the reads that the verdict has cost beside that of the switch: `packLookUps`. */
export type VerdictListener = (verdict: Verdict, lookUps: number) => void;

export class Access {
  readonly #copy: SecurityCopy;
  readonly #words: SharedWords;
  readonly #passwords: Passwords;
  /** Claims that came while the copy was old. */
  #early: (() => void)[] = [];
  /** What the last verdict of `judgeNow` has cost. */
  lookUps = 0;

  constructor(copy: SecurityCopy, words: SharedWords, passwords: Passwords) {
    this.#copy = copy;
    this.#words = words;
    this.#passwords = passwords;
  }

  /** Whether everybody may do everything, so that nobody needs to be judged. */
  get isOpen(): boolean {
    return !this.#copy.isEnabled && this.#isCopyNew();
  }

  /** `onVerdict` is called before this returns, unless the copy is old or a password must be checked. */
  judge(claim: Claim, onVerdict: VerdictListener): void {
    const { authorization, certificateName, key, isWrite, isRecursive } = claim;
    const verdict = this.judgeNow(authorization, certificateName, key, isWrite, isRecursive);
    if (verdict !== undefined) onVerdict(verdict, this.lookUps);
    else if (!this.#isCopyNew()) this.#early.push(() => this.judge(claim, onVerdict));
    else this.#checkPassword(claim, onVerdict);
  }

  /** The copy has been renewed. */
  renewed(): void {
    for (const judge of this.#early.splice(0)) judge();
  }

  /**
   * The same as far as it can be told at once, and then without a record or a closure (native-bench, "auth-set-64").
   * @returns undefined when the copy is old or a password must be checked.
   */
  judgeNow(
    authorization: string,
    certificateName: ByteString,
    key: ByteString | undefined,
    isWrite: boolean,
    isRecursive: boolean,
  ): Verdict | undefined {
    this.lookUps = 0;
    if (!this.#isCopyNew()) return undefined;
    if (!this.#copy.isEnabled) return 'allowed';
    if (authorization === '') return this.#judgeWithoutPassword(certificateName, key, isWrite, isRecursive);
    const known = this.#passwords.recall(authorization);
    if (known === undefined) return undefined;
    const user = this.#copy.user(known.name);
    if (user === undefined || user.password !== known.hash) return undefined;
    return this.#judgeUser(user, key, isWrite, isRecursive);
  }

  #judgeWithoutPassword(
    certificateName: ByteString,
    key: ByteString | undefined,
    isWrite: boolean,
    isRecursive: boolean,
  ): Verdict {
    const user = certificateName === '' ? undefined : this.#copy.user(certificateName);
    if (user !== undefined) return this.#judgeUser(user, key, isWrite, isRecursive);
    const inVain = certificateName === '' ? 0 : packLookUps(0, 1);
    const verdict = key === undefined ? 'denied' : this.#judgeGuest(key, isWrite);
    this.lookUps += inVain;
    return verdict;
  }

  #judgeUser(user: User, key: ByteString | undefined, isWrite: boolean, isRecursive: boolean): Verdict {
    return key === undefined ? this.#judgeRoot(user) : this.#judgeRoles(user, key, isWrite, isRecursive);
  }

  #isCopyNew(): boolean {
    return this.#words.securityVersion === this.#copy.version;
  }

  #checkPassword(claim: Claim, onVerdict: VerdictListener): void {
    const credentials = parseBasicAuth(claim.authorization);
    const user = credentials && this.#copy.user(credentials.name);
    if (credentials === undefined || user === undefined) {
      onVerdict('denied', credentials === undefined ? 0 : packLookUps(0, 1));
      return;
    }
    this.#passwords.check(claim.authorization, credentials, user.password, (result) => {
      // Meanwhile the user may have changed; the password is remembered now.
      if (result === 'right') this.judge(claim, onVerdict);
      else onVerdict(result === 'busy' ? 'busy' : 'denied', packLookUps(1, 0));
    });
  }

  #judgeGuest(key: ByteString, isWrite: boolean): Verdict {
    const role = this.#copy.role(GUEST);
    this.lookUps = role === undefined ? packLookUps(0, 1) : packLookUps(1, 0);
    return role !== undefined && mayTouch(patternsOf(role, isWrite), key, false) ? 'allowed' : 'denied';
  }

  /** Whatever stands in the store, the user `root` has its role. */
  #judgeRoot({ user, roles }: User): Verdict {
    this.lookUps = packLookUps(1, 0);
    return user === ROOT || roles?.includes(ROOT) === true ? 'allowed' : 'denied';
  }

  #judgeRoles(user: User, key: ByteString, isWrite: boolean, isRecursive: boolean): Verdict {
    let made = 1;
    let inVain = 0;
    let verdict: Verdict = 'denied';
    for (const name of rolesOf(user)) {
      const role = this.#copy.role(name);
      if (role === undefined) {
        inVain++;
        continue;
      }
      if (name !== ROOT) made++;
      if (name !== ROOT && !mayTouch(patternsOf(role, isWrite), key, isRecursive)) continue;
      verdict = 'allowed';
      break;
    }
    this.lookUps = packLookUps(made, inVain);
    return verdict;
  }
}

/** In etcd's order: the role that `root` has anyway comes last. */
function rolesOf({ user, roles }: User): readonly ByteString[] {
  const names = roles ?? [];
  return user === ROOT && !names.includes(ROOT) ? [...names, ROOT] : names;
}

function patternsOf({ permissions }: Role, isWrite: boolean): NameList {
  return isWrite ? permissions.write : permissions.read;
}

/** @param isRecursive only patterns with `*` mean more than one key. */
function mayTouch(patterns: NameList, key: ByteString, isRecursive: boolean): boolean {
  for (const pattern of patterns ?? []) {
    const last = pattern.length - 1;
    if (pattern.charCodeAt(last) === STAR ? beginsAlike(pattern, key, last) : !isRecursive && isSame(pattern, key))
      return true;
  }
  return false;
}

const STAR = 0x2a;

/** Without cutting the star off, which would cost a string each time. */
function beginsAlike(pattern: ByteString, key: ByteString, length: number): boolean {
  if (key.length < length) return false;
  for (let at = 0; at < length; at++) if (pattern.charCodeAt(at) !== key.charCodeAt(at)) return false;
  return true;
}

/** etcd has no answer to whoever meets an empty pattern: it drops the connection. Here it means nothing. */
function isSame(pattern: ByteString, key: ByteString): boolean {
  return pattern === key && pattern !== '';
}
