/**
 * Users, roles and the switch as they stand in the store: looked up, and shown to those who ask. Each look is a read of
 * the store that counts, as etcd's is.
 *
 * A user is shown with all its roles spelled out, and a list with all its users, so a few megabytes of roles can be asked
 * for thousands of times in one answer. So roles are shown as they
 * stand, neither read nor rendered, and what would be longer than `ANSWER_SIZE_BYTES_MAX` is refused: the store has one
 * thread, and everybody waits for it.
 */
import type { ByteString } from '../base/byte-string.ts';
import {
  type NameList,
  ROOT,
  ROOT_ROLE,
  type Role,
  readRole,
  readUser,
  renderRole,
  renderUserWithRoles,
  type User,
} from '../protocol/auth-records.ts';
import { Failure } from './failure.ts';
import { type AuthAnswer, answer, BAD_QUERY, isRefusal, refuseAuth } from './security-answers.ts';
import type { Store } from './store.ts';
import { VAULT_PATH } from './tree.ts';

/** `/2`, below the vault. */
export const SECURITY_PATH = `${VAULT_PATH}/2` as ByteString;
export const USERS_PATH = `${SECURITY_PATH}/users` as ByteString;
export const ROLES_PATH = `${SECURITY_PATH}/roles` as ByteString;
export const SWITCH_PATH = `${SECURITY_PATH}/enabled` as ByteString;
export const ON = 'true' as ByteString;

/** Of the roles and users that one answer takes. */
const ANSWER_SIZE_BYTES_MAX = 32 * 1024 * 1024;

export class SecurityReader {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  isEnabled(): boolean {
    const node = this.#store.get(SWITCH_PATH);
    return !(node instanceof Failure) && node.value === ON;
  }

  user(name: ByteString): User | AuthAnswer {
    const text = this.#userText(name);
    return typeof text === 'string' ? userOfText(name, text) : text;
  }

  role(name: ByteString): Role | AuthAnswer {
    const text = this.#roleText(name);
    if (typeof text !== 'string') return text;
    return name === ROOT ? ROOT_ROLE : (readRole(text) as Role);
  }

  showSwitch(): AuthAnswer {
    return answer(200, `{"enabled":${this.isEnabled()}}\n`);
  }

  showUser(name: ByteString, hasBadQuery: boolean): AuthAnswer {
    const user = this.user(name);
    if (isRefusal(user)) return user;
    if (hasBadQuery) return BAD_QUERY;
    const shown = new ShownRoles();
    for (const roleName of user.roles ?? []) {
      const text = this.#roleText(roleName);
      if (typeof text !== 'string') return text;
      if (!shown.add(text)) return TOO_LARGE;
    }
    return answer(200, `${renderUserWithRoles(name, shown.take())}\n`);
  }

  listUsers(hasBadQuery: boolean): AuthAnswer {
    const names = this.#namesIn(USERS_PATH);
    if (hasBadQuery) return BAD_QUERY;
    const users: ByteString[] = [];
    const shown = new ShownRoles();
    for (const name of names) {
      const text = this.#userText(name);
      if (typeof text !== 'string') continue;
      if (!shown.count(text) || !this.#addKnown(userOfText(name, text).roles, shown)) return TOO_LARGE;
      users.push(renderUserWithRoles(name, shown.take()));
    }
    return answer(200, `{"users":${users.length === 0 ? 'null' : `[${users.join(',')}]`}}\n`);
  }

  showRole(name: ByteString): AuthAnswer {
    const role = this.role(name);
    return isRefusal(role) ? role : answer(200, `${renderRole(role)}\n`);
  }

  listRoles(hasBadQuery: boolean): AuthAnswer {
    const names = [ROOT, ...this.#namesIn(ROLES_PATH)].sort();
    if (hasBadQuery) return BAD_QUERY;
    const shown = new ShownRoles();
    if (!this.#addKnown(names, shown)) return TOO_LARGE;
    return answer(200, `{"roles":[${shown.take().join(',')}]}\n`);
  }

  /** Adds those of the roles that there are. @returns false when they are too many. */
  #addKnown(names: NameList, shown: ShownRoles): boolean {
    for (const name of names ?? []) {
      const text = this.#roleText(name);
      if (typeof text === 'string' && !shown.add(text)) return false;
    }
    return true;
  }

  /** As it stands in the store. */
  #userText(name: ByteString): ByteString | AuthAnswer {
    const node = this.#store.get(`${USERS_PATH}/${name}` as ByteString);
    return node instanceof Failure ? refuseAuth(404, `User ${name} does not exist.`) : node.value;
  }

  /** As it stands in the store, which is as it is shown. */
  #roleText(name: ByteString): ByteString | AuthAnswer {
    if (name === ROOT) return ROOT_ROLE_TEXT;
    const node = this.#store.get(`${ROLES_PATH}/${name}` as ByteString);
    return node instanceof Failure ? refuseAuth(404, `Role ${name} does not exist.`) : node.value;
  }

  /** In order, without those that are hidden: a listing of etcd's does not show them. */
  #namesIn(directory: ByteString): ByteString[] {
    const node = this.#store.get(directory);
    if (node instanceof Failure) return [];
    const names = (node.isDirectory ? this.#store.tree.childrenOf(node) : []).map(
      ({ path }) => path.slice(directory.length + 1) as ByteString,
    );
    return names.filter((name) => !name.startsWith('_')).sort();
  }
}

/** The roles of one answer, rendered. */
class ShownRoles {
  #texts: ByteString[] = [];
  #sizeBytes = 0;

  /** @returns false when the answer becomes too large. */
  add(text: ByteString): boolean {
    this.#texts.push(text);
    return this.count(text);
  }

  /** The same for what is read on the way. */
  count(text: ByteString): boolean {
    this.#sizeBytes += text.length;
    return this.#sizeBytes <= ANSWER_SIZE_BYTES_MAX;
  }

  /** Those that were added since the last call: the size goes on. */
  take(): ByteString[] {
    const texts = this.#texts;
    this.#texts = [];
    return texts;
  }
}

const ROOT_ROLE_TEXT = renderRole(ROOT_ROLE);
const TOO_LARGE = refuseAuth(500, 'the answer is too large; ask for users and roles one by one');

function userOfText(name: ByteString, text: ByteString): User {
  const user = readUser(text) as User;
  return name === ROOT ? withRootRole(user) : user;
}

/** Whatever stands in the store, the user `root` has its role. */
export function withRootRole(user: User): User {
  return user.roles?.includes(ROOT) ? user : { ...user, roles: [...(user.roles ?? []), ROOT] };
}
