/** Granting and revoking the permissions of a role. Source: etcd 3.4, etcdserver/api/v2auth/auth.go. */
import type { ByteString } from '../base/byte-string.ts';
import type { NameList, Permissions } from './auth-records.ts';

/** @returns what is granted then, sorted; or what is granted twice, in etcd's words. */
export function grant(old: Permissions, given: Permissions | undefined): Permissions | string {
  if (given === undefined) return old;
  const read = union(old.read, given.read);
  if (!(read instanceof Set)) return `Granting duplicate read permission ${read}`;
  const write = union(old.write, given.write);
  if (!(write instanceof Set)) return `Granting duplicate write permission ${write}`;
  return { read: [...read].sort(), write: [...write].sort() };
}

/** @returns the first that is granted twice when there is one. */
function union(old: NameList, given: NameList): Set<ByteString> | ByteString {
  const patterns = new Set(old);
  for (const pattern of given ?? []) {
    if (patterns.has(pattern)) return pattern;
    patterns.add(pattern);
  }
  return patterns;
}

/** Unlike a role of a user, a permission that is revoked need not have been granted. */
export function revoke(old: Permissions, given: Permissions | undefined): Permissions {
  if (given === undefined) return old;
  return { read: without(old.read, given.read), write: without(old.write, given.write) };
}

function without(old: NameList, given: NameList): NameList {
  const patterns = new Set(old);
  for (const pattern of given ?? []) patterns.delete(pattern);
  return [...patterns].sort();
}
