/**
 * Users, roles and the switch of authentication. As in etcd they are nodes of the store: each change takes an index, is
 * an event of the history, counts in the statistics, and is hashed, kept and undone like any other. They stand in the
 * tree's vault, where no path of a client leads, under the paths that they have in etcd:
 *
 *   /2            directory          made with the first change that gets so far, with
 *   /2/users      directory          all three that are below it here
 *   /2/roles      directory
 *   /2/enabled    `true` or `false`
 *   /2/users/NAME  a user as JSON, its password as a bcrypt hash
 *   /2/roles/NAME  a role as JSON; the role `root` has no node
 *
 * Refusals, their order, and the reads made on the way are etcd's, down to the two it makes twice. Source: etcd 3.4,
 * etcdserver/api/v2auth/auth.go and auth_requests.go.
 */
import type { ByteString } from '../base/byte-string.ts';
import {
  DEFAULT_GUEST_ROLE,
  GUEST,
  isEmpty,
  isNothing,
  ROOT,
  type Role,
  readRole,
  readUser,
  renderRole,
  renderUser,
  type User,
} from '../protocol/auth-records.ts';
import { AuthOp } from '../protocol/auth-request.ts';
import { Flag, Op } from '../protocol/command.ts';
import { grant, revoke } from '../protocol/permissions.ts';
import { Failure } from './failure.ts';
import type { Node } from './node.ts';
import { type AuthAnswer, answer, DONE, isRefusal, refuse, refuseAuth, refuseRootRole } from './security-answers.ts';
import {
  ON,
  ROLES_PATH,
  SECURITY_PATH,
  SecurityReader,
  SWITCH_PATH,
  USERS_PATH,
  withRootRole,
} from './security-reader.ts';
import type { Store, Write } from './store.ts';

const OFF = 'false' as ByteString;
const NOTHING = '' as ByteString;

export interface AuthCommand {
  readonly op: AuthOp;
  /** `Flag.ensureAuth` and `Flag.badQuery` count. */
  readonly flags: number;
  /** Of the user or role. */
  readonly name: ByteString;
  /** The user or role that a put means, as JSON. */
  readonly value: ByteString;
  readonly timeMs: number;
}

export class Security {
  readonly #store: Store;
  readonly #reader: SecurityReader;
  /** The frame of all writes here. */
  readonly #write: Write = {
    op: Op.create,
    flags: 0,
    path: NOTHING,
    value: NOTHING,
    prevValue: NOTHING,
    prevIndex: 0,
    expirationMs: 0,
    timeMs: 0,
  };
  #mustEnsure = false;

  constructor(store: Store) {
    this.#store = store;
    this.#reader = new SecurityReader(store);
  }

  /** Whether the last command has made sure of its directories. etcd does so once a process: `Flag.ensureAuth`. */
  get hasEnsured(): boolean {
    return !this.#mustEnsure;
  }

  /** Whether the switch has ever been touched. A request looks for it, and that look counts as a read. */
  get hasSwitch(): boolean {
    return this.#store.tree.find(SWITCH_PATH) !== undefined;
  }

  /** All nodes: what a front end has to know. */
  nodes(): Node[] {
    return [USERS_PATH, ROLES_PATH].flatMap((path) => this.#childrenAt(path)).concat(this.#switchNode());
  }

  #childrenAt(path: ByteString): Node[] {
    const { tree } = this.#store;
    const node = tree.find(path);
    return node?.isDirectory === true ? tree.childrenOf(node) : [];
  }

  #switchNode(): Node[] {
    const node = this.#store.tree.find(SWITCH_PATH);
    return node === undefined ? [] : [node];
  }

  perform(command: AuthCommand): AuthAnswer {
    const { op, name, value, flags } = command;
    this.#write.timeMs = command.timeMs;
    this.#mustEnsure = (flags & Flag.ensureAuth) !== 0;
    const hasBadQuery = (flags & Flag.badQuery) !== 0;
    switch (op) {
      case AuthOp.getEnabled:
        return this.#reader.showSwitch();
      case AuthOp.getUsers:
        return this.#reader.listUsers(hasBadQuery);
      case AuthOp.getUser:
        return this.#reader.showUser(name, hasBadQuery);
      case AuthOp.getRoles:
        return this.#reader.listRoles(hasBadQuery);
      case AuthOp.getRole:
        return this.#reader.showRole(name);
      case AuthOp.putUser:
        return this.#putUser(readUser(value) as User);
      case AuthOp.deleteUser:
        return this.#deleteUser(name);
      case AuthOp.putRole:
        return this.#putRole(readRole(value) as Role);
      case AuthOp.deleteRole:
        return this.#deleteRole(name);
      case AuthOp.enable:
        return this.#enable();
      case AuthOp.disable:
        return this.#disable();
    }
  }

  #putUser(user: User): AuthAnswer {
    const isChange = !isNothing(user.grant) || !isNothing(user.revoke);
    if (isChange) {
      if (!isNothing(user.roles)) return refuse(400, 'User JSON contains both roles and grant/revoke');
      return this.#updateUser(user);
    }
    // With roles it can only be meant to be new, and etcd forgets to say 201 then.
    if (!isNothing(user.roles)) return this.#createUser(user, 200);
    return isRefusal(this.#reader.user(user.user)) ? this.#createUser(user, 201) : this.#updateUser(user);
  }

  #createUser(given: User, status: number): AuthAnswer {
    const user = given.user === ROOT ? withRootRole(given) : given;
    if (user.password === '') return refuseAuth(400, `Cannot create user ${user.user} with an empty password`);
    const failure = this.#put(Op.create, `${USERS_PATH}/${user.user}` as ByteString, renderUser(user));
    if (failure !== undefined) return refuseAuth(409, `User ${user.user} already exists.`);
    return answer(status, `${renderUser({ ...user, password: NOTHING })}\n`);
  }

  #updateUser(change: User): AuthAnswer {
    const old = this.#reader.user(change.user);
    if (isRefusal(old)) return old;
    const roles = new Set(old.roles);
    for (const role of change.grant ?? []) {
      if (roles.has(role)) return refuseAuth(409, `Granting duplicate role ${role} for user ${change.user}`);
      roles.add(role);
    }
    for (const role of change.revoke ?? []) {
      if (!roles.delete(role)) return refuseAuth(409, `Revoking ungranted role ${role} for user ${change.user}`);
    }
    const user: User = {
      user: old.user,
      password: change.password === '' ? old.password : change.password,
      roles: [...roles].sort(),
      grant: null,
      revoke: null,
    };
    // A list that was never given and one that is empty are not the same here.
    if (renderUser(user) === renderUser(old)) {
      return refuseAuth(400, 'User not updated. Use grant/revoke/password to update the user.');
    }
    this.#put(Op.update, `${USERS_PATH}/${user.user}` as ByteString, renderUser(user));
    return answer(200, `${renderUser({ ...user, password: NOTHING })}\n`);
  }

  #deleteUser(name: ByteString): AuthAnswer {
    if (this.#reader.isEnabled() && name === ROOT) {
      return refuseAuth(403, 'Cannot delete root user while auth is enabled.');
    }
    const failure = this.#put(Op.delete, `${USERS_PATH}/${name}` as ByteString, NOTHING);
    return failure === undefined ? DONE : refuseAuth(404, `User ${name} does not exist`);
  }

  #putRole(role: Role): AuthAnswer {
    if (isEmpty(role.grant) && isEmpty(role.revoke)) {
      return this.#createRole(role) ?? answer(201, `${renderRole(role)}\n`);
    }
    if (!isEmpty(role.permissions)) return refuse(400, 'Role JSON contains both permissions and grant/revoke');
    return this.#updateRole(role);
  }

  #createRole(role: Role): AuthAnswer | undefined {
    if (role.role === ROOT) return refuseRootRole();
    const failure = this.#put(Op.create, `${ROLES_PATH}/${role.role}` as ByteString, renderRole(role));
    return failure === undefined ? undefined : refuseAuth(409, `Role ${role.role} already exists.`);
  }

  #updateRole(change: Role): AuthAnswer {
    if (change.role === ROOT) return refuseRootRole();
    const old = this.#reader.role(change.role);
    if (isRefusal(old)) return old;
    const granted = grant(old.permissions, change.grant);
    if (typeof granted === 'string') return refuseAuth(409, granted);
    const permissions = revoke(granted, change.revoke);
    const role: Role = { role: old.role, permissions, grant: undefined, revoke: undefined };
    if (renderRole(role) === renderRole(old)) {
      return refuseAuth(400, 'Role not updated. Use grant/revoke to update the role.');
    }
    this.#put(Op.update, `${ROLES_PATH}/${role.role}` as ByteString, renderRole(role));
    return answer(200, `${renderRole(role)}\n`);
  }

  #deleteRole(name: ByteString): AuthAnswer {
    if (name === ROOT) return refuseRootRole();
    const failure = this.#put(Op.delete, `${ROLES_PATH}/${name}` as ByteString, NOTHING);
    return failure === undefined ? DONE : refuseAuth(404, `Role ${name} doesn't exist.`);
  }

  #enable(): AuthAnswer {
    this.#reader.isEnabled(); // As etcd does, which asks once for the handler and once for the change.
    if (this.#reader.isEnabled()) return refuseAuth(409, 'already enabled');
    if (isRefusal(this.#reader.user(ROOT))) return refuseAuth(409, 'No root user available, please create one');
    if (isRefusal(this.#reader.role(GUEST))) this.#createRole(DEFAULT_GUEST_ROLE);
    this.#put(Op.update, SWITCH_PATH, ON);
    return DONE;
  }

  #disable(): AuthAnswer {
    this.#reader.isEnabled();
    if (!this.#reader.isEnabled()) return refuseAuth(409, 'already disabled');
    this.#put(Op.update, SWITCH_PATH, OFF);
    return DONE;
  }

  #put(op: Op, path: ByteString, value: ByteString): Failure | undefined {
    this.#ensure();
    return this.#perform(op, 0, path, value);
  }

  #ensure(): void {
    if (!this.#mustEnsure) return;
    for (const directory of [SECURITY_PATH, USERS_PATH, ROLES_PATH])
      this.#perform(Op.create, Flag.dir, directory, NOTHING);
    this.#perform(Op.create, 0, SWITCH_PATH, OFF);
    this.#mustEnsure = false;
  }

  #perform(op: Op, flags: number, path: ByteString, value: ByteString): Failure | undefined {
    const write = this.#write;
    write.op = op;
    write.flags = flags;
    write.path = path;
    write.value = value;
    const outcome = this.#store.write(write);
    return outcome instanceof Failure ? outcome : undefined;
  }
}
