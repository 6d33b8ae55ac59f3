/** Guessing of passwords: what it costs others, and where it ends. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { type CheckResult, Passwords } from '../../src/front/access/passwords.ts';
import { apiTest } from '../support/api-test.ts';
import { ApiClient } from '../support/http.ts';
import { AuthClient, basic, turnOn } from './auth-client.ts';

describe('a flood of wrong passwords', () => {
  apiTest('is told to come again beyond a bound, and keeps nobody else', async ({ api }) => {
    const { as } = await turnOn(api, { ann: { read: ['/*'], write: ['/*'] }, bob: { read: ['/*'] } });
    expect((await as('ann').setByForm('/k')).status).toBe(201);
    const guesses = Array.from(
      { length: 100 },
      (_, number) => new AuthClient(new ApiClient(api.url), basic('ann', `${number}`)),
    );
    let guessed = 0;
    const statuses = guesses.map(async (guess) => {
      const { status, headers, text } = await guess.get('/k');
      guessed++;
      if (status === 503) {
        expect(headers['retry-after']).toBe('1');
        expect(text).toContain('too many passwords wait to be checked');
      }
      return status;
    });
    // Eight of one user may wait. Whoever is known is served meanwhile, however long the eight take.
    await expect.poll(() => guessed, { timeout: 30_000 }).toBeGreaterThanOrEqual(92);
    for (let times = 0; times < 50; times++) expect((await as('ann').setByForm('/k')).status).toBe(200);
    // Another user finds a place in the line.
    expect((await as('bob').get('/k')).status).toBe(200);
    const all = await Promise.all(statuses);
    expect(all.filter((status) => status === 401)).toHaveLength(8);
    expect(all.filter((status) => status === 503)).toHaveLength(92);
    await Promise.all(guesses.map((guess) => guess.api.close()));
  });

  apiTest('whose clients go while they wait leaves nothing behind', async ({ api }) => {
    const { as } = await turnOn(api, { ann: { read: ['/*'], write: ['/*'] } });
    for (let round = 0; round < 3; round++) {
      const guesses = Array.from({ length: 8 }, () => new ApiClient(api.url));
      const answers = guesses.map((guess, number) =>
        new AuthClient(guess, basic('ann', `${round} ${number}`)).setByForm('/k').then(
          () => 'answered',
          () => 'gone',
        ),
      );
      await Promise.all(guesses.map((guess) => guess.close()));
      await Promise.all(answers);
      expect((await as('ann').setByForm('/k')).status).toBeLessThan(300);
    }
  });
});

describe('a check', () => {
  const limits = {
    passwordQueueMax: 3,
    passwordQueuePerUserMax: 2,
    rememberedPasswordsMax: 2,
    rememberedPasswordMsMax: 60_000,
  };
  let passwords: Passwords;
  afterEach(() => passwords.close());

  const check = (name: string, password: string, hash: ByteString) =>
    new Promise<CheckResult>((resolve) => {
      const credentials = { name: name as ByteString, password: password as ByteString };
      passwords.check(`${name}:${password}`, credentials, hash, resolve);
    });
  const hashOf = async (password: string) => (await passwords.hash(password as ByteString)) as ByteString;

  test('is refused when too many wait, of all users or of one, and shared by those who ask the same', async () => {
    passwords = new Passwords(limits);
    const hash = await hashOf('p');
    const results = await Promise.all([
      check('a', 'p', hash),
      check('a', 'p', hash),
      check('a', 'x', hash),
      check('a', 'y', hash),
      check('b', 'p', hash),
      check('c', 'p', hash),
      passwords.hash('q' as ByteString),
    ]);
    expect(results).toEqual(['right', 'right', 'wrong', 'busy', 'right', 'busy', undefined]);
    expect(await check('c', 'p', hash)).toBe('right');
  });

  test('that was right is remembered with the hash it was right for, the latest few', async () => {
    passwords = new Passwords(limits);
    const hash = await hashOf('p');
    expect(hash).toMatch(/^\$2a\$10\$/);
    for (const name of ['a', 'b', 'c']) await check(name, 'p', hash);
    await check('d', 'wrong', hash);
    expect(passwords.recall('a:p')).toBeUndefined();
    expect(passwords.recall('b:p')).toMatchObject({ name: 'b', hash });
    expect(passwords.recall('c:p')).toMatchObject({ name: 'c', hash });
    expect(passwords.recall('d:wrong')).toBeUndefined();
  });

  test('is forgotten when it was not used for its time, and not before', async () => {
    let nowMs = 0;
    passwords = new Passwords({ ...limits, rememberedPasswordMsMax: 10 }, () => nowMs);
    await check('a', 'p', await hashOf('p'));
    for (nowMs = 9; nowMs < 50; nowMs += 9) expect(passwords.recall('a:p')).toMatchObject({ name: 'a' });
    nowMs += 10;
    expect(passwords.recall('a:p')).toBeUndefined();
  });

  test('of bytes that are no UTF-8 is wrong, whatever they look like as a text', async () => {
    passwords = new Passwords(limits);
    const replaced = 'caf\xef\xbf\xbd';
    expect(await check('a', replaced, await hashOf(replaced))).toBe('right');
    for (const password of ['caf\xe9', 'caf\xff', 'caf\xe2\x82'])
      expect(await check('a', password, await hashOf(replaced))).toBe('wrong');
  });

  test('looks at 72 bytes, and what follows may be anything', async () => {
    passwords = new Passwords(limits);
    const looked = '\xc3\xa9'.repeat(36);
    const hash = await hashOf(`${looked}\xc3\xa9`);
    for (const more of ['', '\xc3\xa9', 'x', '\xff']) expect(await check('a', looked + more, hash)).toBe('right');
    expect(await check('a', looked.slice(2), hash)).toBe('wrong');
  });

  test('is checked again as soon as there can be a thread for it, and not before', async () => {
    let opened = 0;
    const pool = { run: async () => true, destroy: async () => {} };
    const open = async () => {
      if (opened++ === 0) throw new Error('EMFILE: too many open files');
      return pool;
    };
    passwords = new Passwords(limits, undefined, open);
    const hash = 'a hash' as ByteString;
    expect(await check('a', 'p', hash)).toBe('busy');
    expect(await check('a', 'p', hash)).toBe('right');
    expect(opened).toBe(2);
  });

  test('is not waited for when its thread could not begin, and checked by the next one', async () => {
    const fails: (() => void)[] = [];
    const open = async (onError: () => void) => {
      let refuse: (error: Error) => void = () => {};
      const isFirst = fails.push(onError) === 1;
      const run = () =>
        new Promise<boolean>((resolve, reject) => {
          if (isFirst) refuse = reject;
          else resolve(true);
        });
      return { run, destroy: async () => refuse(new Error('Terminating worker thread')) };
    };
    passwords = new Passwords(limits, undefined, open);
    const hash = 'a hash' as ByteString;
    const first = check('a', 'p', hash);
    await new Promise((resolve) => setImmediate(resolve));
    fails[0]?.();
    expect(await first).toBe('busy');
    expect(await check('a', 'p', hash)).toBe('right');
  });

  test('against what is no hash is wrong', async () => {
    passwords = new Passwords(limits);
    expect(await check('a', 'p', 'nonsense' as ByteString)).toBe('wrong');
  });
});
