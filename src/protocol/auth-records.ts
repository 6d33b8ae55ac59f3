/**
 * Users and roles, as they stand in requests, in answers and in the store: read from JSON as Go reads it, and written as
 * Go writes it, where a list that was never given is `null` and one that is empty is `[]`. Source: etcd 3.4,
 * etcdserver/api/v2auth/auth.go.
 */
import { type ByteString, byteStringOf } from '../base/byte-string.ts';
import { fieldsOf, takeTexts, valueOfJson } from './go-json.ts';
import { escapeJson } from './json.ts';

/** `null` when it was never given. */
export type NameList = readonly ByteString[] | null;

export interface User {
  user: ByteString;
  /** In a request the password itself, in the store its hash; `''` for none. */
  password: ByteString;
  roles: NameList;
  grant: NameList;
  revoke: NameList;
}

/** Patterns of keys: exact, or with `*` at the end for all that begin so. */
export interface Permissions {
  read: NameList;
  write: NameList;
}

export interface Role {
  role: ByteString;
  permissions: Permissions;
  grant: Permissions | undefined;
  revoke: Permissions | undefined;
}

export const ROOT = 'root' as ByteString;
export const GUEST = 'guest' as ByteString;

const EVERY_KEY: Permissions = { read: ['/*' as ByteString], write: ['/*' as ByteString] };
/** The role that always is, and that nobody can change. */
export const ROOT_ROLE = roleNamed(ROOT, EVERY_KEY);
/** What those without credentials may do, unless somebody has made the role otherwise before. */
export const DEFAULT_GUEST_ROLE = roleNamed(GUEST, EVERY_KEY);

export function isEmpty(permissions: Permissions | undefined): boolean {
  return permissions === undefined || (isNothing(permissions.read) && isNothing(permissions.write));
}

export function isNothing(list: NameList): boolean {
  return list === null || list.length === 0;
}

/** @param text the body of a request. What follows its first value is not looked at. @returns undefined when it is no user. */
export function readUser(text: ByteString): User | undefined {
  const user: User = { user: NOTHING, password: NOTHING, roles: null, grant: null, revoke: null };
  const isRead = readFields(valueOfJson(text), {
    user: (value) => readText(value, (name) => (user.user = name)),
    password: (value) => readText(value, (password) => (user.password = password)),
    roles: listReader((list) => (user.roles = list)),
    grant: listReader((list) => (user.grant = list)),
    revoke: listReader((list) => (user.revoke = list)),
  });
  return isRead ? user : undefined;
}

/** The same for a role. */
export function readRole(text: ByteString): Role | undefined {
  const role = roleNamed(NOTHING, { read: null, write: null });
  const isRead = readFields(valueOfJson(text), {
    role: (value) => readText(value, (name) => (role.role = name)),
    permissions: permissionsReader(role.permissions),
    grant: optionalReader((permissions) => (role.grant = permissions)),
    revoke: optionalReader((permissions) => (role.revoke = permissions)),
  });
  return isRead ? role : undefined;
}

export function renderUser({ user, password, roles, grant, revoke }: User): ByteString {
  const passwordField = password === '' ? '' : `,"password":${textJson(password)}`;
  const grantField = isNothing(grant) ? '' : `,"grant":${listJson(grant)}`;
  const revokeField = isNothing(revoke) ? '' : `,"revoke":${listJson(revoke)}`;
  return `{"user":${textJson(user)}${passwordField},"roles":${listJson(roles)}${grantField}${revokeField}}` as ByteString;
}

export function renderRole({ role, permissions, grant, revoke }: Role): ByteString {
  const grantField = grant === undefined ? '' : `,"grant":${permissionsJson(grant)}`;
  const revokeField = revoke === undefined ? '' : `,"revoke":${permissionsJson(revoke)}`;
  return `{"role":${textJson(role)},"permissions":${permissionsJson(permissions)}${grantField}${revokeField}}` as ByteString;
}

/** A user with its roles spelled out, as JSON; without any the field is left out. */
export function renderUserWithRoles(user: ByteString, roles: readonly ByteString[]): ByteString {
  const rolesField = roles.length === 0 ? '' : `,"roles":[${roles.join(',')}]`;
  return `{"user":${textJson(user)}${rolesField}}` as ByteString;
}

function permissionsJson({ read, write }: Permissions): string {
  return `{"kv":{"read":${listJson(read)},"write":${listJson(write)}}}`;
}

function listJson(list: NameList): string {
  return list === null ? 'null' : `[${list.map(textJson).join(',')}]`;
}

function textJson(text: ByteString): string {
  return `"${escapeJson(text)}"`;
}

function roleNamed(role: ByteString, permissions: Permissions): Role {
  return { role, permissions, grant: undefined, revoke: undefined };
}

const NOTHING = '' as ByteString;

/** Takes one value in; false when it is of a kind that the field cannot have. A `null` changes nothing, or empties a list. */
type FieldReader = (value: unknown) => boolean;

/**
 * Gives each field of an object to the reader of its name. As Go does: by a name that differs in case only, too, each time
 * that it comes, unknown ones are passed over, and `null` is an object without fields.
 */
function readFields(value: unknown, readers: Readonly<Record<string, FieldReader>>): boolean {
  if (value === null) return true;
  const fields = fieldsOf(value);
  if (fields === undefined) return false;
  return fields.every(([name, field]) => {
    const folded = foldedName(name);
    return !Object.hasOwn(readers, folded) || (readers[folded] as FieldReader)(field);
  });
}

/** Go knows two letters beyond ASCII that differ from one of ASCII in case only: the sign of Kelvin, and the long s. */
function foldedName(name: string): string {
  return name.toLowerCase().replaceAll('\u017f', 's');
}

function readText(value: unknown, take: (text: ByteString) => void): boolean {
  if (typeof value === 'string') take(byteStringOf(value));
  return value === null || typeof value === 'string';
}

function listReader(take: (list: NameList) => void): FieldReader {
  const left: string[] = [];
  return (value) => {
    if (value !== null && !Array.isArray(value)) return false;
    const items: readonly unknown[] | null = value;
    if (items?.some((item) => item !== null && typeof item !== 'string')) return false;
    take(takeTexts(items, left)?.map(byteStringOf) ?? null);
    return true;
  };
}

function permissionsReader(permissions: Permissions): FieldReader {
  const lists = {
    read: listReader((patterns) => (permissions.read = patterns)),
    write: listReader((patterns) => (permissions.write = patterns)),
  };
  return (value) => readFields(value, { kv: (kv) => readFields(kv, lists) });
}

function optionalReader(take: (permissions: Permissions | undefined) => void): FieldReader {
  let read: FieldReader | undefined;
  return (value) => {
    if (value === null) {
      read = undefined;
      take(undefined);
      return true;
    }
    if (read === undefined) {
      const permissions = { read: null, write: null };
      read = permissionsReader(permissions);
      take(permissions);
    }
    return read(value);
  };
}
