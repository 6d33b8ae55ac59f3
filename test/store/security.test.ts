import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { STORE_COUNTERS } from '../../src/protocol/answers.ts';
import { AuthOp, isAuthWriteOp } from '../../src/protocol/auth-request.ts';
import { Flag } from '../../src/protocol/command.ts';
import { type AuthCommand, Security } from '../../src/store/security.ts';
import { newsSince, wholeNews } from '../../src/store/security-news.ts';
import { Store } from '../../src/store/store.ts';
import { UndoLog } from '../../src/store/undo-log.ts';
import { perform, randomSteps, type Step, timeOf } from './random-steps.ts';
import { contentOf, NOON_MS, reborn, set } from './store-fixture.ts';

type MixedStep = Step | { readonly kind: 'auth'; readonly command: Omit<AuthCommand, 'timeMs'> };

const name = fc.constantFrom('root', 'guest', 'a', 'b', '_h');
const names = fc.option(fc.array(name, { maxLength: 2 }), { nil: null });
const kv = fc.record({ read: names, write: names }).map((lists) => ({ kv: lists }));
const permissions = fc.option(kv, { nil: null, freq: 2 });
const writeOps = Object.values(AuthOp).filter(isAuthWriteOp);
const authStep = fc
  .record({
    op: fc.constantFrom(...writeOps, AuthOp.putUser, AuthOp.putRole),
    name,
    ensures: fc.boolean(),
    user: fc.record({ password: fc.constantFrom('', 'hash', 'other'), roles: names, grant: names, revoke: names }),
    role: fc.record({ permissions, grant: permissions, revoke: permissions }),
  })
  .map(({ op, name, ensures, user, role }): MixedStep => {
    const value =
      op === AuthOp.putUser ? { user: name, ...user } : op === AuthOp.putRole ? { role: name, ...role } : {};
    const flags = ensures ? Flag.ensureAuth : 0;
    return {
      kind: 'auth',
      command: { op, flags, name: name as ByteString, value: JSON.stringify(value) as ByteString },
    };
  });

const mixedSteps = (maxLength: number) =>
  fc
    .tuple(fc.array(authStep, { maxLength, size: 'max' }), randomSteps(maxLength))
    .map(([auth, keys]): MixedStep[] => auth.flatMap((step, at) => [step, ...keys.slice(at, at + 1)]));

/** The first command makes sure of the directories, as the first of a process does. */
const BEGIN: MixedStep = {
  kind: 'auth',
  command: { op: AuthOp.deleteUser, flags: Flag.ensureAuth, name: 'x' as ByteString, value: '' as ByteString },
};

function play(store: Store, steps: readonly MixedStep[], first = 0): void {
  const security = new Security(store);
  steps.forEach((step, offset) => {
    const position = first + offset;
    if (step.kind !== 'auth') perform(store, step, position);
    else {
      if (store.undoLog !== undefined) store.undoLog.sequence = position + 1;
      security.perform({ ...step.command, timeMs: timeOf(position) });
    }
  });
}

function played(steps: readonly MixedStep[], first = 0): Store {
  const store = new Store(1000, true);
  play(store, steps, first);
  return store;
}

const stateOf = (store: Store) => ({
  index: store.index,
  hash: store.tree.hash,
  size: store.tree.size,
  keys: contentOf(store),
  // In any order, as a directory holds its children in any.
  security: JSON.parse(wholeNews(new Security(store))).nodes.sort(),
});

describe('users and roles among keys', () => {
  test('come back from a snapshot, and go on alike', () => {
    fc.assert(
      fc.property(mixedSteps(25), mixedSteps(10), (before, after) => {
        const first = played([BEGIN, ...before]);
        const second = reborn(first);
        expect(stateOf(second)).toEqual(stateOf(first));
        expect(second.stateHash).toBe(first.stateHash);
        play(first, after, 1 + before.length);
        play(second, after, 1 + before.length);
        expect(second.stateHash).toBe(first.stateHash);
      }),
    );
  });

  test('are undone with all that one command has made of them', () => {
    fc.assert(
      fc.property(mixedSteps(15), mixedSteps(15), (durable, lost) => {
        const store = new Store(1000, true);
        store.undoLog = new UndoLog();
        play(store, durable);
        const before = stateOf(store);
        play(store, [BEGIN, ...lost], durable.length);
        store.undoLog.trim(durable.length);
        store.undoLog.rollBack(store);
        expect(stateOf(store)).toEqual(before);
      }),
    );
  });

  test('are told to whoever keeps a copy so that it is the same at each moment', () => {
    fc.assert(
      fc.property(mixedSteps(25), (steps) => {
        const store = new Store(1000, true);
        const copy = new Map<string, string>();
        [BEGIN, ...steps].forEach((step, position) => {
          const { index } = store;
          play(store, [step], position);
          const { isWhole, nodes } = JSON.parse(newsSince(index, store) ?? '');
          expect(isWhole).toBe(false);
          for (const [path, value] of nodes.filter(([path]: string[]) => !path?.startsWith('/'))) {
            if (value === null) copy.delete(path);
            else copy.set(path, value);
          }
          const whole = JSON.parse(wholeNews(new Security(store))).nodes;
          expect(new Map([...copy].sort())).toEqual(new Map(whole.sort()));
        });
      }),
    );
  });

  test('are no keys: no listing, no watch and no count of children knows of them', () => {
    const store = new Store(1000, true);
    set(store, '/k');
    const keys = contentOf(store);
    const index = store.index;
    store.watch(1, '' as ByteString, true, true, 0);
    play(store, [BEGIN]);
    expect(store.index).toBe(index + 4);
    expect(contentOf(store)).toEqual(keys);
    expect(store.tree.root.children).toHaveLength(1);
    expect(store.watch(2, '' as ByteString, true, false, index + 1)).toBeUndefined();
  });
});

describe('a user whose roles spelled out are more than an answer may be', () => {
  const store = new Store(1000, true);
  const security = new Security(store);
  const perform = (op: AuthOp, name: string, value: object = {}) =>
    security.perform({
      op,
      flags: Flag.ensureAuth,
      name: name as ByteString,
      value: JSON.stringify(value) as ByteString,
      timeMs: NOON_MS,
    });
  const pattern = 'p'.repeat(1024 * 1024);
  const userWith = (count: number) => ({ user: `u${count}`, password: 'hash', roles: Array(count).fill('r') });
  perform(AuthOp.putRole, 'r', { role: 'r', permissions: { kv: { read: [pattern], write: [] } } });

  test('is shown with a few of them', () => {
    perform(AuthOp.putUser, 'u2', userWith(2));
    const { status, body } = perform(AuthOp.getUser, 'u2');
    expect(status).toBe(200);
    expect(JSON.parse(body).roles).toHaveLength(2);
    expect(perform(AuthOp.getUsers, '').status).toBe(200);
  });

  test('is refused, alone and among others, and so are all roles that are too large together', () => {
    perform(AuthOp.putUser, 'u1000', userWith(1000));
    for (let number = 0; number < 32; number++)
      perform(AuthOp.putRole, `s${number}`, {
        role: `s${number}`,
        permissions: { kv: { read: [pattern], write: [] } },
      });
    const refusal = { status: 500, body: expect.stringContaining('the answer is too large') };
    expect(perform(AuthOp.getUser, 'u1000')).toMatchObject(refusal);
    expect(perform(AuthOp.getUsers, '')).toMatchObject(refusal);
    expect(perform(AuthOp.getRoles, '')).toMatchObject(refusal);
    expect(perform(AuthOp.getUser, 'u2').status).toBe(200);
    expect(perform(AuthOp.getRole, 's1').status).toBe(200);
  });
});

test('a history that is too short has no news, so that all is told', () => {
  const store = new Store(2, true);
  play(store, [BEGIN]);
  expect(newsSince(1, store)).toBeUndefined();
  expect(JSON.parse(newsSince(3, store) ?? '').nodes).toEqual([['\0/2/enabled', 'false']]);
});

test('a snapshot of a store without users and roles is what it was before there were any', () => {
  const store = new Store(1000, true);
  set(store, '/k', 'v', { timeMs: NOON_MS });
  // As of the builds before: checkpoints in the journals that they have written still agree.
  expect(store.stateHash).toBe(-64_145_385);
  expect(store.tree.size).toBe(1);
});

test('a change makes sure of the directories once, of however many writes it is made', () => {
  const store = new Store(1000, true);
  const security = new Security(store);
  const command = (op: AuthOp, flags: number, name = '', value = ''): AuthCommand => {
    return { op, flags, name: name as ByteString, value: value as ByteString, timeMs: NOON_MS };
  };
  security.perform(command(AuthOp.putUser, Flag.ensureAuth, 'root', '{"user":"root","password":"hash"}'));
  expect(security.hasEnsured).toBe(true);
  const indexBefore = store.index;
  // Another process: it makes sure again, of what is there, and then makes the role of guests and turns the switch.
  security.perform(command(AuthOp.enable, Flag.ensureAuth));
  expect(security.hasEnsured).toBe(true);
  expect(store.index).toBe(indexBefore + 2);
  const createFail = STORE_COUNTERS.indexOf('createFail');
  expect(store.statistics.counts[createFail]).toBe(4);
});

test('lists leave out who is hidden by the name, as a listing of keys does', () => {
  const store = new Store(1000, true);
  const security = new Security(store);
  const perform = (op: AuthOp, name = '', value = '') =>
    security.perform({
      op,
      flags: Flag.ensureAuth,
      name: name as ByteString,
      value: value as ByteString,
      timeMs: NOON_MS,
    });
  for (const name of ['b', '_h', 'a']) {
    perform(AuthOp.putUser, name, `{"user":"${name}","password":"hash"}`);
    perform(AuthOp.putRole, name, `{"role":"${name}","permissions":{"kv":{"read":[],"write":[]}}}`);
  }
  const shown = (op: AuthOp, field: string) => [...perform(op).body.matchAll(new RegExp(`"${field}":"(\\w+)"`, 'g'))];
  expect(shown(AuthOp.getUsers, 'user').map(([, name]) => name)).toEqual(['a', 'b']);
  expect(shown(AuthOp.getRoles, 'role').map(([, name]) => name)).toEqual(['a', 'b', 'root']);
});
