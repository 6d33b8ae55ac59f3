/** A front end's copy of users, roles and the switch: read here, written by the news of the store worker only. */
import type { ByteString } from '../../base/byte-string.ts';
import { ROOT, ROOT_ROLE, type Role, readRole, readUser, type User } from '../../protocol/auth-records.ts';
import type { SecurityNews } from '../../store/security-news.ts';
import { ON, ROLES_PATH, SWITCH_PATH, USERS_PATH } from '../../store/security-reader.ts';

export class SecurityCopy {
  /** Of the latest news; 0 before the first. */
  version = 0;
  isEnabled = false;
  readonly #users = new Map<ByteString, User>();
  readonly #roles = new Map<ByteString, Role>();

  /** @param text `SecurityNews` as JSON. */
  take(version: number, text: string): void {
    const { isWhole, nodes }: SecurityNews = JSON.parse(text);
    if (isWhole) {
      this.#users.clear();
      this.#roles.clear();
      this.isEnabled = false;
    }
    for (const [path, value] of nodes) this.#takeNode(path, value);
    this.version = version;
  }

  user(name: ByteString): User | undefined {
    return this.#users.get(name);
  }

  role(name: ByteString): Role | undefined {
    return name === ROOT ? ROOT_ROLE : this.#roles.get(name);
  }

  #takeNode(path: ByteString, value: ByteString | null): void {
    if (path === SWITCH_PATH) this.isEnabled = value === ON;
    else if (path.startsWith(USERS_PATH)) place(this.#users, path.slice(USERS_PATH.length + 1), value, readUser);
    else place(this.#roles, path.slice(ROLES_PATH.length + 1), value, readRole);
  }
}

function place<T>(
  items: Map<ByteString, T>,
  name: string,
  value: ByteString | null,
  read: (text: ByteString) => T | undefined,
): void {
  const item = value === null ? undefined : read(value);
  if (item === undefined) items.delete(name as ByteString);
  else items.set(name as ByteString, item);
}
